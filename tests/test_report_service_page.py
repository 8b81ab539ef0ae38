"""The page of a service: its state, the evidence behind it, and hostile evidence kept inert."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
import yaml
from jinja2 import Environment
from playwright.sync_api import Browser, Page, sync_playwright

from spbe_audit import ScanOptions, evaluate, load_catalogue, load_policy, scan, write_report
from spbe_audit.cli.commands import run as run_command
from spbe_audit.demo import reference_targets
from spbe_audit.errors import ReportError
from spbe_audit.evidence import (
    Attempt,
    AvailabilityEvidence,
    AvailabilitySample,
    Cookie,
    DnsAnswer,
    DnsEvidence,
    DnsStatus,
    Endpoint,
    Evidence,
    Failure,
    FailureKind,
    HttpEvidence,
    OpenPort,
    PortsEvidence,
    Probe,
    TlsEvidence,
    TlsVersion,
    Tool,
    WalkEnd,
)
from spbe_audit.finding import RunSummary
from spbe_audit.network import Deadlines
from spbe_audit.recorded_run import RecordedAttempt, ServiceEvidence
from spbe_audit.report.environment import environment_for
from spbe_audit.report.finding_view import narrator_for
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.labels import TEMPLATES, load_labels
from spbe_audit.report.service_page import family_states, service_page
from spbe_audit.report.site import build_site
from spbe_audit.report.time_strips import cell_strip, span_of, validity_strip
from spbe_audit.store import Store
from spbe_audit.target_files import load_targets
from spbe_audit.targets import Agency, Engagement, Service
from spbe_audit.testing.evidence import build_evidence
from tests.assessments import HOSTILE, service
from tests.report_pages import parsed, text_nodes, visible_text, with_class

CHROMIUM = "/usr/bin/chromium"
CATALOGUE = load_catalogue()
POLICY = load_policy("spbe")
STARTED = datetime(2026, 1, 15, tzinfo=UTC)
PORTAL = service("portal", "diskominfo", url="https://portal.example.go.id/")
ENGLISH = load_labels("en", "Asia/Jakarta")
INDONESIAN = load_labels("id", "Asia/Jakarta")
LONG = "A" * 100_000


@dataclass(frozen=True)
class KeptRun:
    """A run in memory that counts who asked for which evidence."""

    collected: Mapping[str, ServiceEvidence]
    services: tuple[Service, ...]
    asked: list[str] = field(default_factory=list)
    engagement: Engagement | None = None
    policy_id: str = "spbe"
    digest: str = "ab" * 32

    @property
    def summary(self) -> RunSummary:
        """The run itself."""
        families = ("tls", "certificate", "http", "cookie", "ports", "dns", "uptime")
        return RunSummary("run", STARTED, STARTED, self.digest, {}, {}, "standard", families)

    @property
    def agencies(self) -> tuple[Agency, ...]:
        """One agency with all services."""
        return (Agency("diskominfo", "Diskominfo", self.services),)

    def evidence(self) -> Iterator[ServiceEvidence]:
        """The evidence of each service."""
        yield from (self.collected[one.id] for one in self.services)

    def evidence_of(self, service: Service) -> ServiceEvidence:
        """The evidence of one service."""
        self.asked.append(service.id)
        return self.collected[service.id]


def recorded(result: Evidence | Failure, probe: Probe, number: int = 1) -> RecordedAttempt:
    """One visit with what it brought."""
    endpoint = Endpoint(f"{probe} x", "portal.example.go.id", 443, "203.0.113.10")
    tool = Tool("spbe-audit", "0.1.0")
    attempt = Attempt(probe, endpoint, STARTED, 1.5, tool, result, number, 3)
    return RecordedAttempt(attempt, hashlib.sha256(f"{probe}{number}".encode()).hexdigest())


def healthy() -> dict[Probe, Evidence]:
    """Evidence of every kind that a probe brings, all in order."""
    kinds = (one for one in Probe if one not in {Probe.AVAILABILITY, Probe.KEY_USE})
    return {probe: build_evidence(probe.value) for probe in kinds}


def run_of(
    results: Mapping[Probe, Evidence | Failure],
    *,
    history: AvailabilityEvidence | None = None,
    of: Service = PORTAL,
) -> KeptRun:
    """A run of one service."""
    attempts = {probe: (recorded(result, probe),) for probe, result in results.items()}
    derived = {Probe.AVAILABILITY: history} if history else {}
    return KeptRun({of.id: ServiceEvidence(of, attempts, derived)}, (of,))


@cache
def environment_in(language: str) -> Environment:
    """The templates of a language, compiled once for all tests."""
    return environment_for(load_labels(language, "Asia/Jakarta"))


def page_of(folder: Path, run: KeptRun, *, language: str = "en", evidence: bool = True) -> Path:
    """The page of the first service of a run that is judged under the policy of ours."""
    assessment = evaluate(run, POLICY, catalogue=CATALOGUE)
    narrator = narrator_for(assessment, CATALOGUE, load_labels(language, "Asia/Jakarta"))
    site = build_site(assessment, narrator, recorded=run if evidence else None)
    site = replace(site, environment=environment_in(language))
    page = service_page(site, assessment.agencies[0], assessment.services[0])
    path = folder / page.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page.text, encoding="utf-8")
    return path


def report_of(folder: Path, run: KeptRun, *, language: str = "en") -> Path:
    """The whole report of a run; gives the page of its first service."""
    write_report(
        evaluate(run, POLICY, catalogue=CATALOGUE),
        output=folder,
        formats=["html"],
        language=language,
        catalogue=CATALOGUE,
        time_zone="Asia/Jakarta",
        recorded=run,
    )
    return next((folder / "service").iterdir())


def section(tree: Element, name: str) -> Element:
    """The section that a heading with this id names."""
    return next(one for one in tree.iter("section") if one.get("aria-labelledby") == name)


def text_of(element: Element) -> str:
    """All that a reader sees of an element."""
    return " ".join(text_nodes(element))


def rows_of(element: Element) -> list[list[str]]:
    """The rows of all tables in an element, cell by cell."""
    return [[text_of(cell) for cell in row] for row in element.iter("tr")]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Element:
    """The page of a healthy service, in English."""
    history = build_evidence("availability", {"down": {"100-104": "timeout"}})
    assert isinstance(history, AvailabilityEvidence)
    run = run_of(healthy(), history=history)
    return parsed(page_of(tmp_path_factory.mktemp("good"), run))


# --- the state of each family


def test_every_family_has_its_state(good: Element) -> None:
    rows = rows_of(section(good, "families"))[1:]
    names = [row[0] for row in rows]
    assert names == [
        "TLS",
        "Certificate",
        "HTTP",
        "Cookies",
        "Ports and services",
        "DNS",
        "Availability",
    ]
    for row in rows:
        assert re.search(r"\d+%|none yet", row[1])
        assert re.search(r"\d+%|none yet", row[2])
    headings = {one.get("id") for one in good.iter("h3")}
    for link in section(good, "families").iter("a"):
        assert link.get("href", "").lstrip("#") in headings


def test_silence_does_not_read_as_good(tmp_path: Path) -> None:
    failures = dict.fromkeys(healthy(), Failure(FailureKind.TIMEOUT, "nobody there"))
    tree = parsed(page_of(tmp_path, run_of(failures)))
    for row in rows_of(section(tree, "families"))[1:]:
        assert row[1:4] == ["none yet", "0%", "nothing could be tested"], row
    assert "no finding" not in text_of(section(tree, "families"))


def test_a_family_that_was_not_asked_says_so(tmp_path: Path) -> None:
    run = run_of({Probe.TLS: build_evidence("tls")})
    rows = {row[0]: row[1:] for row in rows_of(section(parsed(page_of(tmp_path, run)), "families"))}
    assert rows["HTTP"] == ["not examined this time"]
    assert rows["TLS"] != ["not examined this time"]


def test_the_worst_open_severity_is_of_faults_alone() -> None:
    run = run_of(healthy() | {Probe.TLS: build_evidence("tls", {"versions": ["SSL 3.0"]})})
    findings = evaluate(run, POLICY, catalogue=CATALOGUE).findings
    states = {one.name: one for one in family_states(findings, ENGLISH)}
    assert states["TLS"].worst is not None
    assert states["TLS"].faults >= 1
    assert states["TLS"].score.failed >= states["TLS"].faults
    assert states["Certificate"].worst is None
    assert states["Certificate"].none == "no finding"


# --- what was observed


def test_the_certificate_is_told_in_full(good: Element) -> None:
    tls = build_evidence("tls")
    assert isinstance(tls, TlsEvidence)
    der = tls.chains[0].certificates[0]
    shown = section(good, "seen-certificate")
    facts = {text_of(row[0]): text_of(row[1]) for row in shown.iter("div") if len(row) == 2}
    assert facts["SHA-256 fingerprint"] == hashlib.sha256(der).hexdigest()
    assert facts["Subject"] == "CN=portal.example.go.id"
    assert facts["Good for"] == "portal.example.go.id"
    assert facts["Issuer"].startswith("CN=Example Root CA")
    assert facts["Key"] == "EC 256 (secp256r1)"
    assert facts["Signature"] == "ecdsa-with-SHA256"
    assert re.fullmatch("[0-9a-f]{2,40}", facts["Serial number"])
    (strip,) = with_class(shown, "strip")
    assert strip.get("aria-label") == (
        "Valid from 16 December 2025, 07:00:00 WIB until 16 December 2026, 07:00:00 WIB;"
        " observed at 15 January 2026, 07:00:00 WIB: valid, 335 days left."
    )
    assert "last 90 days, since 17 September 2026" in text_of(shown)
    assert "last 30 days, since 16 November 2026" in text_of(shown)


def test_a_chain_of_several_is_drawn_on_one_scale(tmp_path: Path) -> None:
    chain = {"issuer": "intermediate", "root_sent": True}
    tls = build_evidence("tls", {"certificate": chain})
    shown = section(
        parsed(page_of(tmp_path, run_of(healthy() | {Probe.TLS: tls}))), "seen-certificate"
    )
    assert [text_of(one) for one in with_class(shown, "card-title")] == [
        "1. Certificate of the service valid, 335 days left",
        "2. Intermediate certificate valid, 365 days left",
        "3. Root certificate valid, 3,650 days left",
    ]
    starts = [
        [int(part.get("x", "0")) for part in with_class(strip, "good")]
        for strip in with_class(shown, "strip")[1:]
    ]
    assert starts[0] > starts[1] > starts[2]
    now = [with_class(strip, "now")[0].get("d") for strip in with_class(shown, "strip")[1:]]
    assert len(set(now)) == 1


@pytest.mark.parametrize(
    ("days", "state"),
    [((-200, -3), "expired 3 days before"), ((5, 60), "not valid yet, 5 days to go")],
)
def test_an_invalid_certificate_says_since_when(
    days: tuple[int, int], state: str, tmp_path: Path
) -> None:
    wrong = {"not_before": days[0], "not_after": days[1]}
    run = run_of(healthy() | {Probe.TLS: build_evidence("tls", {"certificate": wrong})})
    shown = section(parsed(page_of(tmp_path, run)), "seen-certificate")
    assert state in with_class(shown, "strip")[0].get("aria-label", "")
    assert state in text_of(with_class(shown, "card-title")[0])


def test_a_certificate_that_cannot_be_read_is_shown_by_its_digest(tmp_path: Path) -> None:
    tls = build_evidence("tls", {"certificate": {"damage": "der"}})
    assert isinstance(tls, TlsEvidence)
    run = run_of(healthy() | {Probe.TLS: tls})
    shown = text_of(section(parsed(page_of(tmp_path, run)), "seen-certificate"))
    assert "A certificate that cannot be read" in shown
    assert hashlib.sha256(tls.chains[0].certificates[0]).hexdigest() in shown


def test_versions_suites_and_features_are_listed(good: Element) -> None:
    shown = section(good, "seen-tls")
    rows = {row[0]: row for row in rows_of(shown)[1:]}
    assert rows["TLS 1.2"][1] == "accepted"
    assert rows["TLS 1.1"][1:] == ["refused", ""]
    assert "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 forward secrecy AEAD" in rows["TLS 1.2"][2]
    text = text_of(shown)
    assert "Groups accepted x25519, secp256r1" in text
    assert "Parameters that the server used ECDH x25519 253 bit" in text
    assert "Secure renegotiation (RFC 5746) yes" in text
    assert "Session tickets not asked" in text
    assert "Known flaws are not asked for at this intensity." in text


def test_weak_suites_doubts_and_flaws_are_named(tmp_path: Path) -> None:
    tls = build_evidence(
        "tls",
        {
            "versions": ["TLS 1.2"],
            "suites": ["TLS_RSA_WITH_RC4_128_SHA", "TLS_DH_anon_WITH_3DES_EDE_CBC_SHA", "X_ODD"],
            "suite_listing": "each_kind",
            "starttls": "smtp",
            "slowed_to": 2,
            "groups": ["X25519MLKEM768"],
            "flaws": {"heartbleed": True, "robot": False},
            "unknown": {
                "versions.TLS 1.0": "timeout",
                "suites.TLS 1.2": "the server stopped answering",
                "flaws.ccs_injection": "reset",
                "chains.unnamed": "refused",
            },
        },
    )
    shown = parsed(page_of(tmp_path, run_of(healthy() | {Probe.TLS: tls})))
    rows = {row[0]: row for row in rows_of(section(shown, "seen-tls"))[1:]}
    assert "TLS_RSA_WITH_RC4_128_SHA no forward secrecy RC4" in rows["TLS 1.2"][2]
    assert "forward secrecy anonymous 3DES CBC" in rows["TLS 1.2"][2]
    assert "the server stopped answering" in rows["TLS 1.2"][2]
    assert rows["TLS 1.0"][1].startswith("could not be established There was no answer")
    text = text_of(section(shown, "seen-tls"))
    assert "The conversation begins in smtp" in text
    assert "one cipher suite of each kind" in text
    assert "came down to 2 at a time" in text
    assert "X25519MLKEM768 (holds against quantum computers)" in text
    assert "Heartbleed found" in text
    assert "ROBOT not found" in text
    assert "Ticketbleed not asked at this intensity" in text
    assert "CCS Injection The other side cut the connection" in text
    assert "Certificate without SNI: The connection was refused." in text_of(
        section(shown, "seen-certificate")
    )


def test_header_lines_stand_as_received(good: Element) -> None:
    http = build_evidence("http")
    assert isinstance(http, HttpEvidence)
    assert http.front is not None
    shown = with_class(section(good, "seen-http"), "headers")[0]
    lines = [(row[0], row[1]) for row in rows_of(shown)[1:]]
    assert lines == [(name, " ".join(value.split())) for name, value in http.front.headers]
    assert not with_class(shown, "marked")


def test_a_header_that_a_finding_speaks_of_is_marked(tmp_path: Path) -> None:
    headers = {
        "Server": "Apache/2.4.1",
        "Strict-Transport-Security": None,
        "X-Frame-Options": None,
        "Content-Security-Policy": "default-src 'self'",
        "Referrer-Policy": "unsafe-url",
    }
    http = build_evidence("http", {"headers": headers})
    tree = parsed(page_of(tmp_path, run_of(healthy() | {Probe.HTTP: http})))
    ids = {one.get("id") for one in tree.iter()}
    marked = {}
    for row in with_class(section(tree, "seen-http"), "marked"):
        links = list(row.iter("a"))
        assert links
        assert all(link.get("href", "")[1:] in ids for link in links)
        marked[text_of(row[0])] = text_of(row[2])
    assert set(marked) == {"Server", "Referrer-Policy", "Content-Security-Policy"}
    assert "Software versions are not shown" in marked["Server"]
    absent = {text_of(one).split()[0] for one in with_class(tree, "absent")[0]}
    assert absent == {"Strict-Transport-Security", "X-Frame-Options"}


def test_cookies_show_all_but_their_value(tmp_path: Path) -> None:
    cookies = ["PHPSESSID=topsecretvalue; Path=/; SameSite=None", "lang=id; Secure; SameSite=Lax"]
    http = build_evidence("http", {"cookies": cookies})
    page = page_of(tmp_path, run_of(healthy() | {Probe.HTTP: http}))
    tree = parsed(page)
    rows = {row[0]: row for row in rows_of(section(tree, "seen-cookies"))[1:]}
    assert rows["PHPSESSID"][1:3] == ["portal.example.go.id", "14"]
    assert {*rows["PHPSESSID"][3].split()} == {"path=/", ";", "samesite=None"}
    assert "Cookies are sent over HTTPS only" in rows["PHPSESSID"][4]
    assert rows["lang"][4] == ""
    assert "topsecretvalue" not in page.read_text()
    marked = [text_of(one) for one in with_class(section(tree, "seen-http"), "marked")]
    assert any("Set-Cookie PHPSESSID=" in line for line in marked)


def test_ports_tell_what_speaks_and_whether_it_was_expected(tmp_path: Path) -> None:
    ports = build_evidence(
        "ports", {"open": [22, 443, 6379], "previous_open": [22], "previous_asked": "1-10000"}
    )
    services = build_evidence(
        "services",
        {
            "services": [
                {"port": 22, "protocol": "ssh", "banner": "SSH-2.0-OpenSSH_9.2"},
                {"port": 6379, "failure": "timeout"},
            ]
        },
    )
    results = healthy() | {Probe.PORTS: ports, Probe.SERVICES: services}
    shown = section(parsed(page_of(tmp_path, run_of(results))), "seen-ports")
    rows = {row[0].split()[0]: row for row in rows_of(shown)[1:]}
    assert rows["22"][1:3] == ["SSH", "SSH-2.0-OpenSSH_9.2"]
    assert rows["22"][4] == "not declared"
    assert rows["443"][1:] == ["this service itself", "", "", "declared newly open"]
    assert rows["6379"][1] == "not known There was no answer within the time limit."
    assert rows["6379"][4] == "not declared newly open"
    text = text_of(shown)
    assert "1,000 TCP ports of 203.0.113.10 were asked: 3 open, 0 closed" in text
    assert "Declared but not open: 80." in text
    assert "1-1000" in text


def test_dns_records_and_servers_are_shown(good: Element, tmp_path: Path) -> None:
    text = text_of(section(good, "seen-dns"))
    assert "203.0.113.10, 2001:db8::10" in text
    assert "DNSSEC secure, zone example.go.id" in text
    assert '0 issue "letsencrypt.org"' in text
    assert "ns1.example.go.id 203.0.113.53 answers not asked not asked" in text
    dns = build_evidence(
        "dns", {"dnssec": "bogus", "name_servers": ["lame"], "records": {"CAA": "timeout"}}
    )
    text = text_of(
        section(parsed(page_of(tmp_path, run_of(healthy() | {Probe.DNS: dns}))), "seen-dns")
    )
    assert "DNSSEC broken signatures, zone example.go.id expired_signature" in text
    assert "answers without authority" in text
    assert "portal.example.go.id CAA no answer" in text


def test_availability_shows_the_visit_and_the_history(good: Element) -> None:
    shown = section(good, "seen-uptime")
    visit, history = with_class(shown, "strip")
    assert visit.get("aria-label") == ("3 samples during the scan: 3 answered as expected, 0 not.")
    words = history.get("aria-label", "")
    assert words.startswith("720 samples from 16 December 2025, 07:00:00 WIB until 15 January 2026")
    assert "715 answered as expected, 5 not, 0 in announced maintenance" in words
    assert with_class(history, "down")
    assert "20 December 2025, 11:00:00 WIB" in text_of(shown)


def test_each_part_of_a_page_has_a_heading_that_the_contents_name(good: Element) -> None:
    ids = {one.get("id") for one in good.iter()}
    (contents,) = with_class(good, "contents")
    targets = [link.get("href", "")[1:] for link in contents.iter("a")]
    assert targets[:4] == ["summary", "families", "observed", "findings"]
    assert set(targets) <= ids


def test_what_needs_no_action_is_folded_away(good: Element) -> None:
    for name in ("conforming", "not-applicable"):
        (folded,) = section(good, name).iter("details")
        assert folded.get("open") is None
        assert list(folded.iter("table"))


# --- what is not there


SECTIONS = {
    Probe.TLS: ("seen-tls", "seen-certificate"),
    Probe.HTTP: ("seen-http", "seen-cookies"),
    Probe.PORTS: ("seen-ports",),
    Probe.DNS: ("seen-dns",),
    Probe.UPTIME: ("seen-uptime",),
    Probe.SURFACE: ("seen-http",),
    Probe.SERVICES: ("seen-ports",),
}


@pytest.mark.parametrize("probe", list(SECTIONS))
@pytest.mark.parametrize("language", ["id", "en"])
def test_a_probe_that_failed_says_how(probe: Probe, language: str, tmp_path: Path) -> None:
    failure = Failure(FailureKind.RESET, f"noted by {probe}")
    tree = parsed(page_of(tmp_path, run_of(healthy() | {probe: failure}), language=language))
    labels = ENGLISH if language == "en" else INDONESIAN
    for name in SECTIONS[probe]:
        part = section(tree, name)
        assert labels.reasons["reset"] in text_of(part)
        assert labels("seen_nothing") in text_of(part)
        notes = [one for one in part.iter("code") if one.get("lang") == "en"]
        assert f"noted by {probe}" in [text_of(one) for one in notes]


@pytest.mark.parametrize("probe", [Probe.TLS, Probe.HTTP, Probe.PORTS, Probe.DNS, Probe.UPTIME])
def test_a_probe_that_was_not_part_of_the_scan_says_so(probe: Probe, tmp_path: Path) -> None:
    results = {one: result for one, result in healthy().items() if one is not probe}
    tree = parsed(page_of(tmp_path, run_of(results)))
    for name in SECTIONS[probe]:
        assert "This observation was not part of the scan." in text_of(section(tree, name))


def test_both_visits_are_told_and_the_one_with_evidence_decides(tmp_path: Path) -> None:
    silent = recorded(Failure(FailureKind.TIMEOUT, "too slow"), Probe.TLS, 1)
    answered = recorded(build_evidence("tls"), Probe.TLS, 2)
    evidence = ServiceEvidence(PORTAL, {Probe.TLS: (answered, silent)})
    tree = parsed(page_of(tmp_path, KeptRun({PORTAL.id: evidence}, (PORTAL,))))
    text = text_of(section(tree, "seen-tls"))
    assert answered.digest in text
    assert silent.digest in text
    assert "1 other visit" in text
    assert "too slow" in text
    assert "accepted" in text


def test_a_port_without_tls_says_what_it_speaks(tmp_path: Path) -> None:
    tls = build_evidence("tls", {"answer": "plain_http", "answer_detail": "HTTP/1.1 200 OK"})
    tree = parsed(page_of(tmp_path, run_of(healthy() | {Probe.TLS: tls})))
    assert "answers in HTTP, without TLS. HTTP/1.1 200 OK" in text_of(section(tree, "seen-tls"))
    assert "No certificate was received." in text_of(section(tree, "seen-certificate"))


def test_without_evidence_the_page_says_so(tmp_path: Path) -> None:
    run = run_of(healthy())
    tree = parsed(page_of(tmp_path, run, evidence=False))
    assert "without the stored evidence" in text_of(section(tree, "observed"))
    assert not list(section(tree, "families").iter("a"))
    assert run.asked == []


def test_evidence_of_another_run_is_refused(tmp_path: Path) -> None:
    run = run_of(healthy())
    with pytest.raises(ReportError, match="another run") as caught:
        write_report(
            evaluate(run, POLICY, catalogue=CATALOGUE),
            output=tmp_path,
            formats=["html"],
            language="en",
            catalogue=CATALOGUE,
            time_zone="Asia/Jakarta",
            recorded=replace(run, digest="cd" * 32),
        )
    assert caught.value.advice
    assert not list(tmp_path.iterdir())


def test_evidence_is_read_one_service_at_a_time(tmp_path: Path) -> None:
    services = tuple(replace(PORTAL, id=f"s{number}") for number in range(5))
    attempts = {probe: (recorded(one, probe),) for probe, one in healthy().items()}
    collected = {one.id: ServiceEvidence(one, attempts) for one in services}
    run = KeptRun(collected, services)
    report_of(tmp_path, run, language="id,en")
    assert sorted(run.asked) == sorted([one.id for one in services] * 2)


def test_the_same_evidence_gives_the_same_bytes(tmp_path: Path) -> None:
    first = report_of(tmp_path / "a", run_of(healthy()))
    second = report_of(tmp_path / "b", run_of(healthy()))
    assert first.read_bytes() == second.read_bytes()


# --- hostile evidence


def poisoned(value: Any, text: str) -> Any:
    """The same data with every free text in it replaced."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return text
    if isinstance(value, tuple):
        return tuple(poisoned(one, text) for one in value)
    if isinstance(value, Mapping):
        return {
            (key if isinstance(key, Enum) else text): poisoned(one, text)
            for key, one in value.items()
        }
    if is_dataclass(value) and not isinstance(value, type):
        changes = {one.name: poisoned(getattr(value, one.name), text) for one in fields(value)}
        return replace(value, **changes)
    return value


def poisoned_http(http: HttpEvidence, text: str) -> HttpEvidence:
    """Answers in which all is hostile but whose they are, so that they are believed."""
    hops = tuple(
        replace(poisoned(hop, text), url=hop.url, method=hop.method) for hop in http.entry.hops
    )
    walk = replace(poisoned(http.entry, text), hops=hops, end=WalkEnd.BAD_LOCATION)
    return replace(http, entry=walk, plain=replace(poisoned(http.entry, text), hops=()))


def hostile_results(text: str) -> dict[Probe, Evidence | Failure]:
    """Evidence of every kind in which every text is hostile."""
    seen = healthy() | {
        Probe.HTTP: build_evidence("http", {"cookies": ["a=b; Path=/"], "hops": [{}, {}]}),
        Probe.ADDRESSES: build_evidence("addresses"),
        Probe.SERVICES: build_evidence(
            "services", {"services": [{"port": 443, "protocol": "x", "banner": "y"}]}
        ),
        Probe.SURFACE: build_evidence("surface", {"paths": {"/.env": {"confirmed": "KEY"}}}),
        Probe.UPTIME: build_evidence("uptime", {"samples": ["up", "timeout"]}),
    }
    tls = seen[Probe.TLS]
    assert isinstance(tls, TlsEvidence)
    http = seen[Probe.HTTP]
    assert isinstance(http, HttpEvidence)
    doubts = {f"{part}.TLS 1.1": text for part in ("versions", "suites")}
    poison = {probe: poisoned(one, text) for probe, one in seen.items()}
    poison[Probe.TLS] = replace(
        poisoned(tls, text), chains=tls.chains, unknown=doubts | {"groups.weak": text}
    )
    poison[Probe.HTTP] = poisoned_http(http, text)
    return poison


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a service in whose evidence every text is hostile."""
    run = run_of(hostile_results(HOSTILE))
    (kept,) = run.collected.values()
    failed = recorded(Failure(FailureKind.RESET, HOSTILE), Probe.TLS, 2)
    attempts = {**kept.attempts, Probe.TLS: (*kept.attempts[Probe.TLS], failed)}
    run = KeptRun({PORTAL.id: replace(kept, attempts=attempts)}, (PORTAL,))
    return report_of(tmp_path_factory.mktemp("evil"), run)


def test_hostile_evidence_is_text_and_nothing_else(evil: Path) -> None:
    tree = parsed(evil)
    for element in tree.iter():
        assert element.tag not in {"iframe", "object", "embed", "img", "form", "base"}
        if element.tag == "script":
            assert element.get("src") == "../report.js"
            assert not (element.text or "").strip()
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on"), (name, value)
            assert name != "style"
            if name == "href":
                assert not value.lower().startswith(("javascript", "data:text"))
    content = evil.read_text(encoding="utf-8").replace("\n", "")
    assert spelt_out(content) == content


@pytest.mark.parametrize("name", sorted({one for names in SECTIONS.values() for one in names}))
def test_hostile_evidence_is_shown_in_every_section(evil: Path, name: str) -> None:
    if name == "seen-certificate":  # its texts come from certificates alone
        return
    text = text_of(section(parsed(evil), name))
    assert "<script>alert(1)</script>" in text
    assert "[U+202E]gnp.exe" in text


def test_a_hostile_certificate_is_inert(tmp_path: Path) -> None:
    spec = {"subject": "<script>alert(1)</script>", "sans": ["DNS:<b>x</b>.example"]}
    run = run_of(healthy() | {Probe.TLS: build_evidence("tls", {"certificate": spec})})
    page = page_of(tmp_path, run)
    assert "<script>alert(1)" not in page.read_text()
    shown = text_of(section(parsed(page), "seen-certificate"))
    assert r"CN=\<script\>alert(1)\</script\>" in shown  # as RFC 4514 writes it
    assert "<b>x</b>.example" in shown


QUOTES = "\"'&<>\x80" * 20_000
"""Text that grows when it is escaped."""


def huge_http() -> HttpEvidence:
    """Ten answers with headers and cookies beyond all measure."""
    http = build_evidence("http")
    assert isinstance(http, HttpEvidence)
    assert http.front is not None
    headers = tuple((f"X-{number}{LONG}", QUOTES) for number in range(300))
    attributes = (("path", QUOTES),) * 30
    cookies = tuple(
        Cookie(f"c{number}", 9, "ab", attributes, "portal.example.go.id", secure_origin=True)
        for number in range(200)
    )
    hops = tuple(
        replace(http.front, url=f"{http.front.url}{number}", headers=headers, cookies=cookies)
        for number in range(10)
    )
    return replace(http, entry=replace(http.entry, hops=hops), plain=None)


def huge() -> tuple[dict[Probe, Evidence | Failure], AvailabilityEvidence]:
    """More of everything than a probe would bring."""
    suites = tuple(f"TLS_RSA_WITH_AES_{number}_CBC_SHA" for number in range(300))
    tls, dns, ports = (build_evidence(kind) for kind in ("tls", "dns", "ports"))
    assert isinstance(tls, TlsEvidence)
    assert isinstance(dns, DnsEvidence)
    assert isinstance(ports, PortsEvidence)
    chain = replace(tls.chains[0], certificates=tls.chains[0].certificates * 40)
    answers = tuple(
        DnsAnswer(f"h{number}{LONG}", "TXT", DnsStatus.ANSWER, (QUOTES,) * 40)
        for number in range(100)
    )
    paths = {f"/{number}": {"confirmed": QUOTES[:9000]} for number in range(200)}
    results: dict[Probe, Evidence | Failure] = {
        Probe.TLS: replace(
            tls,
            chains=(chain,) * 9,
            suites=dict.fromkeys((TlsVersion.TLS_1_2, TlsVersion.TLS_1_3), suites),
            groups=(QUOTES,) * 300,
            unknown={"versions.TLS 1.1": QUOTES, "suites.TLS 1.2": QUOTES},
        ),
        Probe.HTTP: huge_http(),
        Probe.DNS: replace(dns, answers=answers, addresses=(QUOTES,) * 100),
        Probe.PORTS: replace(
            ports,
            open=tuple(OpenPort(port, QUOTES, QUOTES) for port in range(1, 5001)),
            asked="1," * 50_000,
        ),
        Probe.SURFACE: build_evidence("surface", {"paths": paths, "security_txt": QUOTES}),
        Probe.UPTIME: build_evidence("uptime", {"samples": ["up", "timeout"] * 300}),
    }
    samples = tuple(
        AvailabilitySample(STARTED - timedelta(minutes=5 * number), up=number % 3 > 0)
        for number in range(26_000, 0, -1)
    )
    return results, AvailabilityEvidence("portal", STARTED, 300.0, samples)


def test_a_page_stays_small_whatever_the_evidence(tmp_path: Path) -> None:
    results, history = huge()
    whole = run_of(healthy())
    write_report(
        evaluate(whole, POLICY, catalogue=CATALOGUE),
        output=tmp_path,
        formats=["html"],
        language="en",
        catalogue=CATALOGUE,
        time_zone="Asia/Jakarta",
        recorded=run_of(results, history=history),
    )
    (page,) = (tmp_path / "service").iterdir()
    assert page.stat().st_size < 1_000_000
    tree = parsed(page)
    assert "A" * 600 not in text_of(tree)
    assert "300 cipher suites" in text_of(section(tree, "seen-tls"))
    assert "200 more are not shown here." in text_of(section(tree, "seen-tls"))
    assert "4,900 more are not shown here." in text_of(section(tree, "seen-ports"))
    assert "30 more are not shown here." in text_of(section(tree, "seen-certificate"))
    assert "240 more are not shown here." in text_of(section(tree, "seen-http"))
    assert "shortened; 120,000 characters in all" in text_of(section(tree, "seen-http"))
    assert "70 more are not shown here." in text_of(section(tree, "seen-dns"))


def test_a_page_of_long_headers_and_many_suites_stays_small(tmp_path: Path) -> None:
    headers = {f"X-Filler-{number}": QUOTES[:1600] for number in range(60)}
    names = [f"TLS_RSA_WITH_AES_{number}_CBC_SHA" for number in range(300)]
    results = healthy() | {
        Probe.HTTP: build_evidence("http", {"headers": {**headers, "Server": "nginx/1.1" * 9000}}),
        Probe.TLS: build_evidence("tls", {"suites": names}),
    }
    page = page_of(tmp_path, run_of(results))
    assert page.stat().st_size < 1_000_000
    assert "300 cipher suites" in text_of(section(parsed(page), "seen-tls"))


# --- charts


def test_a_validity_strip_has_only_the_parts_that_there_are() -> None:
    def parts(days: int) -> list[str]:
        ends = STARTED + timedelta(days=days)
        strip = validity_strip(
            STARTED, ends, STARTED, span=span_of((STARTED, ends)), label="<&\"'>"
        )
        assert "&lt;&amp;&#34;&#39;&gt;" in strip
        return re.findall(r'<rect class="(\w+)"', strip)

    assert parts(365) == ["track", "good", "part", "bad"]
    assert parts(90) == ["track", "good", "bad"]
    assert parts(7) == ["track", "good"]
    assert parts(0) == ["track"]


def test_cells_of_few_samples_stand_apart_and_those_of_many_flow_together() -> None:
    few = cell_strip(["up", "up", "down"], label="x")
    assert len(re.findall("<rect", few)) == 3
    many = cell_strip(["up"] * 40 + ["gap"] * 10 + ["rest"] * 40, label="x")
    assert re.findall(r'<rect class="(\w+)" x="(\d+)"', many) == [
        ("up", "0"),
        ("gap", "444"),
        ("rest", "555"),
    ]
    assert "<rect" not in cell_strip([], label="x")


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_drawing_says_what_it_shows(language: str, tmp_path: Path) -> None:
    history = build_evidence("availability", {"missing": ["200-229"], "maintenance": ["300-310"]})
    assert isinstance(history, AvailabilityEvidence)
    run = run_of(healthy(), history=history)
    tree = parsed(page_of(tmp_path, run, language=language))
    drawings = [one for one in tree.iter() if str(one.tag).endswith("svg")]
    assert len(drawings) > 15
    for drawing in drawings:
        assert drawing.get("role") == "img"
        assert len(drawing.get("aria-label", "")) > 8
    strips = [one.get("aria-label", "") for one in with_class(tree, "strip")]
    seen = {"en": "11 in announced maintenance", "id": "11 pada masa pemeliharaan"}
    assert seen[language] in strips[-1]


# --- languages


def test_no_language_stands_in_the_page_of_the_other(tmp_path: Path) -> None:
    labels = yaml.safe_load((files(TEMPLATES) / "labels.yaml").read_text(encoding="utf-8"))
    run = run_of(healthy() | {Probe.UPTIME: Failure(FailureKind.TIMEOUT, "no answer came")})
    report_of(tmp_path, run, language="id,en")
    trees = {
        "id": parsed(next((tmp_path / "service").iterdir())),
        "en": parsed(next((tmp_path / "en" / "service").iterdir())),
    }
    for language, other in (("id", "en"), ("en", "id")):
        foreign = {
            " ".join(both[other].split())
            for both in labels.values()
            if isinstance(both["en"], str) and both["id"] != both["en"]
        }
        own = {
            " ".join(both[language].split())
            for both in labels.values()
            if isinstance(both[language], str)
        }
        tree = section(trees[language], "observed")
        shown = set(text_nodes(tree)) | {one.get("aria-label", "") for one in tree.iter()}
        assert shown & (foreign - own) == set()


# --- real services, and a real browser


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of three reference services that were scanned for real."""
    folder = tmp_path_factory.mktemp("real")
    options = ScanOptions(
        families=("tls", "certificate", "http", "cookie", "dns"),
        confirm_after=0.1,
        deadlines=Deadlines(connect=2.0, exchange=3.0, tls=8.0),
    )
    with (
        reference_targets(folder, now=datetime.now(UTC), language="id") as file,
        Store.open(folder / "evidence.db") as store,
    ):
        listed = load_targets(file)
        (agency,) = listed.agencies
        wanted = {"good", "bad-cookies", "dead"}
        chosen = tuple(one for one in agency.services if one.id in wanted)
        few = replace(listed, agencies=(replace(agency, services=chosen),))
        run = scan(few, store=store, options=options)
        write_report(
            evaluate(run.evidence, POLICY, catalogue=CATALOGUE),
            output=folder / "report",
            formats=["html"],
            language="id",
            catalogue=CATALOGUE,
            time_zone="Asia/Jakarta",
            recorded=run.evidence,
        )
    return folder / "report" / "service"


def test_a_real_service_is_shown_as_it_answered(real: Path) -> None:
    tree = parsed(real / "reference-good.html")
    rows = {row[0]: row for row in rows_of(section(tree, "seen-tls"))[1:]}
    assert rows["TLS 1.3"][1] == "diterima"
    assert rows["TLS 1.0"][1] == "ditolak"
    lines = {row[0]: row[1] for row in rows_of(with_class(tree, "headers")[0])[1:]}
    assert lines["Server"] == "reference"
    assert lines["X-Frame-Options"] == "DENY"
    assert "spbe-audit reference root" in text_of(section(tree, "seen-certificate"))
    assert "__Host-session" in text_of(section(tree, "seen-cookies"))
    bad = parsed(real / "reference-bad-cookies.html")
    (row,) = with_class(section(bad, "seen-cookies"), "marked")
    assert "Kuki hanya dikirim melalui HTTPS" in text_of(row)
    dead = visible_text(parsed(real / "reference-dead.html"))
    assert "Tidak ada yang dapat diamati. Koneksi ditolak." in dead


def test_the_command_shows_the_evidence_of_the_store(real: Path, tmp_path: Path) -> None:
    kept = real.parent.parent / "evidence.db"
    asked = ["report", "--store", str(kept), "--output", str(tmp_path), "--format", "html"]
    assert run_command([*asked, "--language", "id", "--quiet"]) == 0
    for page in sorted(real.iterdir()):
        again = parsed(tmp_path / "service" / page.name)
        first = parsed(page)
        assert text_of(section(again, "observed")) == text_of(section(first, "observed"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def _noise_of(tab: Page) -> list[str]:
    """What a page says on the console, and what it asks of others."""
    noise: list[str] = []
    tab.on("console", lambda message: noise.append(message.text))
    tab.on("pageerror", lambda error: noise.append(str(error)))
    tab.on("requestfailed", lambda request: noise.append(request.url))
    return noise


def _pages(real: Path, evil: Path) -> Sequence[Path]:
    return [*sorted(real.iterdir()), evil]


@pytest.mark.parametrize("width", [360, 1200])
def test_pages_fit_and_stay_quiet(browser: Browser, real: Path, evil: Path, width: int) -> None:
    for page in _pages(real, evil):
        tab = browser.new_page(viewport={"width": width, "height": 800})
        noise = _noise_of(tab)
        tab.goto(page.as_uri())
        assert noise == [], page
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, page
        tab.close()


def test_paper_shows_the_folded_evidence(browser: Browser, real: Path) -> None:
    tab = browser.new_page()
    tab.goto((real / "reference-good.html").as_uri())
    visible = "document.querySelector('#conforming ~ details table').checkVisibility()"
    assert not tab.evaluate(visible)
    tab.emulate_media(media="print")
    assert tab.evaluate(visible)
    tab.close()
