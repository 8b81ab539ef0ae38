"""The cases of the uptime checks."""
