"""The zone's own name servers: who answers with authority, and what they give to strangers."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import pytest

from spbe_audit.catalogue import load_catalogue
from spbe_audit.check import Outcome, Verdict
from spbe_audit.evidence import DnsEvidence, NameServer, NameServerStatus, Openness
from spbe_audit.network import Door
from spbe_audit.probes.dns import questions
from spbe_audit.probes.dns.dnssec import ROOT_ANCHORS
from spbe_audit.probes.dns.probe import DnsSettings, probe_dns
from spbe_audit.targets import Engagement, Intensity
from tests.servers.bind import bind
from tests.servers.name_server import Reply, rcode_only, relay, response_to, silence, udp_server

ZONE = """
$TTL 60
@        SOA   ns1 hostmaster 1 3600 600 86400 60
@        NS    ns1
{others}
ns1      A     127.0.0.1
secret   A     127.0.0.1
www      A     127.0.0.1
"""
GOOD, OTHER = "127.0.0.1", "127.0.1.1"
CATALOGUE = load_catalogue()


def judged(check: str, evidence: DnsEvidence) -> Outcome:
    entry = CATALOGUE.get(check).check
    return entry.run((evidence,), entry.params_type())


def zone(*others: tuple[str, str]) -> dict[str, str]:
    """A zone served by ns1 at 127.0.0.1 and by others, each a name and an address or ''."""
    lines = [f"@ NS {name}" for name, _ in others]
    lines += [f"{name} A {address}" for name, address in others if address]
    return {"babel.lab": ZONE.format(others="\n".join(lines))}


def examine(
    server: tuple[str, int],
    *,
    intensity: Intensity = Intensity.THOROUGH,
    engagement: Engagement | None = None,
) -> DnsEvidence:
    door = Door(engagement=engagement, hosts={"www.babel.lab": ("127.0.0.1",)})
    asked = probe_dns(
        host="www.babel.lab",
        door=door,
        name_servers=(server,),
        intensity=intensity,
        settings=DnsSettings(ROOT_ANCHORS, authority_port=server[1]),
    )
    evidence = asyncio.run(asked).result
    assert isinstance(evidence, DnsEvidence)
    return evidence


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "QUERY_TIMEOUT", 0.5)


def test_name_servers_in_good_order(tmp_path: Path) -> None:
    options = {"allow-transfer": "{ none; }"}
    with (
        bind(zone(("ns2", OTHER)), tmp_path, options=options) as server,
        relay(server, address=OTHER, port=server[1]),
    ):
        evidence = examine(server)
    refuses = (NameServerStatus.ANSWERS, Openness.REFUSED, Openness.REFUSED)
    assert evidence.name_servers == (
        NameServer("ns1.babel.lab", GOOD, *refuses),
        NameServer("ns2.babel.lab", OTHER, *refuses),
    )
    assert evidence.thorough
    for check in ("nameserver_redundancy", "zone_transfer", "open_recursion"):
        assert judged(f"dns.{check}", evidence).verdict is Verdict.PASS, check


def test_a_zone_that_is_handed_over(tmp_path: Path) -> None:
    with bind(zone(), tmp_path, options={"allow-transfer": "{ any; }"}) as server:
        evidence = examine(server)
    assert [one.zone_transfer for one in evidence.name_servers] == [Openness.OPEN]
    outcome = judged("dns.zone_transfer", evidence)
    assert outcome.verdict is Verdict.FAIL
    assert outcome.facts["open"] == ("ns1.babel.lab (127.0.0.1)",)
    assert "secret" not in repr(evidence)


def test_a_server_that_recurses_for_anyone(tmp_path: Path) -> None:
    # There is no way to the root from here; that the server sets out for it is enough.
    options = {"recursion": "yes", "allow-recursion": "{ any; }", "allow-query-cache": "{ any; }"}
    root = ". SOA . . 1 3600 600 86400 60\n. 60 NS ns.\nns. 60 A 127.0.0.1\n"
    with bind({**zone(), ".": f"$TTL 60\n{root}"}, tmp_path, options=options) as server:
        evidence = examine(server)
    assert [one.recursion for one in evidence.name_servers] == [Openness.OPEN]
    assert judged("dns.open_recursion", evidence).verdict is Verdict.FAIL


@pytest.mark.usefixtures("quick")
def test_recursion_that_comes_to_nothing_is_offered_all_the_same(tmp_path: Path) -> None:
    nowhere = "{ 127.0.0.1 port 1; }"
    options = {"recursion": "yes", "forward": "only", "forwarders": nowhere}
    with bind(zone(), tmp_path, options=options) as server:
        evidence = examine(server)
    assert [one.recursion for one in evidence.name_servers] == [Openness.OPEN]


@pytest.mark.usefixtures("quick")
def test_a_server_that_offers_recursion_and_then_falls_silent(tmp_path: Path) -> None:
    def told(wire: bytes) -> list[bytes]:
        if str(dns.message.from_wire(wire).question[0].name) == ".":
            return []
        flags = dns.flags.AA | dns.flags.RA
        return [response_to(wire, "babel.lab. SOA a. b. 1 1 1 1 1", flags=flags).to_wire()]

    with (
        bind(zone(("ns2", OTHER)), tmp_path) as server,
        udp_server(told, address=OTHER, port=server[1]),
    ):
        evidence = examine(server)
    assert evidence.name_servers[1].recursion is Openness.OPEN


def test_a_lame_delegation(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with (
        bind(zone(("ns2", OTHER)), tmp_path) as server,
        bind({"else.lab": ZONE.format(others="")}, tmp_path / "other") as other,
        relay(other, address=OTHER, port=server[1]),
    ):
        evidence = examine(server, intensity=Intensity.STANDARD)
    assert [one.status for one in evidence.name_servers] == [
        NameServerStatus.ANSWERS,
        NameServerStatus.REFUSED,
    ]
    outcome = judged("dns.nameserver_redundancy", evidence)
    assert (outcome.verdict, outcome.facts["problem"]) == (Verdict.FAIL, "lame_delegation")
    assert not evidence.thorough
    assert evidence.name_servers[0].zone_transfer is Openness.NOT_ASKED


def without_authority(wire: bytes) -> list[bytes]:
    answer = "babel.lab. SOA a. b. 1 1 1 1 1"
    return [response_to(wire, answer, flags=dns.flags.RA).to_wire()]


def a_referral(wire: bytes) -> list[bytes]:
    return [response_to(wire).to_wire()]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (without_authority, NameServerStatus.LAME),
        (a_referral, NameServerStatus.LAME),
        (rcode_only(dns.rcode.SERVFAIL), NameServerStatus.LAME),
        (rcode_only(dns.rcode.NXDOMAIN), NameServerStatus.LAME),
        (rcode_only(dns.rcode.REFUSED), NameServerStatus.REFUSED),
        (silence, NameServerStatus.NO_ANSWER),
        (lambda _wire: [b"\xff" * 40], NameServerStatus.NO_ANSWER),
    ],
)
def test_how_a_server_can_be_wrong(reply: Reply, status: NameServerStatus, tmp_path: Path) -> None:
    with (
        bind(zone(("ns2", OTHER)), tmp_path) as server,
        udp_server(reply, address=OTHER, port=server[1]) as other,
    ):
        evidence = examine(server, intensity=Intensity.STANDARD)
    assert [one.status for one in evidence.name_servers] == [NameServerStatus.ANSWERS, status]
    assert judged("dns.nameserver_redundancy", evidence).verdict is Verdict.FAIL
    for wire in other.queries:
        query = dns.message.from_wire(wire)
        assert str(query.question[0]) == "babel.lab. IN SOA"
        assert not query.flags & dns.flags.RD


def test_a_name_server_without_an_address(tmp_path: Path) -> None:
    zones = {**zone(("ns2.else.lab.", "")), "else.lab": ZONE.format(others="")}
    with bind(zones, tmp_path) as server:
        evidence = examine(server)
    missing = NameServer("ns2.else.lab", "", NameServerStatus.NO_ADDRESS)
    assert missing in evidence.name_servers
    assert judged("dns.nameserver_redundancy", evidence).verdict is Verdict.FAIL


def test_a_name_server_in_a_zone_that_nobody_answers_for(tmp_path: Path) -> None:
    with bind(zone(("ns2.else.lab.", "")), tmp_path) as server:
        evidence = examine(server)
    unresolved = NameServer("ns2.else.lab", "", NameServerStatus.UNRESOLVED)
    assert unresolved in evidence.name_servers


# What the engagement covers


def engagement(*, names: tuple[str, ...] = (), networks: tuple[str, ...] = ()) -> Engagement:
    now = datetime.now(UTC)
    return Engagement(
        letter="ST-1",
        issued_by="Inspektur",
        valid_from=now - timedelta(days=1),
        valid_until=now + timedelta(days=1),
        names=names,
        networks=tuple(ip_network(network) for network in networks),
        contact="csirt@babel.lab",
    )


@pytest.mark.parametrize(
    ("given", "statuses"),
    [
        (engagement(networks=("127.0.0.0/24",)), ["answers", "out_of_scope"]),
        (engagement(networks=("127.0.0.0/16",)), ["answers", "answers"]),
        # Where names alone are listed, they may not lead to loopback.
        (engagement(names=("*.babel.lab",)), ["out_of_scope", "out_of_scope"]),
        (None, ["answers", "answers"]),
    ],
)
def test_no_name_server_outside_the_engagement_is_asked(
    given: Engagement | None, statuses: list[str], tmp_path: Path
) -> None:
    def told(wire: bytes) -> list[bytes]:
        response = response_to(wire, "babel.lab. SOA a. b. 1 1 1 1 1", flags=dns.flags.AA)
        return [response.to_wire()]

    with (
        bind(zone(("ns2", OTHER)), tmp_path) as server,
        udp_server(told, address=OTHER, port=server[1]) as other,
    ):
        evidence = examine(server, intensity=Intensity.STANDARD, engagement=given)
    assert [one.status.value for one in evidence.name_servers] == statuses
    assert bool(other.queries) is (statuses[1] == "answers")
    outcome = judged("dns.nameserver_redundancy", evidence)
    if "out_of_scope" in statuses:
        assert (outcome.verdict, outcome.reason) == (
            Verdict.NOT_APPLICABLE,
            "name_servers_out_of_scope",
        )
    else:
        assert outcome.verdict is Verdict.PASS


def test_a_public_name_server_is_not_asked_without_an_engagement(tmp_path: Path) -> None:
    # The loopback guard of the tests would stop whoever tried.
    with bind(zone(("ns2", "203.0.113.53")), tmp_path) as server:
        evidence = examine(server)
    assert evidence.name_servers[1].status is NameServerStatus.OUT_OF_SCOPE


def test_light_asks_no_name_server(tmp_path: Path) -> None:
    with (
        bind(zone(("ns2", OTHER)), tmp_path) as server,
        udp_server(silence, address=OTHER, port=server[1]) as other,
    ):
        evidence = examine(server, intensity=Intensity.LIGHT)
    assert {one.status for one in evidence.name_servers} == {NameServerStatus.NOT_ASKED}
    assert other.queries == []
    assert judged("dns.nameserver_redundancy", evidence).reason == "not_asked_at_this_intensity"


# Zone transfers by servers that misbehave


@contextmanager
def tcp_server(port: int, reply: bytes | None) -> Iterator[None]:
    """Send what a test says to whoever asks over TCP at OTHER, then hang up; None stays silent."""
    with socket.create_server((OTHER, port)) as listener:
        listener.settimeout(0.05)
        stopped = threading.Event()
        thread = threading.Thread(target=_serve, args=(listener, reply, stopped))
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()


def _serve(listener: socket.socket, reply: bytes | None, stopped: threading.Event) -> None:
    held = []
    while not stopped.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        connection.settimeout(1)
        connection.recv(4096)
        if reply is not None:
            connection.sendall(reply)
            connection.close()
        held.append(connection)
    for connection in held:
        connection.close()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("reply", "openness"),
    [
        (b"", Openness.REFUSED),
        (b"\xff\xff\x00", Openness.REFUSED),
        (b"\x00\x04abcd", Openness.REFUSED),
        (None, Openness.NO_ANSWER),
    ],
)
def test_a_zone_transfer_that_breaks_off(
    reply: bytes | None, openness: Openness, tmp_path: Path
) -> None:
    def told(wire: bytes) -> list[bytes]:
        response = response_to(wire, "babel.lab. SOA a. b. 1 1 1 1 1", flags=dns.flags.AA)
        return [response.to_wire()]

    with (
        bind(zone(("ns2", OTHER)), tmp_path) as server,
        udp_server(told, address=OTHER, port=server[1]),
        tcp_server(server[1], reply),
    ):
        evidence = examine(server)
    assert evidence.name_servers[1].zone_transfer is openness
    assert evidence.name_servers[1].recursion is Openness.REFUSED
