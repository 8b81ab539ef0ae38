"""Regulations as catalogues of controls."""
