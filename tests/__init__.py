"""The tests; they never leave loopback."""
