"""Evidence for cases: a healthy modern service, with what a case says laid over it.

    build_evidence("http", {"status": 500})

is the evidence of a service that is healthy but for its status. Overrides are the fields of the
evidence as JSON, merged deep (lists are replaced), and these short forms:

    tls     suites: [names]          given to each version that can carry them
            certificate: {...}       a specification for build_chain; null sends none
            trusted: false           hides the root that its chains lead to
            default_certificate, staple  see evidence_certificates
    http    status, url, headers, cookies, page, location ...   of the front page
            headers: {Name: value}   laid over healthy ones; a list repeats, null takes away
            cookies: ["sid=a; Secure"]
            hops: [{...}, {...}]     the redirects; the last is the front page
            failure: timeout         nothing answered, or what ended the walk after the hops
            entry: {...}             the same keys, for the walk from the service's URL
            plain: {...}             the same keys, for the walk from http://; null for none
    dns     records: {CAA: [...]}    of the host; "name CAA" of another; a status word; null
            dnssec, name_servers ... see evidence_dns
    ports   open: [22, {port: 80}]
    uptime  samples: [up, timeout]   up, or the reason why it was not
    addresses, availability, key_use   see evidence_addresses and so on
    services                         see evidence_services
    surface                          see evidence_surface
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from spbe_audit.evidence import (
    Evidence,
    HttpEvidence,
    PortsEvidence,
    Probe,
    TlsEvidence,
    UptimeEvidence,
)
from spbe_audit.testing.evidence_addresses import AddressesForm, addresses
from spbe_audit.testing.evidence_availability import AvailabilityForm, availability
from spbe_audit.testing.evidence_certificates import certificate_fields, take_certificates
from spbe_audit.testing.evidence_dns import DnsForm, dns
from spbe_audit.testing.evidence_key_use import KeyUseForm, key_use
from spbe_audit.testing.evidence_services import ServicesForm, services
from spbe_audit.testing.evidence_surface import SurfaceForm, surface

Json = dict[str, Any]

COLLECTED_AT = "2026-01-15T00:00:00Z"
HOST = "portal.example.go.id"
ADDRESS = "203.0.113.10"

HEALTHY_HEADERS: Mapping[str, str] = {
    "Date": "Thu, 15 Jan 2026 00:00:00 GMT",
    "Server": "nginx",
    "Content-Type": "text/html; charset=utf-8",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
HEALTHY_PAGE: Json = {
    "title": "Portal",
    "language": "id",
    "links": [{"text": "Kebijakan Privasi", "href": f"https://{HOST}/privasi"}],
}
REDIRECT_HEADERS: Mapping[str, str] = {
    "Date": "Thu, 15 Jan 2026 00:00:00 GMT",
    "Server": "nginx",
    "Content-Length": "0",
}
SUITES_OF: Mapping[str, tuple[str, ...]] = {
    "TLS 1.3": (
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_GCM_SHA256",
    ),
    "TLS 1.2": (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ),
    "TLS 1.1": ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",),
    "TLS 1.0": ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",),
    "SSL 3.0": ("TLS_RSA_WITH_AES_128_CBC_SHA",),
    "SSL 2.0": ("SSL_CK_DES_192_EDE3_CBC_WITH_MD5",),
}

_WALK_KEYS = frozenset({"hops", "end", "failure", "failure_text", "next_url", "start"})
_PAGE_KEYS = frozenset(
    {
        "address",
        "body_digest",
        "body_size",
        "body_truncated",
        "cookies",
        "headers",
        "http_version",
        "location",
        "method",
        "page",
        "status",
        "timings",
        "tls_version",
        "url",
    }
)


class _Document(BaseModel):
    """Reads evidence from JSON and refuses a field that the evidence does not have."""

    model_config = ConfigDict(extra="forbid", strict=True, val_json_bytes="base64")


class _Http(_Document):
    evidence: HttpEvidence


class _Ports(_Document):
    evidence: PortsEvidence


class _Tls(_Document):
    evidence: TlsEvidence


class _Uptime(_Document):
    evidence: UptimeEvidence


def build_evidence(kind: str, overrides: Mapping[str, Any] | None = None) -> Evidence:
    """Evidence of one kind ("dns", "http", "ports", "tls", "uptime") of a healthy service.

    Raises ValueError for a kind or a field that does not exist, or a value of the wrong type.
    """
    probe = Probe(kind)
    form, expand = _KINDS[probe]
    document = expand(deepcopy(dict(overrides or {})))
    text = json.dumps({"evidence": document}, default=_plain)
    evidence: Evidence = form.model_validate_json(text).evidence  # type: ignore[attr-defined] # each subclass has it
    return evidence


def merge(base: Json, overrides: Mapping[str, Any]) -> Json:
    """The overrides laid over the base: mappings deep, everything else replaced."""
    merged = dict(base)
    for key, value in overrides.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, Mapping):
            merged[key] = merge(below, value)
        else:
            merged[key] = value
    return merged


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} is not plain data")


# --- http --------------------------------------------------------------------------------------


def _http(overrides: Json) -> Json:
    host = str(
        overrides.pop("host", "") or urlsplit(str(overrides.get("url", ""))).hostname or HOST
    )
    entry = overrides.pop("entry", {})
    entry |= {key: overrides.pop(key) for key in list(overrides) if key in _WALK_KEYS | _PAGE_KEYS}
    plain = overrides.pop("plain", {})
    walk = _walk(entry, f"https://{host}/")
    secure = str(walk["start"]).startswith("https://")
    return {
        "host": host,
        "collected_at": COLLECTED_AT,
        "entry": walk,
        "plain": _plain_walk(plain, host, walk) if secure and plain is not None else None,
        **overrides,
    }


def _plain_walk(overrides: Json, host: str, entry: Json) -> Json:
    """The walk from http://: by default one permanent redirect to where the entry begins."""
    start = f"http://{host}/"
    if overrides:
        return _walk(overrides, start)
    redirect = _hop({"status": 301, "location": entry["start"]}, start)
    return {**entry, "start": start, "hops": [redirect, *entry["hops"]]}


def _walk(overrides: Json, start: str) -> Json:
    """A walk; without ``hops`` it is one page, or nothing at all where it failed."""
    page = {key: overrides[key] for key in overrides if key in _PAGE_KEYS}
    walk = {key: overrides[key] for key in overrides if key not in _PAGE_KEYS}
    end = walk.setdefault("end", "failed" if "failure" in walk else "page")
    hops = walk.pop("hops", None)
    if hops is None:
        hops = [] if end == "failed" and not page else [{}]
    if page:
        hops = [*hops[:-1], merge(hops[-1], page)] if hops else [page]
    first = str(walk.get("start") or (hops[0].get("url") if hops else "") or start)
    return {**walk, "start": first, "hops": [_hop(hop, first) for hop in hops]}


def _hop(overrides: Json, url: str) -> Json:
    """One exchange. ``headers`` are laid over healthy ones; null takes one away."""
    given = dict(overrides)
    address = str(given.setdefault("url", url))
    status = given.setdefault("status", 200)
    location = given.pop("location", None)
    redirect = location is not None or status in {301, 302, 303, 307, 308}
    healthy = dict(REDIRECT_HEADERS if redirect else HEALTHY_HEADERS)
    if location:
        healthy["Location"] = str(location)
    headers = _headers(healthy, given.pop("headers", None) or {})
    cookies = [_cookie(cookie, address) for cookie in given.pop("cookies", None) or []]
    secure = address.startswith("https://")
    base: Json = {
        "method": "GET",
        "address": ADDRESS,
        "http_version": "HTTP/1.1",
        "headers": [*headers, *(["Set-Cookie", _set_cookie(cookie)] for cookie in cookies)],
        "requested_at": COLLECTED_AT,
        "timings": {"connect": 0.01, "tls": 0.02 if secure else None, "first_byte": 0.1},
        "cookies": cookies,
        "body_size": 0 if redirect else 2048,
        "page": None if redirect else dict(HEALTHY_PAGE),
        "tls_version": "TLS 1.3" if secure else None,
    }
    return merge(base, given)


def _headers(base: Mapping[str, str], overrides: Any) -> list[list[str]]:
    """Pairs in order. A list of pairs replaces all; a mapping is laid over, by name in any case."""
    if isinstance(overrides, list):
        return [[str(name), str(value)] for name, value in overrides]
    replaced = {str(name).lower() for name in overrides}
    pairs = [[name, value] for name, value in base.items() if name.lower() not in replaced]
    for name, given in overrides.items():
        values = given if isinstance(given, list) else [] if given is None else [given]
        pairs.extend([str(name), str(value)] for value in values)
    return pairs


def _cookie(cookie: str | Json, url: str) -> Json:
    """A cookie of "name=value; Attribute=value" as a probe would keep it: without the value."""
    if isinstance(cookie, Mapping):
        return dict(cookie)
    pair, *attributes = cookie.split(";")
    name, _, value = pair.strip().partition("=")
    split = [attribute.strip().partition("=") for attribute in attributes if attribute.strip()]
    return {
        "name": name,
        "value_length": len(value),
        "value_digest": hashlib.sha256(value.encode()).hexdigest()[:16],
        "attributes": [[key.strip().lower(), text.strip()] for key, _, text in split],
        "host": urlsplit(url).hostname or "",
        "secure_origin": url.startswith("https://"),
    }


def _set_cookie(cookie: Json) -> str:
    attributes = [f"{key}={text}" if text else key for key, text in cookie["attributes"]]
    return "; ".join([f"{cookie['name']}={cookie['value_digest']}", *attributes])


# --- ports -------------------------------------------------------------------------------------


def _ports(overrides: Json) -> Json:
    opened = overrides.pop("open", [80, 443])
    base: Json = {
        "address": ADDRESS,
        "collected_at": COLLECTED_AT,
        "engine": "connect",
        "asked": "1-1000",
        "asked_count": 1000,
        "open": [{"port": one} if isinstance(one, int) else one for one in opened],
        "closed": 0,
        "filtered": 1000 - len(opened),
        "declared": [80, 443],
    }
    return merge(base, overrides)


# --- tls ---------------------------------------------------------------------------------------


def _tls(overrides: Json) -> Json:
    shown = take_certificates(overrides)
    suites = overrides.pop("suites", None)
    base: Json = {
        "server_name": HOST,
        "address": ADDRESS,
        "port": 443,
        "collected_at": COLLECTED_AT,
        "engine": "sslyze",
        "versions": ["TLS 1.2", "TLS 1.3"],
        "server_preference": True,
        "groups": ["x25519", "secp256r1"],
        "key_exchanges": [{"kind": "ECDH", "bits": 253, "group": "x25519"}],
        "key_exchange_signatures": ["ecdsa_sha256"],
        "intolerances": [],
        "client_certificate_asked": False,
        "compression": False,
        "secure_renegotiation": True,
        "client_renegotiation": False,
        "fallback_scsv": True,
        "extended_master_secret": True,
        "early_data": False,
    }
    document = merge(base, overrides)
    if document.get("answer", "handshake") != "handshake":
        return merge(base, {"versions": [], "key_exchanges": [], "groups": None, **overrides})
    document["suites"] = _suites(document["versions"], suites)
    return {**certificate_fields(str(document["server_name"]), shown), **document}


def _suites(versions: Iterable[str], given: Any) -> Json:
    """A mapping stands as it is; a list goes to each version that can carry its suites."""
    if isinstance(given, Mapping):
        return dict(given)
    if given is None:
        return {version: list(SUITES_OF.get(version, ())) for version in versions}
    modern = [name for name in given if "_WITH_" not in name]
    classic = [name for name in given if "_WITH_" in name]
    split = {version: modern if version == "TLS 1.3" else classic for version in versions}
    return {version: names for version, names in split.items() if names}


def _uptime(overrides: Json) -> Json:
    """``samples`` may be words: "up", or the reason why it was not."""
    interval = float(overrides.get("interval", 5.0))
    words = overrides.pop("samples", ["up", "up", "up"])
    base: Json = {"url": f"https://{HOST}/", "collected_at": COLLECTED_AT, "interval": interval}
    samples = [_sample(word, number * interval) for number, word in enumerate(words)]
    return {**merge(base, overrides), "samples": samples}


def _sample(given: str | Json, seconds: float) -> Json:
    at = datetime.fromisoformat(COLLECTED_AT) + timedelta(seconds=seconds)
    up = given == "up"
    status = 200 if up else 503 if given == "status" else 200 if given == "keyword" else None
    base: Json = {"at": at.isoformat(), "up": up, "status": status, "reason": "" if up else given}
    base["timings"] = {"connect": 0.01, "tls": 0.02, "first_byte": 0.1, "total": 0.2} if up else {}
    if isinstance(given, str):
        return base
    return merge({**_sample("up" if given.get("up", True) else "timeout", seconds)}, given)


_KINDS: Mapping[Probe, tuple[type[BaseModel], Callable[[Json], Json]]] = {
    Probe.ADDRESSES: (AddressesForm, addresses),
    Probe.AVAILABILITY: (AvailabilityForm, availability),
    Probe.DNS: (DnsForm, partial(dns, collected_at=COLLECTED_AT)),
    Probe.HTTP: (_Http, _http),
    Probe.KEY_USE: (KeyUseForm, key_use),
    Probe.PORTS: (_Ports, _ports),
    Probe.SERVICES: (
        ServicesForm,
        partial(services, address=ADDRESS, collected_at=COLLECTED_AT, tls=_tls),
    ),
    Probe.SURFACE: (SurfaceForm, partial(surface, collected_at=COLLECTED_AT, hop=_hop)),
    Probe.TLS: (_Tls, _tls),
    Probe.UPTIME: (_Uptime, _uptime),
}
