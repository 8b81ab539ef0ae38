"""What is said to a port that keeps silent: the harmless first words of some protocols.

Each asks who is there and nothing more: no credentials, no name of anything, no change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spbe_audit.evidence.services import HTTP_PROGRAM_PORTS
from spbe_audit.probes.tls.greeting import client_hello, sort_reply
from spbe_audit.probes.tls.starttls.databases import POSTGRESQL_REQUEST
from spbe_audit.probes.tls.starttls.ldap import START_TLS, answer_is_whole
from spbe_audit.probes.tls.starttls.xmpp import stream_head, stream_is_heard

_NEW_LINE = b"\n"
_CONTENT_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,9})", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Word:
    """A first message, and when its reply has come far enough to be recognised."""

    protocol: str
    message: bytes
    enough: Callable[[bytes], bool]


def _has_line(data: bytes) -> bool:
    return _NEW_LINE in data


def _settles_tls(data: bytes) -> bool:
    return sort_reply(data, ended=False) is not None


def _has_something(data: bytes) -> bool:
    return bool(data)


def web_reply_is_whole(data: bytes) -> bool:
    """Whether an HTTP response is complete by its own account, or what came is none."""
    if not data.startswith(b"HTTP/"):
        return _NEW_LINE in data
    head, blank, body = data.partition(b"\r\n\r\n")
    length = _CONTENT_LENGTH.search(head)
    return bool(blank and length and len(body) >= int(length[1]))


# OP_QUERY on admin.$cmd with the document {isMaster: 1}, which MongoDB of every age answers.
_IS_MASTER_DOCUMENT = bytes.fromhex("13000000") + b"\x10isMaster\x00\x01\x00\x00\x00\x00"
_IS_MASTER_BODY = (
    bytes(4) + b"admin.$cmd\x00" + bytes(4) + b"\xff\xff\xff\xff" + _IS_MASTER_DOCUMENT
)
_IS_MASTER = (
    (16 + len(_IS_MASTER_BODY)).to_bytes(4, "little")
    + bytes.fromhex("01000000 00000000 d4070000")
    + _IS_MASTER_BODY
)

_REDIS = Word("redis", b"PING\r\n", _has_line)
_POSTGRESQL = Word("postgresql", POSTGRESQL_REQUEST, _has_something)
_MONGODB = Word("mongodb", _IS_MASTER, lambda data: len(data) > 36)  # noqa: PLR2004 - the head of an OP_REPLY
_MEMCACHED = Word("memcached", b"version\r\n", _has_line)
_LDAP = Word("ldap", START_TLS, answer_is_whole)

_USUAL: Mapping[int, Word] = {
    389: _LDAP,
    3268: _LDAP,
    5432: _POSTGRESQL,
    5433: _POSTGRESQL,
    6379: _REDIS,
    6432: _POSTGRESQL,
    11211: _MEMCACHED,
    27017: _MONGODB,
    27018: _MONGODB,
    27019: _MONGODB,
}
_XMPP_PORTS: Mapping[int, str] = {5222: "xmpp", 5269: "xmpp-server"}
_ENCRYPTED = frozenset(
    {
        *(443, 465, 636, 990, 993, 995, 2083, 2087, 2096, 2376, 3269, 5671, 5986, 6380, 6443),
        *(6984, 7002, 8443, 8501, 8729, 8883, 9443, 16993),
    }
)
_PLAIN_WEB = HTTP_PROGRAM_PORTS - _ENCRYPTED | {
    *(80, 81, 3000, 5000, 8000, 8008, 8080, 8081, 8088, 8090, 8880, 8888, 9000, 9090),
}
_PATHS: Mapping[int, str] = {
    2375: "/version",
    2376: "/version",
    2379: "/version",
    6443: "/version",
    8086: "/ping",
    8500: "/v1/status/leader",
    8501: "/v1/status/leader",
    10250: "/version",
}


def first_words(port: int, host: str, user_agent: str) -> tuple[Word, ...]:
    """What to say to a silent port, one after the other until an answer tells what it speaks.

    The likeliest comes first, by the port's number. Redis and XMPP need no word of their own
    elsewhere: they show themselves by how they refuse others.
    """
    tls = Word("tls", client_hello(host), _settles_tls)
    http = Word("http", web_request(path_of(port), user_agent), web_reply_is_whole)
    web = (http, tls) if port in _PLAIN_WEB else (tls, http)
    others = (*web, _POSTGRESQL, _MONGODB, _MEMCACHED, _LDAP)
    usual = word_about_tls(_XMPP_PORTS[port], host) if port in _XMPP_PORTS else _USUAL.get(port)
    if usual is None:
        return others
    return (usual, *(word for word in others if word is not usual))


def word_about_tls(protocol: str, host: str) -> Word:
    """What LDAP and XMPP are asked to learn whether they go over to TLS."""
    if protocol == "ldap":
        return _LDAP
    return Word(protocol, stream_head(host, protocol), stream_is_heard)


def path_of(port: int) -> str:
    """The path that tells most about the program which usually listens on a port."""
    return _PATHS.get(port, "/")


def web_request(path: str, user_agent: str) -> bytes:
    """A GET in HTTP/1.0, without the Host line at which Redis would raise an alarm."""
    agent = user_agent.encode("ascii", "replace").decode("ascii")
    return f"GET {path} HTTP/1.0\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n".encode("ascii")
