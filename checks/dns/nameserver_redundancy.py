"""Do several name servers in several networks serve the zone, each with authority?"""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import DnsEvidence, NameServer, NameServerStatus


class NameserverRedundancyParams(Params):
    """How many name servers and networks are wanted, and how large a network is."""

    minimum_servers: int = 2
    minimum_networks: int = 2
    ipv4_prefix: int = 24
    ipv6_prefix: int = 48


_SILENT = NameServerStatus.NO_ANSWER
_FAULTS = {
    NameServerStatus.LAME: "lame",
    NameServerStatus.REFUSED: "refused",
    NameServerStatus.NO_ADDRESS: "without_address",
}
_IPV6 = 6


@check("dns.nameserver_redundancy", needs=DnsEvidence, params=NameserverRedundancyParams)
def nameserver_redundancy(dns: DnsEvidence, params: NameserverRedundancyParams) -> Outcome:
    """Pass when name servers in several networks all answer with authority (RFC 2182)."""
    if dns.outside_dns:
        return Outcome.not_applicable(dns.outside_dns)
    if dns.zone is None or not dns.name_servers:
        return Outcome.unknown("name_server_failed")
    names = tuple(dict.fromkeys(server.name for server in dns.name_servers))
    networks = _networks(dns.name_servers, params)
    facts: dict[str, Fact] = {
        "zone": dns.zone,
        "name_servers": names,
        "networks": networks,
        **_faulty(dns.name_servers),
    }
    problem = _problem(facts, names, networks, params)
    if problem:
        return Outcome.failed(problem=problem, **facts)
    return _unsettled(dns.name_servers, names, facts) or Outcome.passed(**facts)


def _problem(
    facts: dict[str, Fact],
    names: tuple[str, ...],
    networks: tuple[str, ...],
    params: NameserverRedundancyParams,
) -> str | None:
    if facts["lame"] or facts["refused"] or facts["without_address"]:
        return "lame_delegation"
    if facts["silent"]:
        return "silent_server"
    if len(names) < params.minimum_servers:
        return "too_few_servers"
    return "too_few_networks" if _most_alike(networks) < params.minimum_networks else None


def _networks(servers: Iterable[NameServer], params: NameserverRedundancyParams) -> tuple[str, ...]:
    prefixes = {4: params.ipv4_prefix, 6: params.ipv6_prefix}
    addresses = [ip_address(server.address) for server in servers if server.address]
    found = (
        ip_network(f"{address}/{prefixes[address.version]}", strict=False) for address in addresses
    )
    return tuple(dict.fromkeys(str(network) for network in found))


def _most_alike(networks: Iterable[str]) -> int:
    """Networks of that version of IP which has more: a resolver may speak one version only."""
    versions = [ip_network(network).version for network in networks]
    return max((versions.count(version) for version in set(versions)), default=0)


def _faulty(servers: tuple[NameServer, ...]) -> dict[str, Fact]:
    """The name servers with a fault of their own, by the kind of it.

    Silence is one only where another server answered over the same version of IP: otherwise the
    way there may be blocked.
    """
    found: dict[str, list[str]] = {"lame": [], "refused": [], "without_address": [], "silent": []}
    reached = {_version(one) for one in servers if one.status is NameServerStatus.ANSWERS}
    for server in servers:
        written = f"{server.name} ({server.address})" if server.address else server.name
        if server.status in _FAULTS:
            found[_FAULTS[server.status]].append(written)
        elif server.status is _SILENT and _version(server) in reached:
            found["silent"].append(written)
    return {kind: tuple(servers) for kind, servers in found.items()}


def _version(server: NameServer) -> int:
    return _IPV6 if ":" in server.address else 4


def _unsettled(
    servers: tuple[NameServer, ...], names: tuple[str, ...], facts: dict[str, Fact]
) -> Outcome | None:
    """Why it is not known of each name server that it answers; None where it is."""
    answering = {one.name for one in servers if one.status is NameServerStatus.ANSWERS}
    left = [one for one in servers if one.name in set(names) - answering]
    statuses = {one.status for one in left}
    if not left:
        return None
    if statuses == {NameServerStatus.OUT_OF_SCOPE}:
        # They are somebody else's, whom the letter does not name: not asking them is no failure.
        return Outcome.not_applicable("name_servers_out_of_scope", **facts)
    if statuses == {NameServerStatus.NOT_ASKED}:
        return Outcome.not_applicable("not_asked_at_this_intensity", **facts)
    return Outcome.unknown("name_server_failed", **facts)
