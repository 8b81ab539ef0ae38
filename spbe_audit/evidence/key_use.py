"""Who else in the same run uses the key of a service's certificate: derived, not collected."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyUse:
    """Another service with the same public key; ``agency`` and ``service`` are ids."""

    agency: str
    service: str


@dataclass(frozen=True, slots=True)
class KeyUseEvidence:
    """``key`` is the SHA-256 of the leaf's SubjectPublicKeyInfo; '' when there is none to compare.

    ``others`` are services of other agencies first, then of the same agency; when there are very
    many, not all are named. ``foreign`` and ``own`` count all of them.
    """

    agency: str
    service: str
    key: str
    others: tuple[KeyUse, ...] = ()
    foreign: int = 0
    own: int = 0
