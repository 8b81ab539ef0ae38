"""TLS evidence: what an endpoint offers."""
