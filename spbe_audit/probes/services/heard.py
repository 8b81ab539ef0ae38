"""Recognises a protocol by the first bytes that a port sends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from spbe_audit.probes.failures import short_text
from spbe_audit.probes.services.ssh import identification
from spbe_audit.probes.tls.greeting import Sort, sort_reply
from spbe_audit.probes.tls.starttls.ldap import BrokenLdapError, message_length, read_answer
from spbe_audit.probes.tls.starttls.xmpp import NAMESPACES, STREAMS


@dataclass(frozen=True, slots=True)
class Heard:
    """What the first bytes show; see PortService for the fields."""

    protocol: str
    banner: str = ""
    software: str = ""
    version: str = ""


_READABLE_LENGTH = 200
_PRODUCT = re.compile(
    r"(?<![\w.])(?P<software>[A-Za-z][A-Za-z+-]{2,30})[ /_](?:[Vv]|[Vv]ersion:? )?"
    r"(?P<version>\d{1,4}(?:\.\d{1,6}){1,3}(?:[a-z]{1,3}\d{0,3})?)(?![\w.])"
)
_NOT_SOFTWARE = frozenset(
    {"http", "https", "smtp", "esmtp", "lmtp", "ftp", "ssl", "tls", "rfb", "version"}
)
_SSH_SOFTWARE = re.compile(r"SSH-[\d.]+-(?P<software>[A-Za-z][A-Za-z ]*?)[_-]v?(?P<version>\d\S*)")
_MYSQL_SOFTWARE = re.compile(rb"(?:5\.5\.5-)?(\d+(?:\.\d+){1,2})([\x20-\x7e]{0,80})\x00")
_REDIS = re.compile(
    rb"\+PONG\r\n|-NOAUTH |-DENIED Redis|-ERR (?:wrong number of arguments for|unknown command)"
    rb"|-NOPERM |-LOADING Redis|-MISCONF Redis"
)
_POSTGRESQL_ERROR = re.compile(rb"E(?:.{4}S[A-Z]+\x00|FATAL: |.{4}V?SFATAL)", re.DOTALL)
_TELNET = re.compile(rb"\xff[\xfb-\xfe]")
_MAIL_OR_FTP = re.compile(rb"(?:220|421|554)[ -]")
_READY = re.compile(rb"^(?:220|421|554) [^\n]*\n", re.MULTILINE)
_MONGODB = (b"ismaster", b"maxBsonObjectSize", b"isWritablePrimary")
_FTP_PORTS = frozenset({21, 990, 2121})
_MAIL_PORTS = frozenset({25, 465, 587, 2525})
_PACKET_HEAD = 4
_STREAM_HEAD = 1024
_OLD_HANDSHAKE = b"\x0a"


def greeting_is_whole(data: bytes) -> bool:
    """Whether an unasked greeting can be recognised by what has come of it."""
    if _is_mysql(data):
        return len(data) >= _PACKET_HEAD + int.from_bytes(data[:3], "little")
    if _MAIL_OR_FTP.match(data):
        return _READY.search(data) is not None
    if data.startswith(b"SSH-"):
        return identification(data) is not None
    return b"\n" in data or _TELNET.match(data) is not None


def recognise(data: bytes, port: int) -> Heard | None:
    """What speaks, by the first bytes of a greeting or of an answer; None when nothing tells."""
    for reader in _READERS:
        heard = reader(data, port)
        if heard:
            return heard
    return None


def readable(data: bytes) -> str:
    """The first printable line as one harmless line of text, at most 200 characters."""
    printable = data[: 4 * _READABLE_LENGTH].decode("latin-1")
    text = "".join(
        c if c.isascii() and (c.isprintable() or c in "\r\n") else " " for c in printable
    )
    lines = [line.strip() for line in text.splitlines()]
    return short_text(next((line for line in lines if len(line) > 1), ""))


def product_in(text: str) -> tuple[str, str]:
    """The first software with a version number that a text names, or two empty texts."""
    for found in _PRODUCT.finditer(text):
        if found["software"].lower() not in _NOT_SOFTWARE and not _is_address(found["version"]):
            return found["software"], found["version"]
    return "", ""


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _by_words(protocol: str, *starts: bytes) -> Callable[[bytes, int], Heard | None]:
    """Recognise by how a greeting starts, with the product that its first line names."""

    def read(data: bytes, _port: int) -> Heard | None:
        if not data.startswith(starts):
            return None
        banner = readable(data)
        return Heard(protocol, banner, *product_in(banner))

    return read


def _ssh(data: bytes, _port: int) -> Heard | None:
    said = identification(data)
    if said is None:
        return None
    banner = readable(said)
    found = _SSH_SOFTWARE.match(banner)
    software, version = (found["software"], found["version"]) if found else ("", "")
    return Heard("ssh", banner, software, version)


def _telnet(data: bytes, _port: int) -> Heard | None:
    return Heard("telnet", readable(data)) if _TELNET.match(data) else None


def _vnc(data: bytes, _port: int) -> Heard | None:
    return Heard("vnc", readable(data)) if re.match(rb"RFB \d{3}\.\d{3}\n", data) else None


def _rsync(data: bytes, _port: int) -> Heard | None:
    return Heard("rsync", readable(data)) if data.startswith(b"@RSYNCD:") else None


def _mail_or_ftp(data: bytes, port: int) -> Heard | None:
    """Both greet with 220; the words decide, then the number. "220" remains where neither does."""
    if not _MAIL_OR_FTP.match(data):
        return None
    banner, text = readable(data), data[:4096].upper()
    if b"SMTP" in text or (port in _MAIL_PORTS and b"FTP" not in text):
        protocol = "smtp"
    elif b"FTP" in text or port in _FTP_PORTS:
        protocol = "ftp"
    else:
        protocol = "220"
    return Heard(protocol, banner, *product_in(readable(data.replace(b"\n", b" "))))


def _is_mysql(data: bytes) -> bool:
    """A packet with number 0 that holds a handshake of version 10, or an error."""
    return data[3:5] in {b"\x00" + _OLD_HANDSHAKE, b"\x00\xff"} and data[2:3] == b"\x00"


def _mysql(data: bytes, _port: int) -> Heard | None:
    if not _is_mysql(data):
        return None
    if data[4:5] != _OLD_HANDSHAKE:
        refusal = readable(data[7:])
        return Heard("mysql", refusal) if re.search("MySQL|MariaDB", refusal) else None
    found = _MYSQL_SOFTWARE.match(data[5:200])
    if not found:
        return None
    software = "MariaDB" if b"mariadb" in found[2].lower() else "MySQL"
    return Heard("mysql", readable(found[0]), software, found[1].decode("ascii"))


def _nats(data: bytes, _port: int) -> Heard | None:
    if not data.startswith(b"INFO {"):
        return None
    try:
        told = json.loads(data[5:].partition(b"\n")[0])
    except (ValueError, RecursionError):
        return None
    version = told.get("version") if isinstance(told, dict) else None
    return Heard(
        "nats", readable(data), "NATS", short_text(version) if isinstance(version, str) else ""
    )


def _redis(data: bytes, _port: int) -> Heard | None:
    return Heard("redis", readable(data), "Redis") if _REDIS.match(data) else None


def _memcached(data: bytes, _port: int) -> Heard | None:
    found = re.match(rb"VERSION (\d+(?:\.\d+)+\S{0,20})\r?\n", data)
    return Heard("memcached", readable(data), "Memcached", readable(found[1])) if found else None


def _postgresql(data: bytes, _port: int) -> Heard | None:
    """An error in the form of its protocol; the answer to an SSLRequest is read by its asker."""
    return (
        Heard("postgresql", readable(data[5:]), "PostgreSQL")
        if _POSTGRESQL_ERROR.match(data)
        else None
    )


def _mongodb(data: bytes, _port: int) -> Heard | None:
    return (
        Heard("mongodb", "", "MongoDB") if any(word in data[:4096] for word in _MONGODB) else None
    )


def _ldap(data: bytes, _port: int) -> Heard | None:
    """An answer to StartTLS, or the farewell with which some answer to anything else."""
    try:
        read_answer(data[: message_length(data)])
    except BrokenLdapError:
        return None
    return Heard("ldap")


def _xmpp(data: bytes, _port: int) -> Heard | None:
    """The beginning of a stream, which a server sends even to say what it does not like."""
    head = data[:_STREAM_HEAD]
    if not head.startswith((b"<?xml", b"<stream:stream")) or STREAMS not in head:
        return None
    return next(
        (Heard(name) for name, namespace in NAMESPACES.items() if namespace.encode() in head), None
    )


def _http(data: bytes, _port: int) -> Heard | None:
    """An HTTP response, unless it says that this is a port for TLS."""
    if not re.match(rb"HTTP/\d", data):
        return None
    reply = sort_reply(data, ended=True)
    says_tls = reply is not None and reply.sort is Sort.NOTHING
    return None if says_tls else Heard("http", readable(data))


def _tls(data: bytes, _port: int) -> Heard | None:
    """A ServerHello, or an alert, which is how TLS answers to anything else."""
    if data[:1] not in {b"\x15", b"\x16"}:
        return None
    reply = sort_reply(data, ended=True)
    spoken = reply is not None and reply.sort in {Sort.HANDSHAKE, Sort.ALERT}
    return Heard("tls") if spoken else None


_READERS: Sequence[Callable[[bytes, int], Heard | None]] = (
    _tls,
    _http,
    _mail_or_ftp,
    _redis,
    _ssh,
    _by_words("pop3", b"+OK"),
    _by_words("imap", b"* OK", b"* PREAUTH", b"* BYE"),
    _by_words("amqp", b"AMQP"),
    _by_words("ajp", b"AB\x00"),
    _vnc,
    _rsync,
    _telnet,
    _mysql,
    _nats,
    _memcached,
    _postgresql,
    _mongodb,
    _ldap,
    _xmpp,
)


__all__ = ["Heard", "greeting_is_whole", "product_in", "readable", "recognise"]
