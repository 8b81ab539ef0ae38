"""The cases of the dns checks."""
