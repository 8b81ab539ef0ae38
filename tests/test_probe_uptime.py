"""The uptime probe: samples, their reasons, and their place in time."""

from __future__ import annotations

import asyncio
import time

import pytest

from spbe_audit.evidence import (
    Attempt,
    FailureKind,
    UptimeEvidence,
    attempt_from_json,
    attempt_to_json,
    canonical_json,
)
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.uptime import probe_uptime
from spbe_audit.targets import Expectation, Service
from tests.servers.raw import (
    Behaviour,
    answers,
    closes,
    dead_port,
    drips,
    floods,
    page,
    raw_server,
    redirect,
    stays_silent,
)

PATIENT = Deadlines()
HASTY = Deadlines(connect=0.5, exchange=0.5, uptime=5.0)
NOTHING = Expectation()


def probe(
    port: int,
    expectation: Expectation = NOTHING,
    *,
    count: int = 3,
    interval: float = 0.05,
    deadlines: Deadlines = PATIENT,
) -> Attempt:
    url = f"http://127.0.0.1:{port}/"
    service = Service("portal", "Portal", url, url, "diskominfo", expectation=expectation)

    async def run() -> Attempt:
        door = Door(deadlines=deadlines)
        return await probe_uptime(service, door=door, count=count, interval=interval)

    return asyncio.run(run())


def samples(attempt: Attempt) -> list[tuple[bool, int | None, str]]:
    assert isinstance(attempt.result, UptimeEvidence), attempt.result
    return [(sample.up, sample.status, sample.reason) for sample in attempt.result.samples]


def visit(
    behaviour: Behaviour, expectation: Expectation = NOTHING, deadlines: Deadlines = PATIENT
) -> Attempt:
    with raw_server(behaviour) as server:
        return probe(server.port, expectation, count=1, deadlines=deadlines)


def test_samples_are_spaced_and_each_has_its_connection() -> None:
    with raw_server(answers(page())) as server:
        attempt = probe(server.port, interval=0.3)
        assert server.connections == attempt.connections == 3
    assert samples(attempt) == [(True, 200, "")] * 3
    assert isinstance(attempt.result, UptimeEvidence)
    first, second, third = (sample.at for sample in attempt.result.samples)
    assert min((second - first).total_seconds(), (third - second).total_seconds()) >= 0.29
    assert attempt.endpoint.key == f"uptime {attempt.endpoint.url}"
    assert attempt_from_json(canonical_json(attempt_to_json(attempt))) == attempt


def test_phases_are_timed() -> None:
    attempt = visit(answers(page()))
    assert isinstance(attempt.result, UptimeEvidence)
    timings = attempt.result.samples[0].timings
    assert timings.tls is None
    for phase in (timings.name, timings.connect, timings.first_byte, timings.total):
        assert phase is not None
        assert 0 < phase < PATIENT.exchange


def test_a_service_that_comes_back() -> None:
    attempt_replies = (page(status="503 Service Unavailable"), b"nonsense\r\n\r\n", page())
    with raw_server(answers(*attempt_replies)) as server:
        attempt = probe(server.port)
    assert samples(attempt) == [
        (False, 503, "status"),
        (False, None, "protocol_broken"),
        (True, 200, ""),
    ]


@pytest.mark.parametrize(
    ("status", "statuses", "up"),
    [
        ("200 OK", (), True),
        ("404 Not Found", (), True),
        ("499 X", (), True),
        ("500 X", (), False),
        ("404 Not Found", (200, 302), False),
        ("503 X", (503,), True),
    ],
)
def test_expected_statuses(status: str, statuses: tuple[int, ...], up: bool) -> None:  # noqa: FBT001 - a case's answer
    attempt = visit(answers(page(status=status)), Expectation(statuses=statuses))
    assert samples(attempt)[0][0] is up


def test_a_redirect_is_not_followed() -> None:
    with raw_server(answers(redirect("/elsewhere"))) as server:
        attempt = probe(server.port, count=1)
        assert len(server.requests) == 1
    assert samples(attempt) == [(True, 302, "")]


def test_the_keyword() -> None:
    body = "<p>Pelayanan Terpadu é</p>".encode()
    found = Expectation(keyword="Terpadu é")
    assert samples(visit(answers(page(body)), found)) == [(True, 200, "")]
    latin = page(body.decode().encode("latin-1"), "Content-Type: text/html; charset=iso-8859-1")
    assert samples(visit(answers(latin), found)) == [(True, 200, "")]
    assert samples(visit(answers(page(b"Maintenance")), found)) == [(False, 200, "keyword")]


def test_reading_stops_at_the_keyword() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n<p>Selamat da"
    begun = time.monotonic()
    attempt = visit(drips(head, b"tang ", every=0.01), Expectation(keyword="Selamat datang"))
    assert samples(attempt) == [(True, 200, "")]
    assert time.monotonic() - begun < 5, "the body never ends: only the keyword ends it so soon"


@pytest.mark.parametrize(
    "behaviour",
    [drips(b"HTTP/1.1 200 OK\r\n\r\n"), floods(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)],
)
def test_a_body_without_end(behaviour: Behaviour) -> None:
    assert samples(visit(behaviour)) == [(True, 200, "")]
    late = visit(behaviour, Expectation(keyword="y"), HASTY)
    assert samples(late) == [(False, 200, "keyword")]


def test_no_answer_at_all_is_a_failure() -> None:
    with dead_port() as port:
        attempt = probe(port)
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.REFUSED
    assert attempt.connections == 3


@pytest.mark.parametrize(("behaviour", "kind"), [(stays_silent(), "timeout"), (closes(), "reset")])
def test_a_server_that_says_nothing(behaviour: Behaviour, kind: str) -> None:
    attempt = visit(behaviour, deadlines=HASTY)
    assert attempt.failure is not None
    assert attempt.failure.kind == kind


def test_a_sample_that_could_not_have_its_whole_time_is_not_taken() -> None:
    with raw_server(stays_silent()) as server:
        begun = time.monotonic()
        probe(server.port, count=10, deadlines=Deadlines(exchange=0.4, uptime=1.1))
        assert time.monotonic() - begun < 2
        assert server.connections == 2
