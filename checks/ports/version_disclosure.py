"""Do the services beside the web keep their versions to themselves?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import PortService, ServicesEvidence


class PortVersionDisclosureParams(Params):
    """The protocols whose greeting must name a version; there only what is added to it counts."""

    unavoidable: tuple[str, ...] = ("ssh",)


@check(
    "ports.version_disclosure",
    needs=ServicesEvidence,
    params=PortVersionDisclosureParams,
    subject="disclosures.port",
)
def version_disclosure(services: ServicesEvidence, params: PortVersionDisclosureParams) -> Outcome:
    """Pass when no greeting shows the version of its software."""
    shown: tuple[Fact, ...] = tuple(
        {"port": one.port, "banner": one.banner or f"{one.software} {one.version}"}
        for one in services.services
        if _shows_version(one, params)
    )
    if shown:
        return Outcome.failed(address=services.address, disclosures=shown)
    if services.left_out:
        return Outcome.unknown("ports_not_asked", address=services.address, ports=services.left_out)
    if not services.services:
        return Outcome.not_applicable("no_other_ports")
    asked = tuple(one.port for one in services.services)
    return Outcome.passed(address=services.address, ports=asked)


def _shows_version(service: PortService, params: PortVersionDisclosureParams) -> bool:
    if service.protocol in params.unavoidable:
        return " " in service.banner.strip()  # RFC 4253 4.2: a comment follows the software
    return bool(service.version)
