"""Is an interface for remote administration within reach of the network?"""

from collections.abc import Mapping

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import (
    REMOTE_ADMINISTRATION_PORTS,
    FoundProgram,
    PortsEvidence,
    ServicesEvidence,
    find_programs,
)


class RemoteAdministrationExposedParams(Params):
    """What marks remote administration, and which of it may be declared.

    ``declarable`` are the protocols that are no fault on a declared port; ``declarable_ports`` say
    where such a protocol is expected when the port said nothing.
    """

    remote_ports: Mapping[int, str] = dict(REMOTE_ADMINISTRATION_PORTS)
    remote_programs: tuple[str, ...] = ("novnc", "ssh", "telnet", "vnc", "webmin")
    declarable: tuple[str, ...] = ("ssh",)
    declarable_ports: tuple[int, ...] = (22, 2222)
    guard_asked: int = 50
    guard_open_share: float = 0.5


@check(
    "ports.remote_administration_exposed",
    needs=(PortsEvidence, ServicesEvidence),
    params=RemoteAdministrationExposedParams,
    subject="exposed.port",
    among="asked",
)
def remote_administration_exposed(
    ports: PortsEvidence, services: ServicesEvidence, params: RemoteAdministrationExposedParams
) -> Outcome:
    """Pass when nothing for remote administration is open but declared SSH."""
    if ports.seems_all_open(asked=params.guard_asked, share=params.guard_open_share):
        return Outcome.unknown("all_ports_open", open_count=len(ports.open), asked=ports.asked)
    found = find_programs(
        ports, services, numbers=params.remote_ports, programs=params.remote_programs
    )
    exposed = tuple(one.as_fact() for one in found if not _is_declared(one, ports, params))
    if exposed:
        return Outcome.failed(address=ports.address, exposed=exposed, asked=ports.asked)
    return Outcome.passed(
        address=ports.address, asked=ports.asked, declared=tuple(one.port for one in found)
    )


def _is_declared(
    found: FoundProgram, ports: PortsEvidence, params: RemoteAdministrationExposedParams
) -> bool:
    if found.port not in ports.declared:
        return False
    if found.told:
        return found.told.protocol in params.declarable
    return found.port in params.declarable_ports
