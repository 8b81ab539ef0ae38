"""Policies: which answers a regulation wants."""
