"""The tls probe: what one TLS endpoint offers. See probe_tls in probe.py."""
