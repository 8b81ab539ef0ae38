"""Regulations that the policies cite."""
