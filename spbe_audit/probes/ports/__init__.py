"""Which ports of an address are open: two engines that are asked the same and answer alike."""
