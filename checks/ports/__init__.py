"""Questions about open ports."""
