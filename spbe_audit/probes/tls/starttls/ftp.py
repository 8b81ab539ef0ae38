"""AUTH TLS of FTP."""

from __future__ import annotations

from spbe_audit.probes.tls.contact import Line
from spbe_audit.probes.tls.starttls.inbox import Inbox, declined
from spbe_audit.probes.tls.starttls.text_lines import ask, read_reply

_WAIT, _READY, _SECURED = 120, 220, 234


async def open_ftp(line: Line, _host: str) -> None:
    """RFC 4217, 4. A server that asks for patience first (RFC 959, 4.2.2) is given it once."""
    inbox = Inbox(line)
    greeting = await read_reply(inbox)
    if greeting.code == _WAIT:
        greeting = await read_reply(inbox)
    if greeting.code != _READY:
        raise declined("it does not let us in", greeting.text)
    reply = await ask(inbox, b"AUTH TLS")
    if reply.code != _SECURED:
        raise declined("AUTH TLS is refused", reply.text)
    inbox.end()
