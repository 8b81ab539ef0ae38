"""Audits the security of Indonesian e-government web services."""
