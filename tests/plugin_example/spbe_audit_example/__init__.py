"""Checks and a policy of one city."""
