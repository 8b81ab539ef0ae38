"""Policies that ask the checks of this package."""
