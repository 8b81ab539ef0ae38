"""What else a server offers beside versions and suites: certificates, groups, extensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from nassl._nassl import OpenSSLError
from nassl.ephemeral_key_info import DhEphemeralKeyInfo, EcDhEphemeralKeyInfo, EphemeralKeyInfo
from nassl.legacy_ssl_client import LegacySslClient
from nassl.ssl_client import ExtendedMasterSecretSupportEnum, SslClient
from sslyze.connection_helpers.tls_connection import SslConnection
from sslyze.errors import ServerRejectedTlsHandshake
from sslyze.plugins.plugin_base import ScanJob, ScanJobResult
from sslyze.plugins.scan_commands import ScanCommand, ScanCommandsRepository
from sslyze.server_connectivity import ClientAuthRequirementEnum, TlsVersionEnum

from spbe_audit.evidence import CertificateChain, KeyExchange
from spbe_audit.probes.tls.deep.crew import Answer, Crew, reason
from spbe_audit.probes.tls.deep.server import (
    VERSIONS,
    KnownServer,
    Suite,
    alert_in,
    modern_names,
    offer,
    probing_result,
    shake_hands,
)
from spbe_audit.probes.tls.deep.suites import Support, chain_from_pem

_GROUP_NAMES = {"X25519": "x25519", "X448": "x448"}
_GROUP_BITS = {"x25519": 255, "x448": 448}
_GONE_IN_TLS_1_3 = ("compression", "client_renegotiation")

Later = Callable[[], Answer[Any]]
"""A question that has been put; calling it waits for the answer."""


class NotShownError(Exception):
    """The conversation went well, but what was looked for did not show."""


@dataclass(slots=True)
class Facts:
    """Facts under the names that they have in TlsEvidence, and those that could not be had."""

    known: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    def note(self, name: str, answer: Answer[Any]) -> None:
        """Write an answer down, or why there is none."""
        if answer.error is not None:
            self.unknown[name] = reason(answer.error)
        else:
            self.known[name] = answer.value


@dataclass(frozen=True, slots=True)
class Picture:
    """A server whose versions and suites are known.

    ``newest`` is the newest version that it accepts; ``classic`` the newest before TLS 1.3 (and
    after SSL 2.0), the one in which renegotiation and compression exist, or None.
    """

    server: KnownServer
    supports: Mapping[TlsVersionEnum, Support]
    newest: TlsVersionEnum
    classic: TlsVersionEnum | None

    def at(self, version: TlsVersionEnum) -> KnownServer:
        """The server as sslyze shall see it: with this as its highest version."""
        ecdh = version is TlsVersionEnum.TLS_1_3 or any(
            "_ECDHE_" in suite.name or "_ECDH_anon_" in suite.name
            for suite in self.supports[version].suites
        )
        auth = self.server.tls_probing_result.client_auth_requirement
        return replace(self.server, tls_probing_result=probing_result(version, auth, ecdh=ecdh))


def draw_picture(
    crew: Crew, server: KnownServer, supports: Mapping[TlsVersionEnum, Support]
) -> Picture | None:
    """Put together what is known, client certificates included; None where nothing is accepted."""
    accepted = [version for version in VERSIONS if supports[version].accepted]
    if not accepted:
        return None
    classic = [v for v in accepted if v not in {TlsVersionEnum.TLS_1_3, TlsVersionEnum.SSL_2_0}]
    strict = replace(server, suites={v: supports[v].suites for v in accepted})
    auth = ClientAuthRequirementEnum.DISABLED
    if any(s.look and s.look.client_certificate_asked for s in supports.values()):
        auth = ClientAuthRequirementEnum.OPTIONAL
    result = replace(strict.tls_probing_result, client_auth_requirement=auth)
    lenient = replace(strict, tls_probing_result=result)
    picture = Picture(lenient, supports, accepted[0], classic[0] if classic else None)
    if classic and auth is ClientAuthRequirementEnum.OPTIONAL:
        attempt = crew.answer(crew.ask(_shake_hands_in, lenient, classic[0]))
        if attempt.error is not None:
            return replace(picture, server=strict)
    return picture


def ask_features(crew: Crew, picture: Picture, *, briefly: bool) -> Facts:
    """Ask for everything at once; ``briefly`` leaves it at the certificates."""
    facts = Facts()
    certificates = [
        (job, _ask(crew, job))
        for job in jobs_of(ScanCommand.CERTIFICATE_INFO, picture.at(picture.newest))
        if _is_certificate_job_of_use(job, picture)
    ]
    others = {} if briefly else _ask_others(crew, picture)
    _note_certificates(facts, picture, [crew.answer(question) for _, question in certificates])
    for name, question in others.items():
        facts.note(name, question())
    if not briefly:
        _note_what_cannot_be(facts, picture)
    _note_key_exchanges(facts, picture)
    return facts


def _ask_others(crew: Crew, picture: Picture) -> dict[str, Later]:
    newest = picture.at(picture.newest)
    asked = {"groups": _command(crew, ScanCommand.ELLIPTIC_CURVES, newest, _groups)}
    if picture.supports[TlsVersionEnum.TLS_1_3].accepted:
        command = ScanCommand.TLS_1_3_EARLY_DATA
        asked["early_data"] = _command(crew, command, newest, lambda r: r.supports_early_data)
    if picture.classic is None:
        return asked
    classic = picture.at(picture.classic)
    renegotiation = _command(crew, ScanCommand.SESSION_RENEGOTIATION, classic, lambda r: r)
    asked["secure_renegotiation"] = lambda: _read(
        renegotiation(), lambda r: r.supports_secure_renegotiation
    )
    asked["client_renegotiation"] = lambda: _read(
        renegotiation(), lambda r: r.is_vulnerable_to_client_renegotiation_dos
    )
    command = ScanCommand.TLS_COMPRESSION
    asked["compression"] = _command(crew, command, classic, lambda r: r.supports_compression)
    if picture.classic is not TlsVersionEnum.SSL_3_0:
        asked["extended_master_secret"] = _later(crew, _extended_master_secret, picture)
    if _lower_version(picture) is not None:
        asked["fallback_scsv"] = _later(crew, _fallback_scsv, picture)
    return asked


def jobs_of(command: ScanCommand, server: KnownServer) -> list[ScanJob]:
    """The questions that one of sslyze's commands puts to a server."""
    implementation = ScanCommandsRepository.get_implementation_cls(command)
    jobs: list[ScanJob] = implementation.scan_jobs_for_scan_command(server)
    return jobs


def _ask(crew: Crew, job: ScanJob) -> Future[Any]:
    return crew.ask(job.function_to_call, *job.function_arguments)


def _later(crew: Crew, function: Callable[[Picture], bool], picture: Picture) -> Later:
    question = crew.ask(function, picture)
    return lambda: crew.answer(question)


def _command(
    crew: Crew,
    command: ScanCommand,
    server: KnownServer,
    read: Callable[[Any], Any],
) -> Later:
    """Put one of sslyze's questions, its parts side by side."""
    questions = [_ask(crew, job) for job in jobs_of(command, server)]

    def finish() -> Answer[Any]:
        answers = crew.answers(questions)
        results = [ScanJobResult(_return_value=a.value, _exception=a.error) for a in answers]
        implementation = ScanCommandsRepository.get_implementation_cls(command)
        try:
            return Answer(read(implementation.result_for_completed_scan_jobs(server, results)))
        except Exception as error:  # noqa: BLE001 - sslyze raises anything
            return Answer(error=error)

    return finish


def _read(answer: Answer[Any], read: Callable[[Any], Any]) -> Answer[Any]:
    return answer if answer.error is not None else Answer(read(answer.value))


def _groups(result: Any) -> tuple[str, ...]:
    if result.supports_ecdh_key_exchange and not result.supported_curves:
        raise NotShownError("the server accepts no group that is offered by itself")
    names = [curve.name for curve in result.supported_curves or ()]
    return tuple(_GROUP_NAMES.get(name, name) for name in names)


def _is_certificate_job_of_use(job: ScanJob, picture: Picture) -> bool:
    version = job.function_arguments[2]
    return version is None or bool(picture.supports[version].accepted)


def _note_certificates(facts: Facts, picture: Picture, answers: list[Answer[Any]]) -> None:
    """The chains: first what a client of today gets, last what a client without SNI gets."""
    server = picture.server
    name = server.network_configuration.tls_server_name_indication if server.sends_name else None
    look = picture.supports[picture.newest].look
    chains = [CertificateChain(look.chain, name)] if look and look.chain else []
    for answer in answers:
        if answer.value is not None:
            received, _staple, _trust_store, with_name = answer.value
            chains.append(CertificateChain(chain_from_pem(received), name if with_name else None))
    looks = [support.look for support in picture.supports.values() if support.look]
    facts.known["chains"] = tuple(dict.fromkeys(chains))
    facts.known["ocsp_staple"] = look.staple if look else None
    if looks:
        asked = any(look.client_certificate_asked for look in looks)
        facts.known["client_certificate_asked"] = asked
    suites = [suite for support in picture.supports.values() for suite in support.suites]
    errors = [answer.error for answer in answers if answer.error is not None]
    if not chains and errors and not all("_anon_" in suite.name for suite in suites):
        facts.unknown["chains"] = reason(errors[0])


def _note_what_cannot_be(facts: Facts, picture: Picture) -> None:
    """What a version that is not accepted rules out, or leaves open where it is unknown."""
    open_versions = [v for v in VERSIONS if picture.supports[v].accepted is None]
    if not picture.supports[TlsVersionEnum.TLS_1_3].accepted:
        _rule_out(facts, ("early_data",), TlsVersionEnum.TLS_1_3 in open_versions)
    if picture.classic is None:
        _rule_out(facts, _GONE_IN_TLS_1_3, bool(open_versions))


def _rule_out(facts: Facts, names: tuple[str, ...], doubtful: bool) -> None:  # noqa: FBT001 - see the calls
    for name in names:
        if doubtful:
            facts.unknown[name] = "the version that it belongs to could not be judged"
        else:
            facts.known[name] = False


def _note_key_exchanges(facts: Facts, picture: Picture) -> None:
    suites = [suite for support in picture.supports.values() for suite in support.suites]
    shown = [key_exchange(suite.key) for suite in suites if suite.key is not None]
    facts.known["key_exchanges"] = tuple(dict.fromkeys(shown))
    hidden = [suite.name for suite in suites if suite.key is None and _is_ephemeral(suite)]
    if hidden:
        text = f"no parameters were shown for {hidden[0]}: DH below 768 bit is not completed"
        facts.unknown["key_exchanges"] = text


def _is_ephemeral(suite: Suite) -> bool:
    return "DHE_" in suite.name or "DH_anon" in suite.name


def key_exchange(key: EphemeralKeyInfo) -> KeyExchange:
    """The parameters of a key exchange as sslyze saw them."""
    if isinstance(key, EcDhEphemeralKeyInfo):
        group = _GROUP_NAMES.get(key.curve_name, key.curve_name)
        return KeyExchange("ECDH", _GROUP_BITS.get(group, key.size), group)
    prime = bytes(key.prime).hex() if isinstance(key, DhEphemeralKeyInfo) else None
    return KeyExchange("DH", key.size, prime=prime)


def _shake_hands_in(server: KnownServer, version: TlsVersionEnum) -> bool:
    return _shake_hands_and_close(server.get_preconfigured_tls_connection(version))


def _shake_hands_and_close(connection: SslConnection) -> bool:
    try:
        return shake_hands(connection)
    finally:
        connection.close()


def _extended_master_secret(picture: Picture) -> bool:
    """Whether the newest version before TLS 1.3 uses RFC 7627, which only the new OpenSSL shows."""
    version = picture.classic or picture.newest
    names = [suite.openssl_name for suite in picture.supports[version].suites]
    connection = picture.server.get_preconfigured_tls_connection(
        version, should_use_legacy_openssl=False
    )
    client = connection.ssl_client
    if not isinstance(client, SslClient):
        raise NotShownError("nassl gave the old OpenSSL")
    offer(client, version, [name for name in names if name in modern_names()])
    try:
        shake_hands(connection)
        support = client.get_extended_master_secret_support()
    finally:
        connection.close()
    if support is ExtendedMasterSecretSupportEnum.UNKNOWN:
        raise NotShownError("the handshake was not completed")
    return support is ExtendedMasterSecretSupportEnum.USED_IN_CURRENT_SESSION


def _lower_version(picture: Picture) -> TlsVersionEnum | None:
    """The version to which a client would fall back: the newest below the server's newest."""
    for version in VERSIONS:
        if version.value < picture.newest.value and version is not TlsVersionEnum.SSL_2_0:
            suites = picture.supports[version].suites
            if any(suite.legacy for suite in suites):
                return version
    return None


def _fallback_scsv(picture: Picture) -> bool:
    """Whether a fallback (RFC 7507) to a version that is accepted otherwise is refused.

    sslyze asks one version below the newest, whether or not the server has that.
    """
    version = _lower_version(picture)
    connection = picture.server.get_preconfigured_tls_connection(
        version, should_use_legacy_openssl=True
    )
    client = connection.ssl_client
    if not isinstance(client, LegacySslClient):
        raise NotShownError("nassl gave the new OpenSSL")
    client.enable_fallback_scsv()
    try:
        _shake_hands_and_close(connection)
    except ServerRejectedTlsHandshake:
        return True
    except OpenSSLError as error:
        if not alert_in(error):
            raise
        return True
    return False
