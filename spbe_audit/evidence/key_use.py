"""Who else in the same run uses the key of a service's certificate: derived, not collected."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyUse:
    """Another service with the same public key."""

    agency: str
    service: str


@dataclass(frozen=True, slots=True)
class KeyUseEvidence:
    """``key`` is the SHA-256 of the leaf's SubjectPublicKeyInfo; '' when there was no leaf."""

    agency: str
    service: str
    key: str
    others: tuple[KeyUse, ...] = ()
