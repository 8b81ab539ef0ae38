"""Service evidence: what speaks on the open ports beside the web service."""
