"""How TLS is begun inside another protocol (STARTTLS), one opening for each that can.

An opening says what has to be said, and nothing about anybody: no login, no address, no query. It
ends where the server is ready for a ClientHello, in StarttlsDeclinedError with the reason, or in
TurnedAwayError where the server would have to be asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from spbe_audit.probes.tls.contact import Opening
from spbe_audit.probes.tls.starttls.databases import open_mysql, open_postgresql
from spbe_audit.probes.tls.starttls.ftp import open_ftp
from spbe_audit.probes.tls.starttls.ldap import open_ldap
from spbe_audit.probes.tls.starttls.mail import open_imap, open_pop3, open_smtp
from spbe_audit.probes.tls.starttls.xmpp import open_xmpp, open_xmpp_server

OPENINGS: Mapping[str, Opening] = MappingProxyType(
    {
        "smtp": open_smtp,
        "imap": open_imap,
        "pop3": open_pop3,
        "ftp": open_ftp,
        "ldap": open_ldap,
        "postgresql": open_postgresql,
        "mysql": open_mysql,
        "xmpp": open_xmpp,
        "xmpp-server": open_xmpp_server,
    }
)
"""By the protocol's name, as PortService.protocol has it."""

__all__ = ["OPENINGS"]
