"""Does TLS on the other open ports obey the same rules?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import (
    LEGACY_VERSIONS,
    NoLeaf,
    PortService,
    ServicesEvidence,
    Suite,
    TlsEvidence,
    read_chain,
    suites_that,
    unsettled_suites,
    utc_text,
)

Version = Literal["SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"]
Flaw = Literal["null", "anonymous", "export", "rc4", "des"]

_FLAWS: Mapping[Flaw, Callable[[Suite], object]] = {
    "null": lambda suite: suite.null,
    "anonymous": lambda suite: suite.anonymous,
    "export": lambda suite: suite.export,
    "rc4": lambda suite: suite.rc4,
    "des": lambda suite: suite.des,
}


class OtherPortsParams(Params):
    """Versions and flaws of suites that must not be accepted, and whether expiry is judged."""

    refused_versions: tuple[Version, ...] = ("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1")
    refused_suites: tuple[Flaw, ...] = ("null", "anonymous", "export", "rc4", "des")
    valid_certificate: bool = True


@check("tls.other_ports", needs=ServicesEvidence, params=OtherPortsParams, subject="faulty.port")
def other_ports(services: ServicesEvidence, params: OtherPortsParams) -> Outcome:
    """Pass when no other port accepts old versions or weak suites, or shows an expired leaf."""
    spoken = [one for one in services.services if one.has_tls]
    judged = [(one, _faults(one.tls, params)) for one in spoken if one.tls]
    faulty: tuple[Fact, ...] = tuple({**_place(one), **faults} for one, faults in judged if faults)
    if faulty:
        return Outcome.failed(address=services.address, faulty=faulty)
    doubtful = [one for one in spoken if not _is_settled(one, params)]
    if doubtful:
        return Outcome.unknown("tls_not_settled", address=services.address, **_places(doubtful))
    if services.left_out:
        return Outcome.unknown("ports_not_asked", address=services.address, ports=services.left_out)
    if not spoken:
        return Outcome.not_applicable("no_other_tls")
    return Outcome.passed(address=services.address, **_places(spoken))


def _place(service: PortService) -> Mapping[str, Fact]:
    """A port, and the protocol in which its TLS is begun."""
    if service.protocol == "tls":
        return {"port": service.port}
    return {"port": service.port, "protocol": service.program}


def _places(services: Sequence[PortService]) -> Mapping[str, Fact]:
    """All ports, and those among them where another protocol comes first."""
    begun = tuple(_place(one) for one in services if one.protocol != "tls")
    return {"ports": tuple(one.port for one in services), "starttls": begun}


def _faults(tls: TlsEvidence, params: OtherPortsParams) -> Mapping[str, Fact]:
    """What is wrong with the TLS of one port; empty where all that is known is well."""
    versions = tuple(
        version.value for version in tls.versions if version in params.refused_versions
    )
    suites = suites_that(
        tls, lambda suite: any(_FLAWS[one](suite) for one in params.refused_suites)
    )
    found: dict[str, Fact] = {"versions": versions, "suites": suites}
    chain = read_chain(tls)
    if params.valid_certificate and not isinstance(chain, NoLeaf):
        expired = tls.collected_at > chain.leaf.not_after
        found["expired"] = utc_text(chain.leaf.not_after) if expired else None
    return {kind: value for kind, value in found.items() if value}


def _is_settled(service: PortService, params: OtherPortsParams) -> bool:
    """Whether everything that is judged could be learned about a port."""
    tls = service.tls
    if tls is None or not tls.offered:
        return False
    if set(tls.versions_unknown()) & set(params.refused_versions):
        return False
    if params.valid_certificate and isinstance(read_chain(tls), NoLeaf):
        return False
    return not (params.refused_suites and unsettled_suites(tls, LEGACY_VERSIONS))
