"""Which key exchange groups a server has that hold against quantum computers as well."""

from __future__ import annotations

from spbe_audit.evidence import HYBRID_GROUPS
from spbe_audit.probes.tls.client_hello import (
    KEY_SHARE,
    SUPPORTED_GROUPS,
    SUPPORTED_VERSIONS,
    TLS_1_3,
    numbers,
    own_hello,
    vector,
)
from spbe_audit.probes.tls.contact import Contact
from spbe_audit.probes.tls.server_flight import Flight, read_flight


async def find_hybrid_groups(contact: Contact) -> tuple[str, ...]:
    """The names of the hybrid groups that a TLS 1.3 server takes, its favourite first.

    They are offered without a key share, so that the server has to name the one that it wants
    (HelloRetryRequest, RFC 8446 4.1.4); that one is left out of the next offer. Raises
    BrokenFlightError, and what Contact.say raises.
    """
    left, found = dict(HYBRID_GROUPS), []
    plain = own_hello(contact.host)
    while left:
        extensions = {
            SUPPORTED_VERSIONS: vector(numbers([TLS_1_3]), length=1),
            SUPPORTED_GROUPS: vector(numbers(left)),
            KEY_SHARE: vector(b""),
        }
        hello = plain.with_extensions(extensions)
        flight = await contact.say(hello.record(), read_flight) or Flight()
        name = left.pop(flight.hello.retry_group or 0, None) if flight.hello else None
        if name is None:
            break
        found.append(name)
    return tuple(found)
