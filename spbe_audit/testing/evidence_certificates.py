"""What a server of a case shows of certificates: the part of the tls evidence that is DER.

certificate          a specification for build_chain; null sends none
trusted: false       hides the root that its chains lead to
default_certificate  a specification for the chain that is sent without SNI; null sends none
staple               a specification for build_staple
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from spbe_audit.testing.certificates import TRUSTED_ROOT, build_chain
from spbe_audit.testing.ocsp import build_staple

Json = dict[str, Any]

_HEALTHY: Mapping[str, Any] = {
    "certificate": {},
    "trusted": True,
    "default_certificate": None,
    "staple": None,
}


def take_certificates(overrides: Json) -> Json:
    """The short forms above, taken out of a case's overrides."""
    return {key: overrides.pop(key, healthy) for key, healthy in _HEALTHY.items()}


def certificate_fields(server_name: str, shown: Mapping[str, Any]) -> Json:
    """The fields of the evidence that the short forms stand for."""
    chain = {"subject": server_name, **(shown["certificate"] or {})}
    chains = [] if shown["certificate"] is None else [_sent(chain, server_name)]
    if shown["default_certificate"] is not None:
        chains.append(_sent({"subject": server_name, **shown["default_certificate"]}, None))
    return {
        "chains": chains,
        "trust_anchors": [_text(TRUSTED_ROOT)] if shown["trusted"] else [],
        "ocsp_staple": _text(build_staple(shown["staple"], chain)) if shown["staple"] else None,
    }


def _sent(specification: Mapping[str, Any], server_name: str | None) -> Json:
    certificates = [_text(der) for der in build_chain(specification)]
    return {"certificates": certificates, "server_name": server_name}


def _text(der: bytes) -> str:
    return urlsafe_b64encode(der).decode()
