"""The code points of TLS that the prober offers and reads, as their registries name them."""
