"""Is an interface that steers servers or programs within reach of the network?"""

from collections.abc import Mapping

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import (
    ORCHESTRATION_PORTS,
    PortsEvidence,
    ServicesEvidence,
    find_programs,
)


class OrchestrationExposedParams(Params):
    """What marks container platforms, coordination, build servers, queues and hosting panels."""

    platform_ports: Mapping[int, str] = dict(ORCHESTRATION_PORTS)
    platform_programs: tuple[str, ...] = (
        "activemq",
        "ajp",
        "amqp",
        "consul",
        "cpanel",
        "directadmin",
        "docker",
        "etcd",
        "glassfish",
        "jenkins",
        "kibana",
        "kubernetes",
        "nats",
        "nomad",
        "plesk",
        "portainer",
        "prometheus",
        "proxmox",
        "rabbitmq",
        "vault",
    )
    guard_asked: int = 50
    guard_open_share: float = 0.5


@check(
    "ports.orchestration_exposed",
    needs=(PortsEvidence, ServicesEvidence),
    params=OrchestrationExposedParams,
    subject="exposed.port",
    among="asked",
)
def orchestration_exposed(
    ports: PortsEvidence, services: ServicesEvidence, params: OrchestrationExposedParams
) -> Outcome:
    """Pass when no such interface is open, by its number or by what it says of itself."""
    if ports.seems_all_open(asked=params.guard_asked, share=params.guard_open_share):
        return Outcome.unknown("all_ports_open", open_count=len(ports.open), asked=ports.asked)
    found = find_programs(
        ports, services, numbers=params.platform_ports, programs=params.platform_programs
    )
    exposed = tuple(one.as_fact() for one in found)
    if exposed:
        return Outcome.failed(address=ports.address, exposed=exposed, asked=ports.asked)
    return Outcome.passed(address=ports.address, asked=ports.asked, filtered=ports.filtered)
