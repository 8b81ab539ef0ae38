"""Questions about the domain name."""
