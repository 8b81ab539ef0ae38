"""Tells whether a certificate chain leads to a CA that is trusted, from stored DER alone.

Trusted are the CAs of Mozilla's store (as certifi ships it) and those that an agency adds. Where
the library's verifier, which holds certificates to the rules of public CAs, finds a path, that
settles it. Where it finds none, the search below looks for one by RFC 5280 6.1 without those rules:
an agency's own CA need not follow them, and a weak key or hash is the finding of another check.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from ssl import PEM_cert_to_DER_cert
from typing import TypeVar

import certifi
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, Subject, VerificationError

from spbe_audit.evidence.certificate import (
    MAX_CERTIFICATES,
    MalformedCertificateError,
    name_text,
    parse_certificate,
)
from spbe_audit.evidence.signature import UNREADABLE, signature_holds

STORE_NAME = f"Mozilla (certifi {certifi.__version__})"
"""The pinned store, for the record of an audit."""

MAX_DEPTH = 8
"""How many certificates a path may have, leaf and root included."""

MAX_SIGNATURES = 64
"""How many signatures are verified for one chain before the search gives up."""

_PEM_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----\n.+?\n-----END CERTIFICATE-----", re.DOTALL)

_ExtensionType = TypeVar("_ExtensionType", bound=x509.ExtensionType)

_SERVER_USAGES = frozenset(
    {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
)


class TrustProblem(StrEnum):
    """Why no path was found.

    ISSUER_NOT_FOUND: the leaf's issuer was neither sent nor is it trusted. NO_ISSUER: the path
    ends further up, in a CA that is not trusted, or in a self-signed leaf.
    """

    ISSUER_NOT_FOUND = "issuer_not_found"
    NO_ISSUER = "no_issuer"
    EXPIRED_INTERMEDIATE = "expired_intermediate"
    BAD_SIGNATURE = "bad_signature"
    NOT_A_CA = "not_a_ca"
    PATH_TOO_LONG = "path_too_long"
    NAME_NOT_PERMITTED = "name_not_permitted"
    WRONG_USAGE = "wrong_usage"
    CRITICAL_EXTENSION = "critical_extension"
    MALFORMED = "malformed"
    UNVERIFIABLE = "unverifiable"


@dataclass(frozen=True, slots=True)
class TrustPath:
    """How far a chain leads; all names are RFC 4514 texts.

    ``subjects`` are those of the path, leaf first: the whole of it, or the part before the problem.
    ``stopped_at`` is the certificate that the problem is about, or the issuer that is missing.
    ``judged_at`` is the instant for which validity was judged.
    """

    subjects: tuple[str, ...]
    judged_at: datetime
    problem: TrustProblem | None = None
    stopped_at: str = ""

    @property
    def trusted(self) -> bool:
        """Whether the path ends in a trusted CA."""
        return self.problem is None

    @property
    def root(self) -> str:
        """The name at the end of the path."""
        return self.subjects[-1]


def find_trust_path(
    chain: Sequence[bytes], *, anchors: Sequence[bytes] = (), at: datetime
) -> TrustPath:
    """The path from a leaf to a trusted CA, or how far one leads.

    ``chain`` is DER as sent, leaf first, the rest in any order; ``anchors`` are trusted CAs beside
    Mozilla's; ``at`` has a zone. A leaf that is not valid at that instant is judged at the nearest
    one at which it is: its own validity is a question apart, and so is its name. Raises
    MalformedCertificateError when the leaf cannot be read.
    """
    leaf = parse_certificate(chain[0])
    sent, malformed = _parsed(chain[1:MAX_CERTIFICATES])
    instant = min(max(at, leaf.not_valid_before_utc), leaf.not_valid_after_utc)
    trusted = _anchors(tuple(anchors))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = _library_path(leaf, sent, trusted, instant)
        if path:
            return TrustPath(_subjects(path), instant)
        search = _Search(sent, trusted, instant, has_malformed=malformed)
        path = search.extend([leaf])
        if path:
            return TrustPath(_subjects(path), instant)
        return search.furthest()


def trusted_cas(name: x509.Name, anchors: Sequence[bytes]) -> tuple[x509.Certificate, ...]:
    """The trusted CAs that bear a name: Mozilla's, and those (DER) that an agency adds."""
    return _anchors(tuple(anchors)).by_subject.get(name, ())


@dataclass(frozen=True, slots=True)
class _Anchors:
    """Trusted CAs, by name, and as the library's store."""

    by_subject: Mapping[x509.Name, tuple[x509.Certificate, ...]]
    store: Store

    def holds(self, certificate: x509.Certificate) -> bool:
        return certificate in self.by_subject.get(certificate.subject, ())


@lru_cache(maxsize=4)
def _anchors(added: tuple[bytes, ...]) -> _Anchors:
    """Mozilla's CAs and the added ones; what cannot be read is left out."""
    certificates = [*_parsed(added)[0], *_mozilla()]
    by_subject: dict[x509.Name, tuple[x509.Certificate, ...]] = {}
    for certificate in certificates:
        by_subject[certificate.subject] = (
            *by_subject.get(certificate.subject, ()),
            certificate,
        )
    return _Anchors(by_subject, Store(certificates))


@lru_cache(maxsize=1)
def _mozilla() -> tuple[x509.Certificate, ...]:
    # One by one: the library may come to refuse one of them, and the others must still be there.
    blocks = _PEM_BLOCK.findall(Path(certifi.where()).read_text(encoding="utf-8"))
    return tuple(_parsed([PEM_cert_to_DER_cert(block) for block in blocks])[0])


def _parsed(ders: Sequence[bytes]) -> tuple[list[x509.Certificate], bool]:
    """The certificates that can be read, and whether one could not."""
    read = []
    for der in ders:
        try:
            read.append(parse_certificate(der))
        except MalformedCertificateError:
            continue
    return read, len(read) < len(ders)


def _library_path(
    leaf: x509.Certificate,
    sent: list[x509.Certificate],
    trusted: _Anchors,
    instant: datetime,
) -> list[x509.Certificate] | None:
    """The path that the library's verifier finds by the rules for public CAs."""
    try:
        subject = _own_name(leaf)
        if subject is None:
            return None
        builder = PolicyBuilder().store(trusted.store).time(instant)
        return builder.build_server_verifier(subject).verify(leaf, sent)
    except (VerificationError, *UNREADABLE):
        return None


def _own_name(leaf: x509.Certificate) -> Subject | None:
    """A name that the leaf is for, so that the name is no reason to refuse it."""
    for name in _alternative_names(leaf):
        if isinstance(name, x509.DNSName):
            return x509.DNSName(name.value.replace("*.", "any.", 1))
        if isinstance(name, x509.IPAddress):
            return name
    return None


def _alternative_names(certificate: x509.Certificate) -> tuple[x509.GeneralName, ...]:
    extension = _extension(certificate, x509.SubjectAlternativeName)
    return tuple(extension) if extension else ()


@dataclass(slots=True)
class _Search:
    """A depth-first search for a path, with the obstacles that it met."""

    sent: Sequence[x509.Certificate]
    trusted: _Anchors
    instant: datetime
    has_malformed: bool
    signatures: int = 0
    obstacles: list[TrustPath] = field(default_factory=list)

    def extend(self, path: list[x509.Certificate]) -> list[x509.Certificate] | None:
        """The path led on to a trusted CA; None, with obstacles, when no way leads there."""
        last = path[-1]
        if self.trusted.holds(last):
            return path
        issuers = self._issuers(path)
        if len(path) >= MAX_DEPTH:
            self._note(path, TrustProblem.PATH_TOO_LONG, last.subject)
        elif not issuers:
            self._note(path, self._end(path), last.issuer)
        else:
            return self._through(path, issuers)
        return None

    def furthest(self) -> TrustPath:
        """The obstacle on the way that led furthest; there is one when no path was found."""
        # Another CA of the same name and another key is noise beside any other obstacle.
        return max(
            self.obstacles,
            key=lambda met: (len(met.subjects), met.problem is not TrustProblem.BAD_SIGNATURE),
        )

    def _through(
        self, path: list[x509.Certificate], issuers: list[x509.Certificate]
    ) -> list[x509.Certificate] | None:
        for issuer in issuers:
            problem = self._problem(path, issuer)
            if problem:
                self._note(path, problem, issuer.subject)
                continue
            found = self.extend([*path, issuer])
            if found:
                return found
        return None

    def _note(self, path: list[x509.Certificate], problem: TrustProblem, about: x509.Name) -> None:
        met = TrustPath(_subjects(path), self.instant, problem, name_text(about))
        self.obstacles.append(met)

    def _end(self, path: list[x509.Certificate]) -> TrustProblem:
        """Why a path ends: nothing that was sent and nothing trusted bears the issuer's name."""
        last = path[-1]
        self_issued = last.subject == last.issuer
        if self.has_malformed and not self_issued:
            return TrustProblem.MALFORMED
        alone = len(path) == 1 and not self_issued
        return TrustProblem.ISSUER_NOT_FOUND if alone else TrustProblem.NO_ISSUER

    def _issuers(self, path: list[x509.Certificate]) -> list[x509.Certificate]:
        """Certificates that bear the issuer's name, trusted ones first, none twice in a path."""
        name = path[-1].issuer
        sent = [certificate for certificate in self.sent if certificate.subject == name]
        named = dict.fromkeys((*self.trusted.by_subject.get(name, ()), *sent))
        return [certificate for certificate in named if certificate not in path]

    def _problem(
        self, path: list[x509.Certificate], issuer: x509.Certificate
    ) -> TrustProblem | None:
        """What keeps a certificate from being the issuer of the last one, None for nothing."""
        self.signatures += 1
        if self.signatures > MAX_SIGNATURES:
            return TrustProblem.PATH_TOO_LONG
        holds = signature_holds(path[-1], issuer)
        if not holds:
            return TrustProblem.UNVERIFIABLE if holds is None else TrustProblem.BAD_SIGNATURE
        if not issuer.not_valid_before_utc <= self.instant <= issuer.not_valid_after_utc:
            return TrustProblem.EXPIRED_INTERMEDIATE
        try:
            return _broken_rule(path, issuer, self.trusted)
        except UNREADABLE:
            return TrustProblem.MALFORMED


def _broken_rule(
    path: list[x509.Certificate], issuer: x509.Certificate, trusted: _Anchors
) -> TrustProblem | None:
    """The rule of RFC 5280 6.1 that the issuer, or the certificate below it, breaks."""
    anchor = trusted.holds(issuer)
    constraints = _extension(issuer, x509.BasicConstraints)
    usage = _extension(issuer, x509.KeyUsage)
    # A trusted CA of the old format says nothing of itself: that it is trusted says it all.
    is_ca = constraints.ca if constraints else anchor
    if not is_ca or (usage and not usage.key_cert_sign):
        return TrustProblem.NOT_A_CA
    limit = constraints.path_length if constraints else None
    between = [certificate for certificate in path[1:] if certificate.subject != certificate.issuer]
    if limit is not None and len(between) > limit:
        return TrustProblem.PATH_TOO_LONG
    if _has_unknown_critical(path[-1]) or _has_unknown_critical(issuer):
        return TrustProblem.CRITICAL_EXTENSION
    if not (_serves(path[-1]) and (anchor or _serves(issuer))):
        return TrustProblem.WRONG_USAGE
    return None if _permits_names(issuer, path[0]) else TrustProblem.NAME_NOT_PERMITTED


def _has_unknown_critical(certificate: x509.Certificate) -> bool:
    """Whether there is an extension that must not be ignored and is not known."""
    return any(
        extension.critical
        and isinstance(extension.value, x509.UnrecognizedExtension | x509.PrecertPoison)
        for extension in certificate.extensions
    )


def _serves(certificate: x509.Certificate) -> bool:
    """Whether the certificate may be used for servers; one that lists no usage may."""
    usages = _extension(certificate, x509.ExtendedKeyUsage)
    return usages is None or not _SERVER_USAGES.isdisjoint(usages)


def _permits_names(issuer: x509.Certificate, leaf: x509.Certificate) -> bool:
    """Whether the issuer's name constraints allow every host that the leaf is for."""
    constraints = _extension(issuer, x509.NameConstraints)
    if constraints is None:
        return True
    excluded, permitted = constraints.excluded_subtrees or (), constraints.permitted_subtrees or ()
    for name in _alternative_names(leaf):
        if any(_inside(name, tree) for tree in excluded):
            return False
        alike = [tree for tree in permitted if type(tree) is type(name)]
        if alike and not any(_inside(name, tree) for tree in alike):
            return False
    return True


def _inside(name: x509.GeneralName, tree: x509.GeneralName) -> bool:
    """Whether a host lies below a name, or in a network (RFC 5280 4.2.1.10)."""
    if isinstance(name, x509.DNSName) and isinstance(tree, x509.DNSName):
        parent = tree.value.lower().lstrip(".")
        return not parent or f".{name.value.lower()}".endswith(f".{parent}")
    if isinstance(name, x509.IPAddress) and isinstance(tree, x509.IPAddress):
        address, network = name.value, tree.value
        is_address = isinstance(address, IPv4Address | IPv6Address)
        return is_address and isinstance(network, IPv4Network | IPv6Network) and address in network
    return False


def _extension(certificate: x509.Certificate, kind: type[_ExtensionType]) -> _ExtensionType | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _subjects(path: Sequence[x509.Certificate]) -> tuple[str, ...]:
    return tuple(name_text(certificate.subject) for certificate in path)
