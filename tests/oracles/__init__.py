"""Comparisons with the tools of others, run by hand (``make oracles``), never by ``make test``."""
