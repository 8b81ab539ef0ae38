"""Servers on loopback that the tests start and stop themselves."""
