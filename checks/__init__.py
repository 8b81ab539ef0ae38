"""The built-in checks: one question, one pair of files."""
