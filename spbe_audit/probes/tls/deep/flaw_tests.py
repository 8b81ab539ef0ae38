"""The child looks for flaws: one test after the other, and with nothing else under way.

A server that is busy with another connection may look sound when it is not. A test counts only
where the server got as far as the test begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from itertools import product
from operator import attrgetter
from typing import Any

from sslyze import (  # type: ignore[attr-defined]  # re-exported, though sslyze does not say so
    RobotScanResultEnum,
)
from sslyze.plugins.openssl_cipher_suites.cipher_suites import CipherSuitesRepository
from sslyze.plugins.plugin_base import ScanJob, ScanJobResult
from sslyze.plugins.robot._robot_tester import ServerDoesNotSupportRsa
from sslyze.plugins.scan_commands import ScanCommand, ScanCommandsRepository
from sslyze.server_connectivity import ClientAuthRequirementEnum, TlsVersionEnum

from spbe_audit.probes.tls.deep.crew import Crew, reason
from spbe_audit.probes.tls.deep.features import Facts, NotShownError, Picture, jobs_of
from spbe_audit.probes.tls.deep.job import CLIENT_RENEGOTIATION, KnownOffer
from spbe_audit.probes.tls.deep.server import (
    VERSIONS,
    KnownServer,
    Suite,
    legacy_names,
    probing_result,
)
from spbe_audit.probes.tls.deep.suites import Support
from spbe_audit.probes.tls.deep.witness import Heard, WitnessedServer

_ROBOT = {
    RobotScanResultEnum.VULNERABLE_STRONG_ORACLE: True,
    RobotScanResultEnum.VULNERABLE_WEAK_ORACLE: True,
    RobotScanResultEnum.NOT_VULNERABLE_NO_ORACLE: False,
}
_WITHOUT_THE_FLAWS = frozenset({TlsVersionEnum.SSL_2_0, TlsVersionEnum.TLS_1_3})
_UNEXPECTED_MESSAGE, _DECRYPTION_FAILED = 10, 21  # IANA, TLS Alerts


def known_picture(server: KnownServer, known: KnownOffer) -> Picture:
    """The picture of a server whose versions and suites were found out by others."""
    supports = {
        version: Support(name in known.versions, _suites(version, known.suites.get(name, ())))
        for version, name in VERSIONS.items()
    }
    auth = ClientAuthRequirementEnum.DISABLED
    if known.client_certificate_asked:
        auth = ClientAuthRequirementEnum.OPTIONAL
    result = probing_result(TlsVersionEnum.TLS_1_2, auth, ecdh=True)
    suites = {version: support.suites for version, support in supports.items() if support.accepted}
    server = replace(server, tls_probing_result=result, suites=suites)
    accepted = [version for version in VERSIONS if supports[version].accepted]
    classic = [v for v in accepted if v not in {TlsVersionEnum.TLS_1_3, TlsVersionEnum.SSL_2_0}]
    return Picture(server, supports, accepted[0], classic[0] if classic else None)


def _suites(version: TlsVersionEnum, names: Iterable[str]) -> tuple[Suite, ...]:
    """The suites of these IANA names that sslyze can offer."""
    by_name = {
        s.name: s.openssl_name for s in CipherSuitesRepository.get_all_cipher_suites(version)
    }
    legacy = version not in {TlsVersionEnum.TLS_1_2, TlsVersionEnum.TLS_1_3}
    return tuple(
        Suite(name, by_name[name], legacy or by_name[name] in legacy_names(), None)
        for name in names
        if name in by_name
    )


def ask_flaws(crew: Crew, picture: Picture, questions: Iterable[str]) -> Facts:
    """Put these questions, each after the answer to the one before."""
    facts, flaws = Facts(), {}
    for name in questions:
        answer = crew.answer(crew.ask(_TESTS[name], picture))
        if name == CLIENT_RENEGOTIATION:
            facts.note(name, answer)
        elif answer.error is not None:
            facts.unknown[f"flaws.{name}"] = reason(answer.error)
        else:
            flaws[name] = answer.required()
    facts.known["flaws"] = dict(sorted(flaws.items()))
    return facts


def _heartbleed(picture: Picture) -> bool:
    """Whether a heartbeat that breaks RFC 6520, section 4, is answered."""
    server = _witnessed(picture, lambda _suite: True)
    if _only(server, ScanCommand.HEARTBLEED):
        return True
    # The question is put before the greeting has come, so that protest may come early.
    if not (server.heard and _UNEXPECTED_MESSAGE in server.heard[-1].alerts):
        _require_whole(server.heard[-1:])
    return False


def _ccs_injection(picture: Picture) -> bool:
    """Whether a ChangeCipherSpec is taken before there are keys (CVE-2014-0224).

    A server that takes it tries to decrypt what follows, and says which way that failed. sslyze
    knows one of the two alerts; with block ciphers OpenSSL sends the other.
    """
    server = _witnessed(picture, lambda _suite: True)
    if _only(server, ScanCommand.OPENSSL_CCS_INJECTION):
        return True
    _require_whole(server.heard[-1:])
    return _DECRYPTION_FAILED in server.heard[-1].alerts


def _robot(picture: Picture) -> bool:
    """Whether faults in a premaster secret are told apart by the server's answers.

    sslyze looks three times; where the first look shows one and the same answer to everything,
    that settles it.
    """
    auth = picture.server.tls_probing_result.client_auth_requirement
    if auth is not ClientAuthRequirementEnum.DISABLED:
        raise NotShownError(
            "the server asks for a certificate of ours, which this test cannot show"
        )
    server = _witnessed(picture, is_static_rsa)
    results: list[ScanJobResult] = []
    for job in jobs_of(ScanCommand.ROBOT, server):
        try:
            answers = _run(job)
        except ServerDoesNotSupportRsa:
            raise NotShownError("the server refuses the static RSA suites of this test") from None
        _require_whole(server.heard[-len(answers) :])
        if not results and len(set(answers.values())) == 1:
            return False
        results.append(ScanJobResult(_return_value=answers, _exception=None))
    implementation = ScanCommandsRepository.get_implementation_cls(ScanCommand.ROBOT)
    found = implementation.result_for_completed_scan_jobs(server, results).robot_result
    if found not in _ROBOT:
        raise NotShownError(f"sslyze came to {found.value}")
    return _ROBOT[found]


def _client_renegotiation(picture: Picture) -> bool:
    """Whether ten renegotiations that a client asks for come about, on one connection."""
    server = _witnessed(picture, _is_safe_to_offer, _is_legacy)
    _secure, job = jobs_of(ScanCommand.SESSION_RENEGOTIATION, server)
    _name, (accepted, _count) = _run(job)
    return bool(accepted)


_TESTS: Mapping[str, Callable[[Picture], bool]] = {
    "heartbleed": _heartbleed,
    "ccs_injection": _ccs_injection,
    "robot": _robot,
    CLIENT_RENEGOTIATION: _client_renegotiation,
}


def is_static_rsa(suite: Suite) -> bool:
    """Whether the premaster secret travels under the certificate's RSA key."""
    return suite.name.startswith(("TLS_RSA_WITH_", "TLS_RSA_EXPORT"))


def _is_safe_to_offer(suite: Suite) -> bool:
    """Whether sslyze's old OpenSSL surely gets through a handshake with this suite.

    It breaks off at weak parameters of Diffie-Hellman, and where a server has none to show.
    """
    return suite.legacy and not any(word in suite.name for word in ("_DHE_", "_DH_", "_EXPORT_"))


def _is_legacy(suite: Suite) -> bool:
    """Whether the old OpenSSL, which alone can renegotiate, has the suite."""
    return suite.legacy


def _witnessed(picture: Picture, *wishes: Callable[[Suite], bool]) -> WitnessedServer:
    """The server in its newest version before TLS 1.3 that has suites of a kind, with only those.

    The first of the wishes that can be had counts. A version whose suites are unknown may have
    them. Raises NotShownError where there are none.
    """
    versions = [
        version
        for version, support in picture.supports.items()
        if support.accepted and version not in _WITHOUT_THE_FLAWS
    ]
    for wish, version in product(wishes, sorted(versions, key=attrgetter("value"), reverse=True)):
        suites = picture.supports[version].suites
        fitting = tuple(suite for suite in suites if wish(suite))
        if fitting or not suites:
            seen = picture.at(version)
            parts = {one.name: getattr(seen, one.name) for one in fields(seen)}
            return WitnessedServer(**parts | {"suites": {**seen.suites, version: fitting}})
    raise NotShownError("sslyze has no suite in common with the server with which it can test this")


def _only(server: KnownServer, command: ScanCommand) -> Any:
    (job,) = jobs_of(command, server)
    return _run(job)


def _run(job: ScanJob) -> Any:
    return job.function_to_call(*job.function_arguments)


def _require_whole(heard: Iterable[Heard]) -> None:
    """Raise NotShownError unless all these connections got as far as the test begins."""
    if not all([one.whole_greeting for one in heard] or [False]):
        raise NotShownError("the server did not get to the end of its greeting")
