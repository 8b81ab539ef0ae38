"""The dns probe: resolver, chain of trust, and the zone's own name servers."""
