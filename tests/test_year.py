"""A simulated year: 52 weekly runs of services that change, told week by week as a table says.

The evidence is made as probes make it and goes through the same store, judging, comparing and
telling as that of a scan; only the network and the clock are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spbe_audit.cli.exit_codes import exit_code_of_news
from spbe_audit.cli.judging import Rules, compared, historian_of, judge, load_rules
from spbe_audit.evidence import Attempt, Endpoint, Failure, FailureKind, Probe, Tool
from spbe_audit.finding import Assessment
from spbe_audit.news import news_of
from spbe_audit.over_time import State, TrendPoint
from spbe_audit.severity import Severity
from spbe_audit.store import PruneLimits, RunPlan, Store
from spbe_audit.targets import Agency, Intensity, Service, TargetList
from spbe_audit.testing import build_evidence

FIRST = datetime(2026, 1, 5, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
WEEKS = 52
JULY = 26
"""The week of 6 July, from which the policy wants a longer HSTS."""

POLICY = """
id: tahunan
title: {{id: Tahunan, en: Yearly}}
aspects:
  - id: keamanan
    title: {{id: Keamanan, en: Security}}
    families: [http, certificate, ports]
requirements:
  - {{check: certificate.expiry_margin, severity: medium, controls: []}}
  - {{check: http.hsts, severity: medium, params: {{minimum_max_age: {hsts}}}, controls: []}}
  - {{check: http.clickjacking, severity: medium, controls: []}}
  - {{check: ports.unexpected_open, severity: high, controls: []}}
"""
WAIVERS = """
waivers:
  - service: izin
    check: http.hsts
    reason: Aplikasi lama belum dapat diubah.
    compensating_control: Hanya melalui VPN.
    owner: Kepala Bidang Perizinan
    approver: Kepala Dinas
    reference: ND-045/2026
    granted: 2026-03-02
    expires: 2026-10-01
"""

# --- what the services are like, week by week

HALF_A_YEAR = "max-age=15768000"
SERVICES = {"portal": "diskominfo", "bank-data": "diskominfo", "izin": "dpmptsp"}


def listed(week: int) -> list[str]:
    """Bank Data is off the list for four weeks."""
    return [one for one in SERVICES if one != "bank-data" or week not in range(30, 34)]


def dead(service: str, week: int) -> bool:
    return service == "izin" and week in {15, 16}


def headers(service: str, week: int) -> Mapping[str, str | None]:
    if service == "izin" and week >= 2:
        return {"Strict-Transport-Security": None}
    if service == "portal":
        lost = {"Content-Security-Policy": None, "X-Frame-Options": None}
        framed = lost if week in {10, 11, 12, 40, 41} else {}
        hsts = {} if week >= 29 else {"Strict-Transport-Security": HALF_A_YEAR}
        return {**hsts, **framed}
    return {}


def certificate(service: str, week: int) -> Mapping[str, Any]:
    """That of Izin ends on 20 June and is renewed on 8 June; days count from 15 January."""
    return {"not_after": 156 if service == "izin" and week < 22 else 900}


def open_ports(service: str, week: int) -> list[int]:
    if service != "bank-data":
        return [80, 443]
    return [80, 443, *[8081] * (5 <= week < 9), *[3306] * (28 <= week < 45)]


# --- what each week tells


@dataclass(frozen=True)
class Told:
    """One week: states with causes, what is news, the exit code, and the trend.

    ``trend`` is how many findings stand, and the percentages of compliance and coverage.
    """

    states: tuple[str, ...] = ()
    news: tuple[str, ...] = ()
    code: int = 0
    trend: tuple[int, int, int] = (0, 100, 100)


EXPIRED = ("waiver_expired izin http.hsts",)
TABLE: Mapping[int, Told] = {
    1: Told(),
    # Izin loses a header; it is waived from March on
    2: Told(("new system izin http.hsts",), ("new izin http.hsts",), 1, (1, 92, 100)),
    3: Told(("persisting izin http.hsts",), trend=(1, 92, 100)),
    # a port of Bank Data opens, and is closed four weeks later
    5: Told(
        ("new system bank-data ports.unexpected_open 8081", "persisting izin http.hsts"),
        ("new bank-data ports.unexpected_open 8081",),
        1,
        (2, 83, 100),
    ),
    6: Told(
        ("persisting bank-data ports.unexpected_open 8081", "persisting izin http.hsts"),
        trend=(2, 83, 100),
    ),
    8: Told(
        ("persisting bank-data ports.unexpected_open 8081", "waived izin http.hsts"),
        trend=(2, 83, 100),
    ),
    9: Told(
        ("waived izin http.hsts", "resolved system bank-data ports.unexpected_open 8081"),
        trend=(1, 92, 100),
    ),
    # Portal can be framed for three weeks
    10: Told(
        ("new system portal http.clickjacking", "waived izin http.hsts"),
        ("new portal http.clickjacking",),
        1,
        (2, 83, 100),
    ),
    13: Told(
        ("waived izin http.hsts", "resolved system portal http.clickjacking"), trend=(1, 92, 100)
    ),
    # Izin is dead for two weeks: what is open stays open, and the second week is no news
    15: Told(("not_retestable system izin http.hsts",), ("silent izin",), 3, (1, 100, 67)),
    16: Told(("not_retestable system izin http.hsts",), trend=(1, 100, 67)),
    17: Told(("waived izin http.hsts",), trend=(1, 92, 100)),
    # its certificate comes near its end, and is renewed
    20: Told(
        ("new system izin certificate.expiry_margin", "waived izin http.hsts"),
        ("new izin certificate.expiry_margin",),
        1,
        (2, 83, 100),
    ),
    22: Told(
        ("waived izin http.hsts", "resolved system izin certificate.expiry_margin"),
        trend=(1, 92, 100),
    ),
    # the policy is stricter from July on: Portal did not change
    26: Told(
        ("new rule portal http.hsts", "waived izin http.hsts"),
        ("new portal http.hsts",),
        1,
        (2, 83, 100),
    ),
    27: Told(("persisting portal http.hsts", "waived izin http.hsts"), trend=(2, 83, 100)),
    28: Told(
        (
            "new system bank-data ports.unexpected_open 3306",
            "persisting portal http.hsts",
            "waived izin http.hsts",
        ),
        ("new bank-data ports.unexpected_open 3306",),
        1,
        (3, 75, 100),
    ),
    29: Told(
        (
            "persisting bank-data ports.unexpected_open 3306",
            "waived izin http.hsts",
            "resolved system portal http.hsts",
        ),
        trend=(2, 83, 100),
    ),
    # Bank Data leaves the list, and comes back with what was open
    30: Told(
        ("waived izin http.hsts", "gone bank-data ports.unexpected_open 3306"), trend=(1, 88, 100)
    ),
    31: Told(("waived izin http.hsts",), trend=(1, 88, 100)),
    34: Told(
        ("persisting bank-data ports.unexpected_open 3306", "waived izin http.hsts"),
        trend=(2, 83, 100),
    ),
    # the waiver ends on 1 October: from then on it is said every week, until somebody decides
    38: Told(
        ("persisting bank-data ports.unexpected_open 3306", "waived izin http.hsts"),
        trend=(2, 83, 100),
    ),
    39: Told(
        ("persisting bank-data ports.unexpected_open 3306", "persisting izin http.hsts"),
        EXPIRED,
        1,
        (2, 83, 100),
    ),
    # Portal can be framed again: that is back, not new
    40: Told(
        (
            "regressed system portal http.clickjacking",
            "persisting bank-data ports.unexpected_open 3306",
            "persisting izin http.hsts",
        ),
        ("regressed portal http.clickjacking", *EXPIRED),
        1,
        (3, 75, 100),
    ),
    42: Told(
        (
            "persisting bank-data ports.unexpected_open 3306",
            "persisting izin http.hsts",
            "resolved system portal http.clickjacking",
        ),
        EXPIRED,
        1,
        (2, 83, 100),
    ),
    45: Told(
        ("persisting izin http.hsts", "resolved system bank-data ports.unexpected_open 3306"),
        EXPIRED,
        1,
        (1, 92, 100),
    ),
    51: Told(("persisting izin http.hsts",), EXPIRED, 1, (1, 92, 100)),
}
QUIET = {State.PERSISTING, State.WAIVED, State.NOT_RETESTABLE}


# --- the year


@dataclass(frozen=True)
class Year:
    """What every week told, and the file that holds it all."""

    told: Mapping[int, Told]
    last: Assessment
    store: Path
    rules: Rules


def scan(store: Store, week: int) -> None:
    started = FIRST + week * WEEK
    services = [
        Service(
            id=one,
            name=one,
            url=f"https://{one}.example.go.id/",
            display_url=f"https://{one}.example.go.id/",
            agency=SERVICES[one],
        )
        for one in listed(week)
    ]
    agencies = tuple(
        Agency(id=one, name=one, services=tuple(s for s in services if s.agency == one))
        for one in dict.fromkeys(SERVICES.values())
    )
    writer = store.begin(
        RunPlan(
            id=f"{started:%Y%m%dT%H%M%SZ}-{week:06}",
            started=started,
            targets=TargetList(agencies=agencies),
            policy="tahunan",
            intensity=Intensity.STANDARD,
            families=("tls", "certificate", "http", "ports"),
            scanner="0.1.0",
        )
    )
    for service in services:
        attempts = {
            probe: [writer.add_attempt(attempt(service.id, probe, week))]
            for probe in (Probe.TLS, Probe.HTTP, Probe.PORTS)
        }
        writer.add_service(service.id, attempts)
    writer.finish(started + timedelta(minutes=5))


def attempt(service: str, probe: Probe, week: int) -> Attempt:
    at = FIRST + week * WEEK
    host = f"{service}.example.go.id"
    forms: Mapping[Probe, Mapping[str, Any]] = {
        Probe.TLS: {"server_name": host, "certificate": certificate(service, week)},
        Probe.HTTP: {"host": host, "headers": headers(service, week)},
        Probe.PORTS: {"open": open_ports(service, week), "asked": "1-10000"},
    }
    form = {**forms[probe], "collected_at": at.isoformat()}
    result = (
        Failure(FailureKind.TIMEOUT, "no answer")
        if dead(service, week)
        else build_evidence(probe.value, form)
    )
    endpoint = Endpoint(key=f"{probe} {service}", host=host, port=443, address="203.0.113.10")
    return Attempt(probe, endpoint, at, 1.0, Tool("spbe-audit", "0.1.0"), result)


def tell(store: Store, rules: Rules) -> tuple[Told, Assessment]:
    assessment = compared(store, judge(store, store.run(), rules), rules, quiet=True)
    judgements = [store.judgement(info.id, rules.policy.id) for info in store.runs()]
    present, *earlier = [one for one in reversed(judgements) if one]
    news = news_of(assessment, present, earlier, zone=ZoneInfo("Asia/Jakarta"))
    told = Told(
        states=tuple(_states(assessment)),
        news=(
            *(
                f"{one.kind.value} {one.service} {one.check} {one.subject}".strip()
                for one in news.items
            ),
            *(f"silent {one.service}" for one in news.silences),
        ),
        code=exit_code_of_news(news, Severity.MEDIUM, cut_short=False),
        trend=_trend(assessment.trend.points[-1]) if assessment.trend else (0, 100, 100),
    )
    return told, assessment


def _states(assessment: Assessment) -> Iterator[str]:
    for one in assessment.comparison.changes if assessment.comparison else ():
        parts = (one.state, one.cause, one.identity.service, one.check, one.identity.subject)
        yield " ".join(part for part in parts if part)


def _trend(point: TrendPoint) -> tuple[int, int, int]:
    shares = [round(100 * (one or 0)) for one in (point.shares.compliance, point.shares.coverage)]
    return sum(point.open.values()), shares[0], shares[1]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    folder = tmp_path_factory.mktemp("year")
    (folder / "waivers.yaml").write_text(WAIVERS, "utf-8")
    rules = []
    for name, hsts in (("first", 15_768_000), ("second", 31_536_000)):
        policy = folder / f"{name}.yaml"
        policy.write_text(POLICY.format(hsts=hsts), "utf-8")
        rules.append(load_rules(str(policy), [], waivers=folder / "waivers.yaml"))
    path, told = folder / "evidence.db", {}
    with Store.open(path) as store:
        for week in range(WEEKS):
            scan(store, week)
            told[week], last = tell(store, rules[week >= JULY])
    return Year(told, last, path, rules[-1])


@pytest.mark.parametrize("week", TABLE)
def test_a_week_is_told_as_the_table_says(year: Year, week: int) -> None:
    assert year.told[week] == TABLE[week]


def test_the_other_weeks_tell_what_the_week_before_told(year: Year) -> None:
    """In a week without a change nothing is new, and nobody is told anything again."""
    for week in sorted(set(range(1, WEEKS)) - set(TABLE)):
        told, before = year.told[week], year.told[week - 1]
        assert {one.split()[0] for one in told.states} <= {state.value for state in QUIET}, week
        assert told.trend == before.trend, week
        assert told.news == (EXPIRED if week >= 39 else ()), week
        assert told.code == (1 if week >= 39 else 0), week


def test_at_the_end_it_is_known_since_when_something_is_open(year: Year) -> None:
    assert year.last.comparison is not None
    (change,) = [one for one in year.last.comparison.changes if one.is_open]
    assert change.open_since.at == FIRST + 2 * WEEK
    assert change.age_days == 49 * 7
    assert year.last.trend is not None
    assert len(year.last.trend.points) == WEEKS
    assert [point.rules_changed for point in year.last.trend.points].index(True) == JULY
    # open for 4, 3, 2, 3, 17 and 2 weeks
    assert year.last.trend.median_days[""] == 21


def test_pruned_it_tells_the_same(year: Year) -> None:
    """The year goes, but for four runs: the last week is told as before, and the chain verifies."""
    with Store.open_existing(year.store) as store:
        cuts = store.prune(PruneLimits(keep_runs=4), at=FIRST + 53 * WEEK, by="0.1.0")
        assert len(cuts) == WEEKS - 4
        assert store.verify() == ()
        told, last = tell(store, year.rules)
        assert told == year.told[WEEKS - 1]
        assert last.comparison == year.last.comparison
        assert last.trend == year.last.trend
        assert list(_since_a_cut_run(store, year.rules)) == [
            "persisting izin http.hsts",
            "resolved unclear izin certificate.expiry_margin",
        ]


def _since_a_cut_run(store: Store, rules: Rules) -> Iterator[str]:
    """The last run seen from that of week 20, which the rules of July cannot judge any more."""
    cut = next(one.id for one in store.runs(with_cut=True) if one.id.endswith("-000020"))
    seen = historian_of(store, rules, quiet=True).over_time(store.run(), before=cut)
    assert seen is not None
    for one in seen.comparison.changes:
        parts = (one.state, one.cause, one.identity.service, one.check)
        yield " ".join(part for part in parts if part)
