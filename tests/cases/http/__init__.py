"""The cases of the http checks."""
