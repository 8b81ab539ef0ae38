"""Questions about HTTP answers."""
