"""Port evidence: which TCP ports are open."""
