"""Which versions and suites a server accepts."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from enum import Enum, auto
from operator import attrgetter
from typing import Any

from nassl._nassl import OpenSSLError
from nassl.ssl_client import BaseSslClient
from sslyze import (  # type: ignore[attr-defined]  # re-exported, though sslyze does not say so
    CipherSuiteAcceptedByServer,
    CipherSuiteRejectedByServer,
)
from sslyze.connection_helpers.tls_connection import NoCiphersAvailableBugInSSlyze
from sslyze.errors import ServerRejectedTlsHandshake
from sslyze.plugins.plugin_base import ScanJob
from sslyze.plugins.scan_commands import ScanCommand, ScanCommandsRepository
from sslyze.server_connectivity import TlsVersionEnum

from spbe_audit.probes.tls.deep.crew import Answer, Crew, reason
from spbe_audit.probes.tls.deep.server import (
    EVERY_SUITE,
    UNCENSORED,
    VERSIONS,
    KnownServer,
    Suite,
    alert_in,
    legacy_names,
    offer,
    shake_hands,
)

_COMMANDS = {
    TlsVersionEnum.SSL_2_0: ScanCommand.SSL_2_0_CIPHER_SUITES,
    TlsVersionEnum.SSL_3_0: ScanCommand.SSL_3_0_CIPHER_SUITES,
    TlsVersionEnum.TLS_1_0: ScanCommand.TLS_1_0_CIPHER_SUITES,
    TlsVersionEnum.TLS_1_1: ScanCommand.TLS_1_1_CIPHER_SUITES,
    TlsVersionEnum.TLS_1_2: ScanCommand.TLS_1_2_CIPHER_SUITES,
    TlsVersionEnum.TLS_1_3: ScanCommand.TLS_1_3_CIPHER_SUITES,
}
_STATIC_RSA = "kRSA:kRSA+eNULL"
_OLD = (TlsVersionEnum.SSL_3_0, TlsVersionEnum.TLS_1_0, TlsVersionEnum.TLS_1_1)
_WRONG_VERSION = "TLS alert: protocol version"
_ALERT = "TLS alert: "
_HANGING_UP = frozenset(
    {
        "Server rejected the connection",
        "Server interrupted the TLS handshake",
        "Server closed the connection during the TLS handshake",
    }
)
_TIMED_OUT = "timed out"
_ASK_AGAIN_AT_MOST = 12


@dataclass(frozen=True, slots=True)
class Look:
    """One handshake with all suites on offer. ``refusal`` is '' where the version is accepted."""

    refusal: str = ""
    chain: tuple[bytes, ...] = ()
    staple: bytes | None = None
    client_certificate_asked: bool = False


@dataclass(frozen=True, slots=True)
class Support:
    """What is known of one version. ``accepted`` is None where it could not be found out.

    ``doubt`` says why that is, or why the list of suites may not be whole. ``hung_up`` tells that
    the server ended connections without a word, which a server does that refuses, but also one
    that has had enough of us.
    """

    accepted: bool | None
    suites: tuple[Suite, ...] = ()
    doubt: str = ""
    look: Look | None = None
    hung_up: bool = False


class _Fate(Enum):
    """How one suite fared."""

    ACCEPTED = auto()
    REFUSED = auto()
    HUNG_UP = auto()
    FAILED = auto()
    NOT_OFFERED = auto()


@dataclass(frozen=True, slots=True)
class _Trial:
    """One suite that was asked for."""

    job: ScanJob
    fate: _Fate
    text: str = ""
    suite: Suite | None = None


def scan_versions(crew: Crew, server: KnownServer) -> dict[TlsVersionEnum, Support]:
    """Try every version, and every suite of those that two looks do not settle."""
    looks = _looks(crew, server, VERSIONS, EVERY_SUITE)
    doubtful = [v for v in VERSIONS if looks[v].error or (v in _OLD and _refusal(looks[v]))]
    doubtful = [v for v in doubtful if not _is_wrong_version(looks[v])]
    second = _looks(crew, server, doubtful, _STATIC_RSA)
    supports = {v: _settled(looks[v], second.get(v)) for v in VERSIONS}
    jobs = {v: _suite_jobs(server, v) for v in VERSIONS if supports[v] is None}
    asked = {version: [_ask(crew, job) for job in jobs[version]] for version in jobs}
    for version, questions in asked.items():
        answers = crew.answers(questions)
        trials = [_trial(job, got) for job, got in zip(jobs[version], answers, strict=True)]
        supports[version] = _support(looks[version], _with_second_tries(crew, trials))
    known = {version: support for version, support in supports.items() if support}
    if any(support.hung_up for support in known.values()) and not _lives(crew, server, looks):
        return {version: _distrusted(support) for version, support in known.items()}
    return known


def _looks(
    crew: Crew, server: KnownServer, versions: Iterable[TlsVersionEnum], suites: str
) -> dict[TlsVersionEnum, Answer[Look]]:
    questions = {version: crew.ask(look, server, version, suites) for version in versions}
    return {version: crew.answer(question) for version, question in questions.items()}


def _settled(first: Answer[Look], second: Answer[Look] | None) -> Support | None:
    """What two looks say of a version; None where its suites have to be tried one by one.

    A version is refused by name, or by turning down two offers, of which the second is short
    (some middleboxes choke on a long one). Silence both times tells nothing, and is not tried a
    hundred times more.
    """
    if _is_wrong_version(first):
        return Support(accepted=False)
    if second is None:
        return None
    if first.error and second.error:
        return Support(accepted=None, doubt=reason(first.error))
    if _refusal(first) and _refusal(second):
        hung_up = bool({_refusal(first), _refusal(second)} & _HANGING_UP)
        return Support(accepted=False, hung_up=hung_up)
    return None


def look(server: KnownServer, version: TlsVersionEnum, suites: str = EVERY_SUITE) -> Look:
    """Shake hands once in one version, and keep what the server shows."""
    connection = server.get_preconfigured_tls_connection(version)
    client = connection.ssl_client
    if version not in {TlsVersionEnum.TLS_1_3, TlsVersionEnum.SSL_2_0}:
        offer(client, version, [suites])
    if version is not TlsVersionEnum.SSL_2_0:
        client.set_tlsext_status_ocsp()
    try:
        asked = shake_hands(connection)
        staple = client.get_tlsext_status_ocsp_resp()
        return Look(
            chain=_shown_chain(client),
            staple=staple.as_der_bytes() if staple else None,
            client_certificate_asked=asked,
        )
    except ServerRejectedTlsHandshake as error:
        return Look(refusal=error.error_message)
    except OpenSSLError as error:
        if not alert_in(error):
            raise
        return Look(refusal=_ALERT + alert_in(error))
    finally:
        connection.close()


def chain_from_pem(chain: Iterable[str]) -> tuple[bytes, ...]:
    """A chain as DER."""
    return tuple(ssl.PEM_cert_to_DER_cert(certificate) for certificate in chain)


def _shown_chain(client: BaseSslClient) -> tuple[bytes, ...]:
    try:
        return chain_from_pem(client.get_received_chain())
    except ValueError:  # an anonymous suite: the server shows no certificate
        return ()


def _refusal(answer: Answer[Look]) -> str:
    return answer.value.refusal if answer.value else ""


def _is_wrong_version(answer: Answer[Look]) -> bool:
    return _refusal(answer).startswith(_WRONG_VERSION)


def _suite_jobs(server: KnownServer, version: TlsVersionEnum) -> list[ScanJob]:
    """The questions of sslyze for one version, one a suite.

    Where the new OpenSSL is to offer a suite it is told to do so whatever the suite's strength.
    """
    implementation = ScanCommandsRepository.get_implementation_cls(_COMMANDS[version])
    jobs: list[ScanJob] = implementation.scan_jobs_for_scan_command(server)
    if version is not TlsVersionEnum.TLS_1_2:
        return jobs
    return [_uncensored(job) for job in jobs]


def _uncensored(job: ScanJob) -> ScanJob:
    *before, suite = job.function_arguments
    if suite.openssl_name in legacy_names():
        return job
    suite = replace(suite, openssl_name=suite.openssl_name + UNCENSORED)
    return replace(job, function_arguments=[*before, suite])


def _ask(crew: Crew, job: ScanJob) -> Future[Any]:
    return crew.ask(job.function_to_call, *job.function_arguments)


def _trial(job: ScanJob, answer: Answer[Any]) -> _Trial:
    """Sort the answer to one suite."""
    value, error = answer.value, answer.error
    if isinstance(value, CipherSuiteAcceptedByServer):
        return _Trial(job, _Fate.ACCEPTED, suite=_accepted_suite(job, value))
    if isinstance(value, CipherSuiteRejectedByServer):
        text = value.error_message
        if _TIMED_OUT in text:
            return _Trial(job, _Fate.FAILED, text)
        return _Trial(job, _Fate.HUNG_UP if text in _HANGING_UP else _Fate.REFUSED, text)
    if isinstance(error, NoCiphersAvailableBugInSSlyze):
        return _Trial(job, _Fate.NOT_OFFERED)
    text = reason(error) if error else f"sslyze answered {type(value).__name__}"
    refused = error is not None and alert_in(error)
    return _Trial(job, _Fate.REFUSED if refused else _Fate.FAILED, text)


def _accepted_suite(job: ScanJob, accepted: CipherSuiteAcceptedByServer) -> Suite:
    version = job.function_arguments[1]
    openssl_name = accepted.cipher_suite.openssl_name.removesuffix(UNCENSORED)
    if version is TlsVersionEnum.TLS_1_2:
        legacy = openssl_name in legacy_names()
    else:
        legacy = version is not TlsVersionEnum.TLS_1_3
    return Suite(accepted.cipher_suite.name, openssl_name, legacy, accepted.ephemeral_key)


def _with_second_tries(crew: Crew, trials: list[_Trial]) -> list[_Trial]:
    """The trials with the failed ones tried again, one at a time, where they are few."""
    failed = [trial.job for trial in trials if trial.fate is _Fate.FAILED]
    if len(failed) > _ASK_AGAIN_AT_MOST:
        return trials
    settled = [trial for trial in trials if trial.fate is not _Fate.FAILED]
    return settled + [_trial(job, crew.answer(_ask(crew, job))) for job in failed]


def _support(looked: Answer[Look], trials: list[_Trial]) -> Support:
    """What the trials of one version amount to."""
    accepted = [trial.suite for trial in trials if trial.suite]
    failed = [trial.text for trial in trials if trial.fate is _Fate.FAILED]
    hung_up = any(trial.fate is _Fate.HUNG_UP for trial in trials)
    doubt = f"{len(failed)} of {len(trials)} suites got no answer: {failed[0]}" if failed else ""
    seen = looked.value if looked.value and not looked.value.refusal else None
    if accepted or seen:
        suites = tuple(sorted(accepted, key=attrgetter("name")))
        if not suites:
            doubt = doubt or "a handshake succeeds, but with no suite that is offered by itself"
        return Support(accepted=True, suites=suites, doubt=doubt, look=seen, hung_up=hung_up)
    return Support(None if failed else False, doubt=doubt, hung_up=hung_up)


def _lives(crew: Crew, server: KnownServer, looks: Mapping[TlsVersionEnum, Answer[Look]]) -> bool:
    """Whether the server still answers as it did at first, in a version in which it spoke."""
    for version, before in looks.items():
        if before.value is None or before.value.refusal in _HANGING_UP:
            continue
        now = crew.answer(crew.ask(look, server, version))
        return now.value is not None and now.value.refusal == before.value.refusal
    return False


def _distrusted(support: Support) -> Support:
    """A version whose refusals may have been the server's refusal of us."""
    if not support.hung_up:
        return support
    doubt = support.doubt or "the server hung up, and later on it did so always"
    return replace(support, accepted=support.accepted or None, doubt=doubt)
