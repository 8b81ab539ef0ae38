"""The dns probe against a real BIND, and against name servers that misbehave."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest

from spbe_audit.evidence import (
    Attempt,
    DnsAnswer,
    DnsEvidence,
    DnsStatus,
    FailureKind,
    NameKind,
    attempt_from_json,
    attempt_to_json,
    canonical_json,
)
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.dns import probe as dns_probe
from spbe_audit.probes.dns import questions
from spbe_audit.probes.dns.dnssec import ROOT_ANCHORS
from spbe_audit.probes.dns.probe import DnsSettings, probe_dns
from spbe_audit.scope import literal_address
from spbe_audit.targets import Intensity
from tests.servers.bind import bind
from tests.servers.name_server import (
    addresses_only,
    rcode_only,
    response_to,
    silence,
    udp_server,
    whole,
)
from tests.servers.raw import raw_server, stays_silent

ZONE = """
$TTL 60
@        SOA   ns hostmaster 1 3600 600 86400 60
@        NS    ns
@        NS    ns2
@        CAA   0 issue "ca.example"
@        CAA   0 iodef "mailto:csirt@babel.lab"
@        TXT   "v=spf1 -all"
@        MX    10 portal
_dmarc   TXT   "v=DMARC1; p=reject"
ns       A     127.0.0.1
ns2      A     127.0.0.2
portal   A     127.0.0.1
portal   A     127.0.0.9
portal   AAAA  ::1
www      CNAME a.alias
a.alias  CNAME portal
gone     CNAME nothing
foreign  CNAME www.elsewhere.lab.
near     CNAME odd.lab.
lost     CNAME nothing.odd.lab.
*.any    A     127.0.0.7
www.any  A     127.0.0.7
own.any  A     127.0.0.8
*.alias2 CNAME portal
www.alias2 CNAME portal
"""
SMALL_ZONE = """
$TTL 60
@        SOA   ns hostmaster 1 3600 600 86400 60
@        NS    ns
@        A     127.0.0.1
@        TXT   ( {text} )
ns       A     127.0.0.1
"""
BIG_ZONE = SMALL_ZONE.format(text=" ".join(f'"{letter * 250}"' for letter in "abcdefgh"))
ODD_ZONE = SMALL_ZONE.format(text='"\\000\\027[31m" "<script>"')

NOBODY_ELSE = DnsSettings(ROOT_ANCHORS, authority_port=1)
"""Name servers that the test did not start are asked where none listens."""

ZONES = {"babel.lab": ZONE, "big.lab": BIG_ZONE, "odd.lab": ODD_ZONE}


@pytest.fixture(scope="module")
def name_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    with bind(ZONES, tmp_path_factory.mktemp("named")) as server:
        yield server


def probe(
    host: str,
    *servers: tuple[str, int],
    addresses: tuple[str, ...] | None = ("127.0.0.1",),
    deadlines: Deadlines | None = None,
    intensity: Intensity = Intensity.LIGHT,
    settings: DnsSettings = NOBODY_ELSE,
) -> Attempt:
    """Probe a host; ``addresses`` are what the system resolver says, None asks the real one."""
    door = Door(
        hosts={} if addresses is None else {host: addresses},
        deadlines=deadlines or Deadlines(),
    )
    asked = probe_dns(
        host=host, door=door, name_servers=servers, intensity=intensity, settings=settings
    )
    return asyncio.run(asked)


def evidence_of(attempt: Attempt) -> DnsEvidence:
    assert isinstance(attempt.result, DnsEvidence), attempt.result
    return attempt.result


def answer_of(evidence: DnsEvidence, name: str, record_type: str) -> DnsAnswer:
    answer = evidence.answer(name, record_type)
    assert answer, f"{name} {record_type} was not asked"
    return answer


def resolver_says(monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    """The system resolver fails with an EAI error, whatever it is asked."""

    def fail(host: str, *_args: object, **_options: object) -> None:
        if literal_address(host) is None:
            raise socket.gaierror(error, "said the test")

    monkeypatch.setattr(socket, "getaddrinfo", fail)


# What a real name server says


def test_addresses_and_every_type_of_a_host(name_server: tuple[str, int]) -> None:
    attempt = probe("portal.babel.lab", name_server)
    evidence = evidence_of(attempt)
    assert evidence.kind is NameKind.DOMAIN
    assert evidence.addresses == ("127.0.0.1",)
    answers = {kind: answer_of(evidence, "portal.babel.lab", kind) for kind in ("A", "AAAA")}
    assert answers["A"].records == ("127.0.0.1", "127.0.0.9")
    assert answers["AAAA"].records == ("::1",)
    for kind in ("CNAME", "NS", "CAA"):
        answer = answer_of(evidence, "portal.babel.lab", kind)
        assert (answer.status, answer.records) == (DnsStatus.NO_DATA, ())
    assert evidence.name_servers_asked == (f"127.0.0.1:{name_server[1]}",)
    assert attempt.endpoint.key == "dns portal.babel.lab"
    assert attempt.endpoint.address is None
    assert attempt.tool.name == "dnspython"
    assert attempt_from_json(canonical_json(attempt_to_json(attempt))) == attempt


def test_caa_is_found_at_the_parent(name_server: tuple[str, int]) -> None:
    climbed = evidence_of(probe("portal.babel.lab", name_server)).climb("CAA")
    assert [answer.name for answer in climbed] == ["portal.babel.lab", "babel.lab"]
    assert climbed[0].status is DnsStatus.NO_DATA
    assert climbed[1].records == ('0 iodef "mailto:csirt@babel.lab"', '0 issue "ca.example"')


def test_the_zone_of_a_host_is_asked_for_its_name_servers(name_server: tuple[str, int]) -> None:
    evidence = evidence_of(probe("portal.babel.lab", name_server))
    zone = answer_of(evidence, "babel.lab", "NS")
    assert zone.records == ("ns.babel.lab.", "ns2.babel.lab.")
    assert evidence.zone == evidence.mail_domain == "babel.lab"


def test_a_zone_of_its_own_needs_no_parent(name_server: tuple[str, int]) -> None:
    evidence = evidence_of(probe("babel.lab", name_server))
    assert answer_of(evidence, "babel.lab", "NS").status is DnsStatus.ANSWER
    assert {answer.name for answer in evidence.answers} == {"babel.lab", "_dmarc.babel.lab"}


def test_the_climb_to_the_zone_takes_as_many_steps_as_it_needs(
    name_server: tuple[str, int],
) -> None:
    evidence = evidence_of(probe("a.alias.babel.lab", name_server))
    assert not answer_of(evidence, "alias.babel.lab", "NS").records
    assert answer_of(evidence, "babel.lab", "NS").records


def test_the_end_of_an_alias_chain(name_server: tuple[str, int]) -> None:
    evidence = evidence_of(probe("www.babel.lab", name_server))
    address = answer_of(evidence, "www.babel.lab", "A")
    assert address.canonical_name == "portal.babel.lab"
    assert address.records == ("127.0.0.1", "127.0.0.9")
    alias = answer_of(evidence, "www.babel.lab", "CNAME")
    assert (alias.records, alias.canonical_name) == (("a.alias.babel.lab.",), None)


def test_an_alias_to_nothing(name_server: tuple[str, int]) -> None:
    address = answer_of(evidence_of(probe("gone.babel.lab", name_server)), "gone.babel.lab", "A")
    assert address.status is DnsStatus.NO_NAME
    assert address.canonical_name == "nothing.babel.lab"


def test_a_name_that_does_not_exist_is_evidence(
    name_server: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver_says(monkeypatch, socket.EAI_NONAME)
    evidence = evidence_of(probe("missing.babel.lab", name_server, addresses=None))
    assert evidence.addresses == ()
    assert answer_of(evidence, "missing.babel.lab", "A").status is DnsStatus.NO_NAME
    assert answer_of(evidence, "babel.lab", "CAA").status is DnsStatus.ANSWER


def test_a_name_in_a_foreign_zone_is_refused(name_server: tuple[str, int]) -> None:
    evidence = evidence_of(probe("www.elsewhere.lab", name_server))
    assert {answer.status for answer in evidence.answers} == {DnsStatus.REFUSED}


def test_a_large_answer_comes_over_tcp(name_server: tuple[str, int]) -> None:
    plain, large = probe("odd.lab", name_server), probe("big.lab", name_server)
    (text,) = answer_of(evidence_of(large), "big.lab", "TXT").records
    assert text.startswith('"aaaa')
    assert text.endswith('hhhh"')
    assert len(text) > 2000
    assert large.connections == plain.connections + 1


def test_hostile_octets_are_escaped(name_server: tuple[str, int]) -> None:
    (text,) = answer_of(evidence_of(probe("odd.lab", name_server)), "odd.lab", "TXT").records
    assert text == '"\\000\\027[31m" "<script>"'
    assert text.isprintable()


def test_the_mail_policies_of_the_zone(name_server: tuple[str, int]) -> None:
    evidence = evidence_of(probe("portal.babel.lab", name_server))
    assert answer_of(evidence, "babel.lab", "MX").records == ("10 portal.babel.lab.",)
    assert answer_of(evidence, "babel.lab", "TXT").records == ('"v=spf1 -all"',)
    assert answer_of(evidence, "_dmarc.babel.lab", "TXT").records == ('"v=DMARC1; p=reject"',)


def test_an_alias_into_a_zone_of_others_is_no_answer(name_server: tuple[str, int]) -> None:
    evidence = evidence_of(probe("foreign.babel.lab", name_server))
    address = answer_of(evidence, "foreign.babel.lab", "A")
    assert address.status is DnsStatus.REFUSED
    assert address.canonical_name == "www.elsewhere.lab"
    assert evidence.zone == "babel.lab"


def test_an_alias_is_followed_into_another_zone(name_server: tuple[str, int]) -> None:
    near = answer_of(evidence_of(probe("near.babel.lab", name_server)), "near.babel.lab", "A")
    assert (near.records, near.canonical_name) == (("127.0.0.1",), "odd.lab")
    lost = answer_of(evidence_of(probe("lost.babel.lab", name_server)), "lost.babel.lab", "A")
    assert (lost.status, lost.canonical_name) == (DnsStatus.NO_NAME, "nothing.odd.lab")


@pytest.mark.parametrize(
    ("host", "wildcard"),
    [
        ("ghost.any.babel.lab", True),
        ("www.any.babel.lab", True),  # an address cannot tell a name from the wildcard's
        ("own.any.babel.lab", False),
        ("ghost.alias2.babel.lab", True),
        ("portal.babel.lab", False),
        ("babel.lab", False),
        ("foreign.babel.lab", None),
    ],
)
def test_a_name_that_only_a_wildcard_answers_for(
    *, host: str, wildcard: bool | None, name_server: tuple[str, int]
) -> None:
    assert evidence_of(probe(host, name_server)).wildcard is wildcard


def test_the_random_name_is_beside_the_host() -> None:
    settings = DnsSettings(ROOT_ANCHORS, label=lambda: "chosen")
    with udp_server(addresses_only("a.b.lab. A 127.0.0.1")) as server:
        probe("a.b.lab", server.address, settings=settings)
    names = {str(dns.message.from_wire(wire).question[0].name) for wire in server.queries}
    assert "chosen.b.lab." in names


def test_what_each_intensity_sends(
    name_server: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "QUERY_TIMEOUT", 0.5)
    sent = {
        intensity: probe("portal.babel.lab", name_server, intensity=intensity).connections
        for intensity in Intensity
    }
    # ns2 is dead here: it is asked twice for the zone and then for nothing more.
    assert sent[Intensity.STANDARD] == sent[Intensity.LIGHT] + 1 + 2
    assert sent[Intensity.THOROUGH] == sent[Intensity.STANDARD] + 2


def test_the_system_resolver_may_fail_while_the_dns_answers(
    name_server: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver_says(monkeypatch, socket.EAI_AGAIN)
    evidence = evidence_of(probe("portal.babel.lab", name_server, addresses=None))
    assert evidence.addresses == ()
    assert answer_of(evidence, "portal.babel.lab", "A").status is DnsStatus.ANSWER


def test_case_and_a_final_dot_do_not_matter(name_server: tuple[str, int]) -> None:
    attempt = probe("Portal.Babel.Lab.", name_server)
    evidence = evidence_of(attempt)
    assert evidence.host == "portal.babel.lab"
    assert evidence.climb("CAA")[-1].status is DnsStatus.ANSWER


# Kinds of hosts


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::ffff:127.0.0.1", "127.0.0.1")],
)
def test_an_address_is_asked_nothing(host: str, address: str, name_server: tuple[str, int]) -> None:
    attempt = probe(host, name_server, addresses=None)
    evidence = evidence_of(attempt)
    assert (evidence.kind, evidence.addresses) == (NameKind.ADDRESS, (address,))
    assert (evidence.answers, attempt.connections) == ((), 0)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "a.localhost",
        "portal.test",
        "x.invalid",
        "www.example",
        "printer.local",
        "simpeg.internal",
        "router.home.arpa",
        "intranet",
    ],
)
def test_a_special_name_is_no_question_for_public_dns(host: str) -> None:
    attempt = probe(host)
    evidence = evidence_of(attempt)
    assert evidence.kind is NameKind.SPECIAL_USE
    assert evidence.addresses == ("127.0.0.1",)
    assert (evidence.answers, attempt.connections) == ((), 0)


def test_localhost_by_the_real_system_resolver() -> None:
    evidence = evidence_of(probe("localhost", addresses=None))
    assert set(evidence.addresses) & {"127.0.0.1", "::1"}


def test_a_special_name_is_asked_where_a_name_server_is_configured(tmp_path: Path) -> None:
    with bind({"lab.test": ZONE}, tmp_path) as server:
        evidence = evidence_of(probe("portal.lab.test", server))
    assert evidence.kind is NameKind.SPECIAL_USE
    assert answer_of(evidence, "lab.test", "CAA").records


@pytest.mark.parametrize("host", ["mylocalhost.lab", "contest.lab", "example.com", "local.lab"])
def test_a_name_that_only_looks_special(host: str, name_server: tuple[str, int]) -> None:
    assert evidence_of(probe(host, name_server)).kind is NameKind.DOMAIN


@pytest.mark.parametrize("host", ["printer.test", f"{'a' * 64}.lab", "a..lab"])
def test_a_missing_name_without_questions_still_says_so(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver_says(monkeypatch, socket.EAI_NONAME)
    monkeypatch.setattr(dns_probe, "system_name_servers", lambda: [("192.0.2.53", 53)])
    attempt = probe(host, addresses=None)
    evidence = evidence_of(attempt)
    assert evidence.addresses == ()
    assert evidence.answers == (DnsAnswer(host, "A", DnsStatus.NO_NAME),)
    assert attempt.connections == 0


def test_the_climb_stops_below_the_top_level_and_after_eight_names(
    name_server: tuple[str, int],
) -> None:
    host = "a.b.c.d.e.f.g.h.i.babel.lab"
    climbed = evidence_of(probe(host, name_server)).climb("CAA")
    assert [answer.name for answer in climbed] == [host[depth * 2 :] for depth in range(8)]
    assert all(
        answer.name != "lab" for answer in evidence_of(probe("www.lab", name_server)).answers
    )


# The system's own name servers


def test_name_servers_come_from_the_system(
    name_server: tuple[str, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = tmp_path / "resolv.conf"
    settings.write_text("nameserver 127.0.0.1\nnameserver ::1\noptions timeout:1\n")
    monkeypatch.setattr(
        dns.resolver, "Resolver", partial(dns.resolver.Resolver, filename=str(settings))
    )
    # Port 53 cannot be served here, so what would be asked is looked at on its own.
    servers = dns_probe.system_name_servers()
    assert servers == [("127.0.0.1", 53), ("::1", 53)]
    monkeypatch.setattr(dns_probe, "system_name_servers", lambda: [name_server])
    evidence = evidence_of(probe("portal.babel.lab"))
    assert answer_of(evidence, "portal.babel.lab", "A").status is DnsStatus.ANSWER


def test_unreadable_settings_of_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    monkeypatch.setattr(
        dns.resolver, "Resolver", partial(dns.resolver.Resolver, filename=str(missing))
    )
    attempt = probe("portal.babel.lab", addresses=("203.0.113.10",))
    evidence = evidence_of(attempt)
    assert {answer.status for answer in evidence.answers} == {DnsStatus.SERVER_FAILED}
    assert attempt.connections == 0


def test_a_name_of_this_machine_is_not_asked_of_servers_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dns_probe, "system_name_servers", lambda: [("192.0.2.53", 53)])
    attempt = probe("portal.babelprov.go.id", addresses=("127.0.0.1", "::1"))
    evidence = evidence_of(attempt)
    assert (evidence.kind, evidence.answers) == (NameKind.SPECIAL_USE, ())
    assert evidence.addresses == ("127.0.0.1", "::1")
    assert attempt.connections == 0


def test_a_special_name_that_only_the_hosts_file_knows_is_outside_the_dns(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with bind({"lab.test": ZONE}, tmp_path) as server:
        monkeypatch.setattr(dns_probe, "system_name_servers", lambda: [server])
        known = evidence_of(probe("portal.lab.test"))
        unknown = evidence_of(probe("nowhere.lab.test"))
    assert answer_of(known, "portal.lab.test", "A").status is DnsStatus.ANSWER
    assert unknown.addresses == ("127.0.0.1",)
    assert unknown.outside_dns == "special_use_name"


# Name servers that misbehave


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "QUERY_TIMEOUT", 0.15)


def test_questions_ask_for_dnssec_and_the_answer_says_authenticated() -> None:
    reply = addresses_only("p.lab. A 127.0.0.1", flags=dns.flags.AD | dns.flags.RA)
    with udp_server(reply) as server:
        answer = answer_of(evidence_of(probe("p.lab", server.address)), "p.lab", "A")
    assert answer.authenticated
    for wire in server.queries:
        query = dns.message.from_wire(wire)
        # What is asked to be validated by ourselves must not be validated on the way.
        assert bool(query.flags & dns.flags.AD) is not bool(query.flags & dns.flags.CD)
        assert query.flags & dns.flags.RD
        assert query.ednsflags & dns.flags.DO
        assert query.payload == 1232


@pytest.mark.usefixtures("quick")
def test_garbage_is_no_answer() -> None:
    with udp_server(lambda wire: [b"", b"\xff" * 600, wire[:2] + b"\xff" * 40, wire]) as server:
        evidence = evidence_of(probe("p.lab", server.address))
    assert {answer.status for answer in evidence.answers} == {DnsStatus.TIMEOUT}


@pytest.mark.usefixtures("quick")
def test_a_wrong_id_or_question_is_no_answer_and_the_right_one_after_it_is() -> None:
    right = addresses_only("p.lab. A 127.0.0.1")

    def forged(wire: bytes) -> list[bytes]:
        (genuine,) = right(wire)
        evil = response_to(wire, "p.lab. A 6.6.6.6")
        evil.id ^= 1
        query = dns.message.make_query("evil.lab", "A", id=int.from_bytes(wire[:2], "big"))
        other = response_to(query.to_wire(), "evil.lab. A 6.6.6.6").to_wire()
        return [evil.to_wire(), other, genuine]

    with udp_server(forged) as server:
        answer = answer_of(evidence_of(probe("p.lab", server.address)), "p.lab", "A")
    assert answer.records == ("127.0.0.1",)
    with udp_server(lambda wire: forged(wire)[:2]) as server:
        answer = answer_of(evidence_of(probe("p.lab", server.address)), "p.lab", "A")
    assert (answer.status, answer.records) == (DnsStatus.TIMEOUT, ())


@pytest.mark.usefixtures("quick")
def test_a_flood_of_garbage_ends() -> None:
    begun = time.monotonic()
    with udp_server(lambda _wire: [b"\x00" * 512] * 500) as server:
        evidence = evidence_of(probe("p.lab", server.address, deadlines=Deadlines(dns=1.5)))
    assert {answer.status for answer in evidence.answers} == {DnsStatus.TIMEOUT}
    assert time.monotonic() - begun < 4


@pytest.mark.parametrize(
    ("rcode", "status"),
    [
        (dns.rcode.REFUSED, DnsStatus.REFUSED),
        (dns.rcode.SERVFAIL, DnsStatus.SERVER_FAILED),
        (dns.rcode.NOTAUTH, DnsStatus.SERVER_FAILED),
        (dns.rcode.NXDOMAIN, DnsStatus.NO_NAME),
        (dns.rcode.NOERROR, DnsStatus.NO_DATA),
        (dns.rcode.FORMERR, DnsStatus.SERVER_FAILED),
    ],
)
def test_what_the_response_codes_mean(rcode: int, status: DnsStatus) -> None:
    with udp_server(rcode_only(rcode)) as server:
        answer = answer_of(evidence_of(probe("p.lab", server.address)), "p.lab", "A")
    assert answer.status is status


def test_a_server_without_edns_is_asked_plainly() -> None:
    plain = addresses_only("p.lab. A 127.0.0.1")

    def reply(wire: bytes) -> list[bytes]:
        if dns.message.from_wire(wire).edns >= 0:
            return [response_to(wire, rcode=dns.rcode.FORMERR).to_wire()]
        return plain(wire)

    with udp_server(reply) as server:
        answer = answer_of(evidence_of(probe("p.lab", server.address)), "p.lab", "A")
    assert answer.records == ("127.0.0.1",)


def test_a_referral_does_not_deny_the_record() -> None:
    def reply(wire: bytes) -> list[bytes]:
        response = response_to(wire)
        response.authority.append(dns.rrset.from_text("lab.", 60, "IN", "NS", "ns.lab."))
        return [response.to_wire()]

    with udp_server(reply) as server:
        answer = answer_of(evidence_of(probe("p.lab", server.address)), "p.lab", "A")
    assert answer.status is DnsStatus.REFUSED


def test_an_alias_loop_ends() -> None:
    loop = ("p.lab. CNAME q.lab.", "q.lab. CNAME p.lab.")
    with udp_server(addresses_only(*loop)) as server:
        answer = answer_of(evidence_of(probe("p.lab", server.address)), "p.lab", "A")
    assert answer.status in {DnsStatus.SERVER_FAILED, DnsStatus.NO_DATA}
    assert answer.records == ()


def test_records_are_capped() -> None:
    many = [f"p.lab. A 127.0.{number // 250}.{number % 250}" for number in range(250)]
    with udp_server(addresses_only(*many)) as server:
        answer = answer_of(evidence_of(probe("p.lab", server.address)), "p.lab", "A")
    assert len(answer.records) == 200


def test_a_long_record_is_capped() -> None:
    text = " ".join(['"' + "x" * 255 + '"'] * 20)

    def reply(wire: bytes) -> list[bytes]:
        kind = dns.message.from_wire(wire).question[0].rdtype
        records = {dns.rdatatype.NS: "p.lab. NS ns.lab.", dns.rdatatype.TXT: f"p.lab. TXT {text}"}
        return [whole(response_to(wire, *([records[kind]] if kind in records else [])))]

    with udp_server(reply) as server:
        answer = answer_of(evidence_of(probe("p.lab", server.address)), "p.lab", "TXT")
    assert len(answer.records[0]) == 4096


@pytest.mark.usefixtures("quick")
def test_a_tcp_answer_that_never_comes() -> None:
    with ExitStack() as stack:
        tcp = stack.enter_context(raw_server(stays_silent()))
        truncated = rcode_only(dns.rcode.NOERROR)

        def reply(wire: bytes) -> list[bytes]:
            (empty,) = truncated(wire)
            return [empty[:2] + bytes([empty[2] | 0x02]) + empty[3:]]

        server = stack.enter_context(udp_server(reply, port=tcp.port))
        begun = time.monotonic()
        evidence = evidence_of(probe("p.lab", server.address, deadlines=Deadlines(dns=1.0)))
        assert time.monotonic() - begun < 3
        assert tcp.connections > 0
    assert {answer.status for answer in evidence.answers} == {DnsStatus.TIMEOUT}


@pytest.mark.usefixtures("quick")
def test_the_next_server_is_asked_when_one_is_dead(name_server: tuple[str, int]) -> None:
    with udp_server(silence) as dead:
        evidence = evidence_of(probe("portal.babel.lab", dead.address, name_server))
    assert answer_of(evidence, "portal.babel.lab", "A").records
    assert answer_of(evidence, "babel.lab", "NS").records
    assert len(dead.queries) <= 16, "a dead server must not be waited for at each question"
    assert len(evidence.name_servers_asked) == 2


def test_the_next_server_is_asked_when_one_refuses(name_server: tuple[str, int]) -> None:
    with udp_server(rcode_only(dns.rcode.REFUSED)) as refusing:
        evidence = evidence_of(probe("portal.babel.lab", refusing.address, name_server))
    assert answer_of(evidence, "portal.babel.lab", "A").records


@pytest.mark.usefixtures("quick")
def test_a_server_that_fails_once_is_asked_again() -> None:
    right = addresses_only("p.lab. A 127.0.0.1")
    seen: set[tuple[dns.name.Name, int]] = set()

    def reply(wire: bytes) -> list[bytes]:
        question = dns.message.from_wire(wire).question[0]
        key = (question.name, question.rdtype)
        if key in seen:
            return right(wire)
        seen.add(key)
        return []

    with udp_server(reply) as server:
        answer = answer_of(evidence_of(probe("p.lab", server.address)), "p.lab", "A")
    assert answer.records == ("127.0.0.1",)


def test_the_deadline_holds_for_all_questions_together() -> None:
    begun = time.monotonic()
    with udp_server(silence) as dead:
        attempt = probe("a.b.c.lab", dead.address, deadlines=Deadlines(dns=0.5))
    assert time.monotonic() - begun < 2
    evidence = evidence_of(attempt)
    assert evidence.addresses == ("127.0.0.1",)
    assert {answer.status for answer in evidence.answers} == {DnsStatus.TIMEOUT}
    assert len(dead.queries) <= 8


# Nothing known


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver_says(monkeypatch, socket.EAI_AGAIN)
    with udp_server(silence) as dead:
        attempt = probe("p.lab", dead.address, addresses=None, deadlines=Deadlines(dns=0.5))
    assert attempt.failure
    assert attempt.failure.kind is FailureKind.NAME_SERVER_FAILED
    assert attempt.connections > 0


def test_a_resolver_that_never_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forever(_door: Door, _host: str) -> tuple[str, ...]:
        await asyncio.Event().wait()
        return ()

    monkeypatch.setattr(Door, "resolve", forever)
    with udp_server(silence) as dead:
        attempt = probe("p.lab", dead.address, deadlines=Deadlines(dns=0.4))
    assert attempt.failure
    assert attempt.failure.kind is FailureKind.TIMEOUT
    assert attempt.duration < 2
