"""Questions about the TLS handshake."""
