"""Questions about availability."""
