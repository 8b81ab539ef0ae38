"""Is a database within reach of the network?"""

import re
from collections.abc import Mapping

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import DATABASE_PORTS, OpenPort, PortsEvidence


class DatabaseExposedParams(Params):
    """What marks a database, and when a host answers on too many ports to be believed."""

    database_ports: Mapping[int, str] = dict(DATABASE_PORTS)
    database_words: tuple[str, ...] = (
        "cassandra",
        "couchdb",
        "elasticsearch",
        "influxdb",
        "mariadb",
        "memcached",
        "mongodb",
        "ms-sql-s",
        "mysql",
        "oracle-tns",
        "postgres",
        "postgresql",
        "redis",
    )
    guard_asked: int = 50
    guard_open_share: float = 0.5


@check("ports.database_exposed", needs=PortsEvidence, params=DatabaseExposedParams)
def database_exposed(ports: PortsEvidence, params: DatabaseExposedParams) -> Outcome:
    """Pass when no open port is a database's, by its number or by what it calls itself."""
    if ports.seems_all_open(asked=params.guard_asked, share=params.guard_open_share):
        return Outcome.unknown("all_ports_open", open_count=len(ports.open), asked=ports.asked)
    exposed: tuple[Fact, ...] = tuple(
        {"port": one.port, "service": name}
        for one in ports.open
        if (name := _database(one, params))
    )
    if exposed:
        return Outcome.failed(address=ports.address, exposed=exposed, asked=ports.asked)
    return Outcome.passed(address=ports.address, asked=ports.asked, filtered=ports.filtered)


def _database(one: OpenPort, params: DatabaseExposedParams) -> str | None:
    """The database that answers on a port, as far as its number or its words tell."""
    said = f"{one.service}\n{one.banner}".lower()
    for word in params.database_words:
        if re.search(rf"(?<![a-z0-9]){re.escape(word.lower())}(?![a-z])", said):
            return params.database_ports.get(one.port, word)
    return params.database_ports.get(one.port)
