"""A server as sslyze's questions see it: how to reach it, and what it is known to accept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from nassl._nassl import OpenSSLError
from nassl.ephemeral_key_info import EphemeralKeyInfo
from nassl.legacy_ssl_client import LegacySslClient
from nassl.ssl_client import (
    BaseSslClient,
    ClientCertificateRequested,
    OpenSslVerifyEnum,
    OpenSslVersionEnum,
    SslClient,
)
from sslyze.connection_helpers.opportunistic_tls_helpers import ProtocolWithOpportunisticTlsEnum
from sslyze.connection_helpers.tls_connection import SslConnection
from sslyze.server_connectivity import (
    ClientAuthRequirementEnum,
    ServerConnectivityInfo,
    ServerTlsProbingResult,
    TlsVersionEnum,
)
from sslyze.server_setting import ServerNetworkConfiguration, ServerNetworkLocation

from spbe_audit.evidence import TlsVersion
from spbe_audit.probes.tls.deep.job import STARTTLS, EngineJob

VERSIONS = {
    TlsVersionEnum.TLS_1_3: TlsVersion.TLS_1_3,
    TlsVersionEnum.TLS_1_2: TlsVersion.TLS_1_2,
    TlsVersionEnum.TLS_1_1: TlsVersion.TLS_1_1,
    TlsVersionEnum.TLS_1_0: TlsVersion.TLS_1_0,
    TlsVersionEnum.SSL_3_0: TlsVersion.SSL_3_0,
    TlsVersionEnum.SSL_2_0: TlsVersion.SSL_2_0,
}
"""sslyze's versions and ours, newest first: what matters most is asked first."""

EVERY_SUITE = "ALL:COMPLEMENTOFALL:-PSK:-SRP:+aNULL:+eNULL"
"""All that OpenSSL has without a shared secret; suites that send no certificate come last."""

UNCENSORED = ":@SECLEVEL=0"
"""What the new OpenSSL must be told to offer anonymous and null suites; the old one offers all."""

_ALERT_RECEIVED = re.compile(r":(?:sslv3 alert|tlsv1 alert|tlsv13 alert|tlsv1) ([a-z ]+)")
_SILENCE_SECONDS = 5
_RETRIES = 2
_NOT_A_NAME = "spbe-audit.invalid"  # RFC 2606: never the name of anybody


@dataclass(frozen=True, slots=True)
class Suite:
    """A cipher suite that the server accepts.

    ``legacy`` says which of nassl's two OpenSSL versions was used: sslyze takes the old one for
    each suite that it has.
    """

    name: str
    openssl_name: str
    legacy: bool
    key: EphemeralKeyInfo | None


@dataclass(frozen=True)
class KnownServer(ServerConnectivityInfo):
    """sslyze's picture of a server, with suites of which it is known that the server takes them.

    sslyze by itself offers a list of its own choice, and where the server has none of that list it
    takes the refusal for an answer to its question.
    """

    sends_name: bool
    suites: Mapping[TlsVersionEnum, Sequence[Suite]] = field(default_factory=dict)

    def get_preconfigured_tls_connection(
        self,
        override_tls_version: TlsVersionEnum | None = None,
        ca_certificates_path: Path | None = None,
        should_use_legacy_openssl: bool | None = None,  # noqa: FBT001 - sslyze's signature
        should_enable_server_name_indication: bool = True,  # noqa: FBT001, FBT002 - sslyze's signature
    ) -> SslConnection:
        """Prepare a connection as sslyze does, then offer the suites that are known to work."""
        version = override_tls_version or self.tls_probing_result.highest_tls_version_supported
        known = self.suites.get(version, ())
        if should_use_legacy_openssl is None and version is TlsVersionEnum.TLS_1_2 and known:
            should_use_legacy_openssl = all(suite.legacy for suite in known)
        connection = super().get_preconfigured_tls_connection(
            version,
            ca_certificates_path,
            should_use_legacy_openssl,
            should_enable_server_name_indication and self.sends_name,
        )
        legacy = isinstance(connection.ssl_client, LegacySslClient)
        # A server that leaves the choice to us shall not choose to hide its certificate.
        certified_first = sorted(known, key=lambda suite: "_anon_" in suite.name)
        names = [suite.openssl_name for suite in certified_first if suite.legacy or not legacy]
        if names:
            offer(connection.ssl_client, version, names)
        return connection


def unknown_server(job: EngineJob) -> KnownServer:
    """The server of which nothing is known but where it is.

    A client certificate counts as required: then sslyze stops at the request for one, where all
    that it wants to know has been said.
    """
    return KnownServer(
        server_location=ServerNetworkLocation(job.host, job.port, job.address),
        network_configuration=_configuration(job),
        tls_probing_result=probing_result(
            TlsVersionEnum.TLS_1_2, ClientAuthRequirementEnum.REQUIRED, ecdh=True
        ),
        sends_name=job.server_name is not None,
    )


def _configuration(job: EngineJob) -> ServerNetworkConfiguration:
    """How to connect. A read ends before the guard's patience does: silence is an answer too."""
    starttls = STARTTLS[job.starttls] if job.starttls else None
    return ServerNetworkConfiguration(
        tls_server_name_indication=job.server_name or job.address,
        tls_opportunistic_encryption=ProtocolWithOpportunisticTlsEnum(starttls)
        if starttls
        else None,
        smtp_ehlo_hostname=_NOT_A_NAME if job.starttls == "smtp" else None,
        http_user_agent=None if starttls else job.user_agent,
        network_timeout=max(1, min(_SILENCE_SECONDS, int(job.patience / 2))),
        network_max_retries=_RETRIES,
    )


def probing_result(
    highest: TlsVersionEnum, client_auth: ClientAuthRequirementEnum, *, ecdh: bool
) -> ServerTlsProbingResult:
    """What sslyze's own first look would have found."""
    return ServerTlsProbingResult(
        highest_tls_version_supported=highest,
        cipher_suite_supported=EVERY_SUITE,
        client_auth_requirement=client_auth,
        supports_ecdh_key_exchange=ecdh,
    )


def offer(client: BaseSslClient, version: TlsVersionEnum, names: Sequence[str]) -> None:
    """Offer exactly these suites, in this order."""
    if not isinstance(client, SslClient):
        client.set_cipher_list(":".join(names))
    elif version is TlsVersionEnum.TLS_1_3:
        client.set_ciphersuites(":".join(names))
    else:
        client.set_cipher_list(":".join(names) + UNCENSORED)


def shake_hands(connection: SslConnection) -> bool:
    """Do a handshake up to where the client would have to prove itself; True if it was asked to.

    Raises what sslyze raises for a handshake that fails.
    """
    try:
        connection.connect(should_retry_connection=False)
    except ClientCertificateRequested:
        return True
    return False


def alert_in(error: Exception) -> str:
    """The alert that an OpenSSL error reports to have received, in OpenSSL's words, or ''."""
    found = _ALERT_RECEIVED.search(str(error)) if isinstance(error, OpenSSLError) else None
    return found[1] if found else ""


@cache
def legacy_names() -> frozenset[str]:
    """The suites (in OpenSSL's names) for which sslyze takes the old OpenSSL in TLS 1.2."""
    return _names_known_to(LegacySslClient)


@cache
def modern_names() -> frozenset[str]:
    """The suites (in OpenSSL's names) that the new OpenSSL can offer in TLS 1.2."""
    return _names_known_to(SslClient)


def _names_known_to(client_type: type[BaseSslClient]) -> frozenset[str]:
    client = client_type(ssl_version=OpenSslVersionEnum.TLSV1_2, ssl_verify=OpenSslVerifyEnum.NONE)
    client.set_cipher_list("ALL:COMPLEMENTOFALL")
    return frozenset(client.get_cipher_list())
