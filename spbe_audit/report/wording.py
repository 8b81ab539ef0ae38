"""Facts as readable text, and the sentences that they fill."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from string import Formatter

from spbe_audit.check import Fact
from spbe_audit.finding import Finding
from spbe_audit.report.hostile_text import LONGEST_VALUE
from spbe_audit.report.labels import Labels
from spbe_audit.targets import Service

DEEPEST = 4
"""Levels of lists in lists that are shown."""

_TEMPLATES_KEPT = 4096
_SERVICES_KEPT = 4096
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
_SERVERS = {
    "tomcat": ("coyote", "tomcat"),
    "nginx": ("nginx", "openresty", "tengine"),
    "apache": ("apache", "httpd"),
    "iis": ("microsoft-iis", "iis"),
    "litespeed": ("litespeed",),
    "caddy": ("caddy",),
}
_SOFTWARE_NAMES = {
    "nginx": "nginx",
    "apache": "Apache HTTP Server",
    "iis": "Microsoft IIS",
    "litespeed": "LiteSpeed",
    "caddy": "Caddy",
    "tomcat": "Apache Tomcat",
    "haproxy": "HAProxy",
    "f5": "F5 BIG-IP",
    "php": "PHP",
}
_SERVER_FACTS = ("server", "software")
_PROBLEM_FACTS = ("problem", "problems", "reasons")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a sentence: our words, or a fact put into them."""

    text: str
    is_fact: bool = False


def sentence(template: str, facts: Mapping[str, Fact], labels: Labels) -> tuple[Piece, ...]:
    """A template with its facts put in; a fact that is missing shows its name in brackets.

    Facts are never read as part of the template. A template that cannot be parsed stands as it is.
    """
    try:
        parsed = _parsed(template)
    except ValueError:
        return (Piece(_one_line(template)),)
    pieces: list[Piece] = []
    for literal, name in parsed:
        if literal:
            pieces.append(_words(literal))
        if name is not None:
            known = name in facts
            shown = _whole_fact(facts[name], labels) if known else f"[{name}]"
            pieces.append(Piece(shown, is_fact=known))
    return tuple(pieces)


def _whole_fact(fact: Fact, labels: Labels) -> str:
    """A fact in a sentence: lists in lists may not make it longer than one full list."""
    text, most = fact_text(fact, labels), labels.longest_value * labels.most_items
    return text if len(text) <= most else text[:most] + labels("shortened", n=len(text))


def joined(pieces: Iterable[Piece]) -> str:
    """The pieces of a sentence as plain text."""
    return "".join(piece.text for piece in pieces)


def fact_text(fact: Fact, labels: Labels, depth: int = 0) -> str:
    """A fact as a person reads it; long values are shortened with their length told."""
    if fact is None or fact in ("", ()):
        return labels("word_none")
    if isinstance(fact, bool):
        return labels("word_yes" if fact else "word_no")
    if isinstance(fact, float):
        return labels.number(fact)
    if isinstance(fact, str):
        return _text_or_time(fact, labels)
    if isinstance(fact, Mapping | tuple | list):
        return _collection_text(fact, labels, depth)
    return str(fact)


def shortened(text: str, labels: Labels) -> str:
    """The beginning of a text, and how long it really is where that is not all."""
    if len(text) <= labels.longest_value:
        return text
    return text[: labels.longest_value] + labels("shortened", n=len(text))


def command_line(template: str, finding: Finding, service: Service) -> str:
    """A command with the service's values put in, each quoted for a POSIX shell."""
    values = _command_values(finding, service)
    try:
        parsed = _parsed(template)
    except ValueError:
        return template
    parts: list[str] = []
    for literal, name in parsed:
        parts.append(literal)
        if name is not None:
            parts.append(shlex.quote(values[name]) if name in values else f"[{name}]")
    return "".join(parts).strip()


def server_software(findings: Iterable[Finding]) -> str | None:
    """Which server a service shows, as the key of a snippet; None where nothing tells."""
    for finding in findings:
        for text in _server_words(finding.facts):
            for software, words in _SERVERS.items():
                if any(word in text for word in words):
                    return software
    return None


def problem_codes(facts: Mapping[str, Fact]) -> tuple[str, ...]:
    """The codes by which a failing check says what is amiss, each once."""
    codes: list[Fact] = []
    for key in _PROBLEM_FACTS:
        value = facts.get(key)
        codes.extend(value if isinstance(value, tuple | list) else (value,))
    return tuple(dict.fromkeys(code for code in codes if isinstance(code, str)))


def software_name(software: str) -> str:
    """The name of a server software by the key of its snippet."""
    return _SOFTWARE_NAMES.get(software, software)


def _collection_text(
    fact: Mapping[str, Fact] | tuple[Fact, ...], labels: Labels, depth: int
) -> str:
    if depth >= DEEPEST:
        return "…"
    if isinstance(fact, Mapping):
        return _mapping_text(fact, labels, depth + 1)
    most = labels.most_items
    items = [fact_text(item, labels, depth + 1) for item in fact[:most]]
    if len(fact) > most:
        return ", ".join(items) + ", " + labels("and_more", n=len(fact) - most)
    return labels.listed(items) if items else labels("word_none")


def _mapping_text(fact: Mapping[str, Fact], labels: Labels, depth: int) -> str:
    """A thing with a port or a name as "port 6379 (redis)"; any other as "key: value; ..."."""
    known = {key: value for key, value in fact.items() if value is not None}
    if not known:
        return labels("word_none")
    for key in ("port", "name"):
        if key in known:
            head = fact_text(known.pop(key), labels, depth)
            head = f"{labels('port')} {head}" if key == "port" else head
            rest = ", ".join(fact_text(value, labels, depth) for value in known.values())
            return f"{head} ({rest})" if rest else head
    shown = [
        f"{shortened(key, labels)}: {fact_text(value, labels, depth)}"
        for key, value in list(known.items())[: labels.most_items]
    ]
    if len(known) > labels.most_items:
        shown.append(labels("and_more", n=len(known) - labels.most_items))
    return "; ".join(shown)


def _text_or_time(text: str, labels: Labels) -> str:
    if _TIME.fullmatch(text):
        try:
            return labels.moment(datetime.fromisoformat(text))
        except (ValueError, OverflowError):
            return text
    return shortened(text, labels)


def _command_values(finding: Finding, service: Service) -> dict[str, str]:
    host, port = _host_and_port(service)
    address = _address(finding.facts.get("address")) or host
    bracketed = f"[{address}]" if ":" in address else address
    return {
        "url": finding.url,
        "host": host,
        "port": port,
        "address": address,
        "address_port": f"{bracketed}:{port}",
    }


@lru_cache(maxsize=_SERVICES_KEPT)
def _host_and_port(service: Service) -> tuple[str, str]:
    """What a URL says, kept while the findings of its service are told."""
    return service.host, str(service.port)


def _address(fact: Fact) -> str | None:
    """A fact that is an IP address; anything else has no place in a command."""
    if not isinstance(fact, str):
        return None
    try:
        return str(ip_address(fact))
    except ValueError:
        return None


def _server_words(facts: Mapping[str, Fact]) -> Iterable[str]:
    """What a finding's facts say of the server, in lower case."""
    for key, value in facts.items():
        if isinstance(value, str) and key.lower() in _SERVER_FACTS:
            yield value[:LONGEST_VALUE].lower()
        elif isinstance(value, Mapping):
            yield from _server_words(value)
        elif isinstance(value, tuple | list):
            yield from _named_headers(value)


def _named_headers(items: Iterable[Fact]) -> Iterable[str]:
    """Lines like "Server: nginx/1.24.0" and mappings, in a list of facts."""
    for item in items:
        if isinstance(item, Mapping):
            yield from _server_words(item)
        elif isinstance(item, str) and item.lower().startswith("server:"):
            yield item[:LONGEST_VALUE].lower()


@lru_cache(maxsize=_TEMPLATES_KEPT)
def _parsed(template: str) -> tuple[tuple[str, str | None], ...]:
    """Our words and the names of facts in turn. Raises ValueError where it cannot be read."""
    return tuple((literal, name) for literal, name, _, _ in Formatter().parse(template))


@lru_cache(maxsize=_TEMPLATES_KEPT)
def _words(literal: str) -> Piece:
    return Piece(_folded(literal))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _folded(text: str) -> str:
    """White space of the YAML file as single spaces, kept at the ends."""
    return re.sub(r"\s+", " ", text)
