"""DNSSEC is judged from the chain of answers: zones that BIND's own tools signed, and broke."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import dns.dnssec
import dns.flags
import dns.message
import dns.rdatatype
import pytest

from spbe_audit.evidence import (
    DnsEvidence,
    Dnssec,
    DnssecProblem,
    DnssecStatus,
    attempt_from_json,
    attempt_to_json,
    canonical_json,
)
from spbe_audit.network import Door, NameServerFailedError
from spbe_audit.probes.dns.dnssec import ROOT_ANCHORS
from spbe_audit.probes.dns.probe import DnsSettings, probe_dns
from spbe_audit.targets import Intensity
from tests.servers.bind import bind
from tests.servers.name_server import relay
from tests.servers.signed_zones import SignedZone, sign_zone

ZONE = """
$TTL 60
@        SOA   ns hostmaster 1 3600 600 86400 60
@        NS    ns
ns       A     127.0.0.1
www      A     127.0.0.1
alias    CNAME www
a.b      A     127.0.0.1
*.wild   A     127.0.0.1
"""
PARENT = """
$TTL 60
@        SOA   ns.{name} hostmaster.{name} 1 3600 600 86400 60
@        NS    ns.{name}
ns.{name} A    127.0.0.1
"""


@dataclass(frozen=True, slots=True)
class World:
    """A whole tree of zones on loopback with an anchor of its own."""

    server: tuple[str, int]
    anchors: Mapping[str, tuple[str, ...]]


def altered(zone: SignedZone, pattern: str, replacement: str) -> str:
    text, count = re.subn(pattern, replacement, zone.text, flags=re.MULTILINE | re.DOTALL)
    assert count, f"{pattern} is not in the signed zone"
    return text


def leaf_zones(folder: Path) -> tuple[dict[str, str], str]:
    """Zones below lab, sound and broken, and the lines that delegate to them."""
    signed = {
        name: sign_zone(f"{name}.lab", ZONE, folder / name)
        for name in ("good", "tampered", "stripped", "island", "keyless", "digest")
    }
    signed["expired"] = sign_zone(
        "expired.lab",
        ZONE,
        folder / "expired",
        begins=timedelta(days=-9),
        ends=timedelta(days=-2),
    )
    signed["early"] = sign_zone("early.lab", ZONE, folder / "early", begins=timedelta(days=3))
    signed["rsa"] = sign_zone("rsa.lab", ZONE, folder / "rsa", algorithm="RSASHA256")
    signed["mismatch"] = sign_zone("mismatch.lab", ZONE, folder / "mismatch")
    other = sign_zone("mismatch.lab", ZONE, folder / "other")
    texts = {f"{name}.lab": zone.text for name, zone in signed.items()}
    texts["tampered.lab"] = altered(
        signed["tampered"], r"^(www\.tampered\.lab\.\s+60\s+IN A\s+)\S+", r"\g<1>127.0.0.99"
    )
    texts["stripped.lab"] = altered(
        signed["stripped"],
        r"^\s+60\s+RRSIG\s+A 13 3 60 \([^)]*\)(?=\s+60\s+NSEC\s+\S*stripped)",
        "",
    )
    texts["keyless.lab"] = texts["plain.lab"] = ZONE
    delegations = [zone.delegation() for name, zone in signed.items() if name != "island"]
    delegations.append(signed["mismatch"].delegation())
    lines = "".join(delegations).replace(signed["mismatch"].ds[0], other.ds[0])
    right = signed["digest"].ds[0]
    lines = lines.replace(right, f"{right[:-8]}00000000")
    lines += "".join(f"{name}. NS ns.{name}.\nns.{name}. A 127.0.0.1\n" for name in texts)
    return texts, lines


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("zones")
    leaves, lines = leaf_zones(folder / "leaves")
    lab = sign_zone("lab", PARENT.format(name="lab.") + lines, folder / "lab")
    hidden = PARENT.format(name="opt.") + "plain.opt. NS ns.plain.opt.\nns.plain.opt. A 127.0.0.1\n"
    opt = sign_zone("opt", hidden, folder / "opt", nsec3=("-3", "aabbcc", "-H", "5", "-A"))
    top = PARENT.format(name="") + lab.delegation() + opt.delegation()
    top += "lab. NS ns.lab.\nns.lab. A 127.0.0.1\nopt. NS ns.opt.\nns.opt. A 127.0.0.1\n"
    root = sign_zone(".", top.replace("ns. A", "ns. A"), folder / "root")
    zones = {".": root.text, "lab": lab.text, "opt": opt.text, "plain.opt": ZONE, **leaves}
    with bind(zones, tmp_path_factory.mktemp("named")) as server:
        yield World(server, {".": root.ds})


def examine(
    host: str,
    server: tuple[str, int],
    anchors: Mapping[str, tuple[str, ...]] = ROOT_ANCHORS,
    now: datetime | None = None,
) -> Dnssec:
    clock = partial(datetime.now, UTC) if now is None else lambda: now
    door = Door(hosts={host: ("127.0.0.1",)}, clock=clock)
    attempt = asyncio.run(
        probe_dns(
            host=host,
            door=door,
            name_servers=(server,),
            intensity=Intensity.LIGHT,
            settings=DnsSettings(anchors),
        )
    )
    assert attempt_from_json(canonical_json(attempt_to_json(attempt))) == attempt
    assert isinstance(attempt.result, DnsEvidence)
    assert attempt.result.dnssec
    return attempt.result.dnssec


# From the anchor down


@pytest.mark.parametrize(
    "host",
    [
        "www.good.lab",
        "good.lab",
        "alias.good.lab",
        "a.b.good.lab",
        "ghost.wild.good.lab",
        "missing.good.lab",
        "www.rsa.lab",
        "ns.opt",
    ],
)
def test_a_name_that_is_proven(host: str, world: World) -> None:
    found = examine(host, world.server, world.anchors)
    assert (found.status, found.problem) == (DnssecStatus.SECURE, None), found


def test_the_chain_of_trust_is_written_down(world: World) -> None:
    chain = examine("www.good.lab", world.server, world.anchors).chain
    assert [link.name for link in chain] == [".", "lab", "good.lab"]
    assert [ds.split() for ds in chain[0].ds] == [ds.lower().split() for ds in world.anchors["."]]
    assert all(len(link.keys) == 2 and link.keys[0].startswith("256 13 ") for link in chain)
    assert all(link.ds[0].split()[0] == link.keys[1].split()[2] for link in chain)


def test_an_anchor_further_down(world: World) -> None:
    lab = examine("www.good.lab", world.server, world.anchors).chain[1]
    found = examine("www.good.lab", world.server, {**ROOT_ANCHORS, "lab": lab.ds})
    assert found.status is DnssecStatus.SECURE
    assert [link.name for link in found.chain] == ["lab", "good.lab"]


@pytest.mark.parametrize(
    ("host", "zone"),
    [
        ("www.plain.lab", "plain.lab"),
        ("www.island.lab", "island.lab"),
        ("www.plain.opt", "plain.opt"),
    ],
)
def test_a_zone_without_signed_delegation(host: str, zone: str, world: World) -> None:
    found = examine(host, world.server, world.anchors)
    assert (found.status, found.problem) == (DnssecStatus.INSECURE, DnssecProblem.UNSIGNED)
    assert found.zone == zone


@pytest.mark.parametrize(
    ("zone", "problem"),
    [
        ("expired.lab", DnssecProblem.EXPIRED_SIGNATURE),
        ("early.lab", DnssecProblem.SIGNATURE_NOT_YET_VALID),
        ("mismatch.lab", DnssecProblem.DS_MISMATCH),
        ("digest.lab", DnssecProblem.DS_MISMATCH),
        ("keyless.lab", DnssecProblem.NO_DNSKEY),
        ("tampered.lab", DnssecProblem.BAD_SIGNATURE),
        ("stripped.lab", DnssecProblem.NO_SIGNATURE),
    ],
)
def test_a_zone_that_is_broken(zone: str, problem: DnssecProblem, world: World) -> None:
    found = examine(f"www.{zone}", world.server, world.anchors)
    assert (found.status, found.problem, found.zone) == (DnssecStatus.BOGUS, problem, zone)


def test_when_a_signature_expired(world: World) -> None:
    detail = examine("www.expired.lab", world.server, world.anchors).detail
    expired = datetime.fromisoformat(detail)
    assert timedelta(days=1) < datetime.now(UTC) - expired < timedelta(days=3)


def test_signatures_expire_as_time_goes_by(world: World) -> None:
    later = datetime.now(UTC) + timedelta(days=60)
    found = examine("www.good.lab", world.server, world.anchors, now=later)
    # The root has expired too, so that our own clock is to be doubted first.
    assert (found.status, found.zone) == (DnssecStatus.INDETERMINATE, ".")
    assert found.problem is DnssecProblem.EXPIRED_SIGNATURE


def without_denials(response: dns.message.Message) -> None:
    kinds = {dns.rdatatype.NSEC, dns.rdatatype.NSEC3}
    response.authority = [one for one in response.authority if one.rdtype not in kinds]


def without_their_signatures(response: dns.message.Message) -> None:
    kinds = {dns.rdatatype.NSEC, dns.rdatatype.NSEC3}
    response.authority = [one for one in response.authority if one.covers not in kinds]


@pytest.mark.parametrize("change", [without_denials, without_their_signatures])
@pytest.mark.parametrize("host", ["www.plain.lab", "www.plain.opt"])
def test_an_absence_that_nobody_signed(
    host: str, change: Callable[[dns.message.Message], None], world: World
) -> None:
    with relay(world.server, change=change) as server:
        found = examine(host, server, world.anchors)
    assert (found.status, found.problem) == (DnssecStatus.BOGUS, DnssecProblem.UNPROVEN_DENIAL)


# Without the zones above


def test_another_root_leaves_a_sound_zone_open(world: World) -> None:
    found = examine("www.good.lab", world.server)
    assert found.status is DnssecStatus.INDETERMINATE
    assert found.problem is DnssecProblem.ANCHOR_NOT_MET


@pytest.mark.parametrize(
    ("zone", "problem"),
    [
        ("expired.lab", DnssecProblem.EXPIRED_SIGNATURE),
        ("mismatch.lab", DnssecProblem.DS_MISMATCH),
        ("keyless.lab", DnssecProblem.NO_DNSKEY),
        ("tampered.lab", DnssecProblem.BAD_SIGNATURE),
    ],
)
def test_what_is_broken_shows_without_an_anchor(
    zone: str, problem: DnssecProblem, world: World
) -> None:
    found = examine(f"www.{zone}", world.server)
    assert (found.status, found.problem, found.zone) == (DnssecStatus.BOGUS, problem, zone)


def test_what_is_unsigned_shows_without_an_anchor(world: World) -> None:
    found = examine("www.plain.lab", world.server)
    assert (found.status, found.zone) == (DnssecStatus.INSECURE, "plain.lab")


def test_no_anchor_for_this_tree(world: World) -> None:
    found = examine("www.good.lab", world.server, {"other": ROOT_ANCHORS["."]})
    assert found.problem is DnssecProblem.ANCHOR_NOT_MET


def test_without_cryptography_nothing_is_judged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_args: object, **_options: object) -> None:
        raise ImportError

    monkeypatch.setattr(dns.dnssec, "validate", missing)
    found = examine("www.good.lab", world.server, world.anchors)
    assert (found.status, found.problem) == (
        DnssecStatus.INDETERMINATE,
        DnssecProblem.TOOL_MISSING,
    )


# Resolvers between us and the zones


def test_a_forwarder_that_drops_signatures(world: World) -> None:
    def strip(response: dns.message.Message) -> None:
        for section in (response.answer, response.authority):
            section[:] = [one for one in section if one.rdtype != dns.rdatatype.RRSIG]

    with relay(world.server, change=strip) as server:
        for host in ("www.good.lab", "www.expired.lab"):
            found = examine(host, server, world.anchors)
            assert found.status is DnssecStatus.INDETERMINATE, found
        assert examine("www.plain.lab", server, world.anchors).status is DnssecStatus.INSECURE


@pytest.fixture(scope="module")
def resolver(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A resolver that validates everything below the laboratory's root."""
    tag, algorithm, kind, *hexadecimal = world.anchors["."][0].split()
    anchor = f'"." static-ds {tag} {algorithm} {kind} "{"".join(hexadecimal)}";'
    host, port = world.server
    options = {
        "recursion": "yes",
        "dnssec-validation": "yes",
        "forward": "only",
        "forwarders": f"{{ {host} port {port}; }}",
    }
    with bind(
        {"ready.local": ZONE},
        tmp_path_factory.mktemp("resolver"),
        options=options,
        statements=f"trust-anchors {{ {anchor} }};\n",
    ) as server:
        yield server


@pytest.mark.parametrize("own_root", [True, False])
def test_a_validating_resolver_agrees(
    *, own_root: bool, world: World, resolver: tuple[str, int]
) -> None:
    anchors = world.anchors if own_root else ROOT_ANCHORS
    assert examine("www.good.lab", resolver, anchors).status is DnssecStatus.SECURE
    assert examine("www.plain.lab", resolver, anchors).status is DnssecStatus.INSECURE


@pytest.mark.parametrize("name", ["expired", "early", "mismatch", "keyless", "tampered"])
def test_a_resolver_that_hides_a_broken_zone_does_not_hide_the_reason(
    name: str, world: World, resolver: tuple[str, int]
) -> None:
    found = examine(f"www.{name}.lab", resolver, world.anchors)
    assert found.status is DnssecStatus.BOGUS
    assert found.problem is not DnssecProblem.RESOLVER_REFUSES


def test_a_broken_zone_is_evidence_though_no_resolver_answers(
    world: World, resolver: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_door: Door, host: str) -> tuple[str, ...]:
        raise NameServerFailedError(host)

    monkeypatch.setattr(Door, "resolve", fails)
    assert examine("www.expired.lab", resolver, world.anchors).status is DnssecStatus.BOGUS


def test_a_resolver_that_refuses_what_we_cannot_judge(
    resolver: tuple[str, int],
) -> None:
    found = examine("www.stripped.lab", resolver)
    assert (found.status, found.problem) == (
        DnssecStatus.BOGUS,
        DnssecProblem.RESOLVER_REFUSES,
    )


def test_a_resolver_that_calls_secure_what_is_broken(world: World) -> None:
    def vouch(response: dns.message.Message) -> None:
        response.flags |= dns.flags.AD

    with relay(world.server, change=vouch) as server:
        found = examine("www.expired.lab", server, world.anchors)
    assert (found.status, found.problem) == (
        DnssecStatus.INDETERMINATE,
        DnssecProblem.DISAGREEMENT,
    )
