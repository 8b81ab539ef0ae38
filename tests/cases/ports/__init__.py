"""The cases of the ports checks."""
