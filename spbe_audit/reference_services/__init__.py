"""Known-good and known-bad servers on loopback."""
