"""Questions about web pages."""
