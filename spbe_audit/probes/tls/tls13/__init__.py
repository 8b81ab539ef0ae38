"""TLS 1.3 (RFC 8446) as a client that finishes one handshake, to read what is said under it.

Nothing is kept from anybody by this encryption: the keys live as long as the reading takes.
"""
