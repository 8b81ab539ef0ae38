"""Feeds the parsers of what TLS servers send with bytes that no honest server would send."""
