"""Is a database within reach of the network?"""

from collections.abc import Mapping

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import DATABASE_PORTS, PortsEvidence, ServicesEvidence, find_programs


class DatabaseExposedParams(Params):
    """What marks a database, and when a host answers on too many ports to be believed."""

    database_ports: Mapping[int, str] = dict(DATABASE_PORTS)
    database_programs: tuple[str, ...] = (
        "couchdb",
        "elasticsearch",
        "influxdb",
        "mariadb",
        "memcached",
        "mongodb",
        "mysql",
        "postgresql",
        "redis",
    )
    guard_asked: int = 50
    guard_open_share: float = 0.5


@check(
    "ports.database_exposed",
    needs=(PortsEvidence, ServicesEvidence),
    params=DatabaseExposedParams,
    subject="exposed.port",
    among="asked",
)
def database_exposed(
    ports: PortsEvidence, services: ServicesEvidence, params: DatabaseExposedParams
) -> Outcome:
    """Pass when no open port is a database's, by what it says or else by its number.

    That the port is declared excuses nothing.
    """
    if ports.seems_all_open(asked=params.guard_asked, share=params.guard_open_share):
        return Outcome.unknown("all_ports_open", open_count=len(ports.open), asked=ports.asked)
    found = find_programs(
        ports, services, numbers=params.database_ports, programs=params.database_programs
    )
    if found:
        exposed = tuple(one.as_fact() for one in found)
        return Outcome.failed(address=ports.address, exposed=exposed, asked=ports.asked)
    return Outcome.passed(address=ports.address, asked=ports.asked, filtered=ports.filtered)
