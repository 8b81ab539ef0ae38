"""The cases of the certificate checks."""
