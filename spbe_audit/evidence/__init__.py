"""Typed, dated, hashable observations: all that a check may ask of the world."""

from spbe_audit.evidence.attempt import (
    LASTING_FAILURES,
    Attempt,
    Endpoint,
    Evidence,
    Failure,
    FailureKind,
    Probe,
    Tool,
)
from spbe_audit.evidence.codec import attempt_from_json, attempt_to_json, canonical_json, digest
from spbe_audit.evidence.dns import DnsAnswer, DnsEvidence, DnsStatus, NameKind
from spbe_audit.evidence.http import (
    Cookie,
    Exchange,
    HttpEvidence,
    PageExtract,
    Timings,
    Walk,
    WalkEnd,
)
from spbe_audit.evidence.ports import OpenPort, PortsEvidence
from spbe_audit.evidence.tls import (
    CertificateChain,
    KeyExchange,
    TlsAnswer,
    TlsEvidence,
    TlsVersion,
)
from spbe_audit.evidence.uptime import UptimeEvidence, UptimeSample

__all__ = [
    "LASTING_FAILURES",
    "Attempt",
    "CertificateChain",
    "Cookie",
    "DnsAnswer",
    "DnsEvidence",
    "DnsStatus",
    "Endpoint",
    "Evidence",
    "Exchange",
    "Failure",
    "FailureKind",
    "HttpEvidence",
    "KeyExchange",
    "NameKind",
    "OpenPort",
    "PageExtract",
    "PortsEvidence",
    "Probe",
    "Timings",
    "TlsAnswer",
    "TlsEvidence",
    "TlsVersion",
    "Tool",
    "UptimeEvidence",
    "UptimeSample",
    "Walk",
    "WalkEnd",
    "attempt_from_json",
    "attempt_to_json",
    "canonical_json",
    "digest",
]
