"""Questions about cookies."""
