"""The cases of the tls checks."""
