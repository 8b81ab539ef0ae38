"""Questions about the certificate chain."""
