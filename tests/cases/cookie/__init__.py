"""The cases of the cookie checks."""
