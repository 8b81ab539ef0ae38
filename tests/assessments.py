"""Assessments made by hand, for the tests of the reports: every verdict, and hostile text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

from spbe_audit.bilingual import Bilingual
from spbe_audit.catalogue import BUILT_IN, Catalogue, CatalogueEntry
from spbe_audit.check import Check, Fact, NoParams, Outcome, Verdict
from spbe_audit.check_texts import CheckTexts, Remedy
from spbe_audit.evidence import HttpEvidence
from spbe_audit.finding import (
    AgencyAssessment,
    AspectResult,
    Assessment,
    ControlResult,
    ControlStatus,
    Finding,
    PolicySummary,
    RunSummary,
    Score,
    ServiceAssessment,
)
from spbe_audit.regulation import Confidence, Control, Regulation, Strength
from spbe_audit.severity import Severity
from spbe_audit.targets import Agency, Engagement, Service

STARTED = datetime(2026, 11, 20, 3, 15, 30, tzinfo=UTC)
OBSERVED = STARTED + timedelta(seconds=95)
RUN_DIGEST = "ab" * 32
EVIDENCE = "0123456789abcdef" * 4

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)></style></title>"
    "\u202egnp.exe\u2066\u200b\x1b[31m\x00{{7*7}}{url}%s javascript:alert(3)"
)

BROKEN = (
    "\ud800 \udfff\x0b\x85\ufffe\uffff\u2028]]>&#0;<!--\r\n"
    "![x](http://evil.example/a.png)[y](javascript:alert(1)){0}{{1}}{{ insert: param, x }}"
)
"""Text that no XML may hold, that no UTF-8 can, and that Markdown would make links of."""


def both(indonesian: str, english: str) -> Bilingual:
    """A text in both languages."""
    return Bilingual(indonesian, english)


def no_question(_evidence: HttpEvidence, _params: NoParams) -> Outcome:
    """The checks of this catalogue are never asked: only their words are read."""
    return Outcome.unknown("fact_unknown")


def entry(check_id: str, **changes: Any) -> CatalogueEntry:
    """A check with words, all of them plain unless they are given."""
    texts = CheckTexts(
        title=both(f"Judul {check_id}", f"Title of {check_id}"),
        question=both("Apakah begitu?", "Is it so?"),
        why=both("Akibatnya buruk.", "It ends badly."),
        remedy=Remedy(text=both("Perbaiki segera.", "Mend it soon.")),
        reproduce="curl -sS -o /dev/null -D - {url}",
        passed=both("Semua baik: {shown}.", "All is well: {shown}."),
        failed=both("Ada yang kurang: {shown}.", "Something is amiss: {shown}."),
        references=("RFC 9110",),
    )
    check = Check(check_id, (HttpEvidence,), NoParams, no_question)
    return CatalogueEntry(check, texts.model_copy(update=changes), BUILT_IN)


def catalogue() -> Catalogue:
    """Six checks with words, and one without any is asked for by the findings."""
    tls = entry(
        "tls.protocol_versions",
        title=both("Versi protokol TLS usang ditolak", "Obsolete TLS versions are refused"),
        why=both(
            "Versi lama memiliki kelemahan yang memungkinkan penyadap membaca isi komunikasi.",
            "Old versions have weaknesses that let an eavesdropper read the traffic.",
        ),
        remedy=Remedy(
            text=both("Terima hanya TLS 1.2 dan TLS 1.3.", "Accept only TLS 1.2 and TLS 1.3."),
            snippets={
                "nginx": "ssl_protocols TLSv1.2 TLSv1.3;\nssl_prefer_server_ciphers off;",
                "apache": "SSLProtocol -all +TLSv1.2 +TLSv1.3",
                "iis": "Disable-TlsProtocol",
            },
        ),
        reproduce="openssl s_client -connect {address_port} -servername {host} -tls1",
        failed=both("Masih diterima: {accepted}.", "Still accepted: {accepted}."),
        passed=both("Versi yang diterima: {versions}.", "Accepted versions: {versions}."),
        references=("RFC 8996", "https://www.rfc-editor.org/rfc/rfc8996"),
    )
    databases = entry(
        "ports.database_exposed",
        title=both("Basis data tidak terjangkau dari luar", "No database is within reach"),
        failed=both("Port basis data terbuka: {ports}.", "Open database ports: {ports}."),
        reproduce="nmap -Pn -sT -p 6379 {address}",
    )
    headers = entry(
        "http.version_disclosure",
        title=both("Versi perangkat lunak tidak ditampilkan", "Software versions are not shown"),
        reasons={"shown": both("Angka versi terlihat.", "A version number is visible.")},
    )
    certificate = entry(
        "certificate.validity_period",
        title=both("Sertifikat masih berlaku", "The certificate is valid now"),
        failed=both("Berakhir pada {not_after}.", "It ended at {not_after}."),
    )
    uptime = entry(
        "uptime.reachable",
        title=both("Layanan terjangkau", "The service is reachable"),
        reasons={
            "too_few_samples": both(
                "Hanya {total} percobaan yang dilakukan.", "Only {total} samples were taken."
            )
        },
    )
    cookies = entry(
        "cookie.secure",
        title=both("Kuki hanya dikirim melalui HTTPS", "Cookies are sent over HTTPS only"),
    )
    entries = (certificate, cookies, headers, databases, tls, uptime)
    return Catalogue(tuple(sorted(entries, key=lambda one: one.check.id)))


def control(
    number: str, *, strength: Strength = Strength.DIRECT, verified: bool = False
) -> Control:
    """A clause of the regulation in force."""
    return Control(
        id=f"bssn-4-2021:p27-{number}",
        regulation="bssn-4-2021",
        citation=both(f"Pasal 27 ({number})", f"Article 27 ({number})"),
        title=both(f"Uraian butir {number}", f"Paraphrase of item {number}"),
        confidence=Confidence.VERIFIED if verified else Confidence.SECONDARY,
        strength=strength,
    )


CONTROLS = (
    control("a8-a"),
    control("a8-c", verified=True),
    control("a13-e", strength=Strength.PARTIAL),
    control("a2-f"),
    control("a1-a", strength=Strength.NONE),
    control("a1-b", strength=Strength.NONE),
)
REVOKED_CONTROL = Control(
    id="panrb-59-2020:i22",
    regulation="panrb-59-2020",
    citation=both("Indikator 22", "Indicator 22"),
    title=both("Tingkat kematangan penerapan", "Maturity of practice"),
    confidence=Confidence.SECONDARY,
    strength=Strength.WEAK,
)
REGULATIONS = (
    Regulation(
        id="bssn-4-2021",
        title=both("Peraturan BSSN Nomor 4 Tahun 2021", "BSSN Regulation 4 of 2021"),
        short_title=both("Peraturan BSSN 4/2021", "BSSN Regulation 4/2021"),
        status="in_force",
        status_note=None,
        confidence=Confidence.VERIFIED,
        controls=CONTROLS,
    ),
    Regulation(
        id="panrb-59-2020",
        title=both("Peraturan Menteri PANRB Nomor 59 Tahun 2020", "PANRB Regulation 59 of 2020"),
        short_title=both("PermenPANRB 59/2020", "PANRB Regulation 59/2020"),
        status="revoked",
        status_note=both("Dicabut oleh PermenPANRB 8/2026.", "Repealed by Regulation 8/2026."),
        confidence=Confidence.SECONDARY,
        controls=(REVOKED_CONTROL,),
    ),
)
ASPECTS = (
    ("information-security", both("Manajemen keamanan informasi", "Information security")),
    ("audit-application", both("Audit TIK: aplikasi", "ICT audit: applications")),
    ("audit-infrastructure", both("Audit TIK: infrastruktur", "ICT audit: infrastructure")),
)
ENGAGEMENT = Engagement(
    letter="ST-012/ITDA/2026",
    issued_by="Inspektur Daerah",
    valid_from=datetime(2026, 10, 31, 17, tzinfo=UTC),
    valid_until=datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC),
    names=("*.babelprov.go.id",),
    networks=(ip_network("103.10.0.0/22"),),
    contact="csirt@babelprov.go.id",
)


def service(service_id: str, agency: str, **changes: Any) -> Service:
    """A service under a name of its own."""
    url = f"https://{service_id}.babelprov.go.id/"
    plain = Service(
        id=service_id,
        name=f"Layanan {service_id}",
        url=url,
        display_url=url.rstrip("/"),
        agency=agency,
    )
    return replace(plain, **changes)


def finding(
    of: Service,
    check: str,
    verdict: Verdict,
    *,
    severity: Severity = Severity.MEDIUM,
    reason: str | None = None,
    controls: Sequence[str] = ("bssn-4-2021:p27-a8-a",),
    facts: Mapping[str, Fact] | None = None,
    evidence: Sequence[str] = (EVIDENCE,),
) -> Finding:
    """One answer about a service."""
    return Finding(
        id=f"{of.agency}/{of.id}/{check}",
        agency=of.agency,
        service=of.id,
        url=of.url,
        requirement=check,
        check=check,
        verdict=verdict,
        reason=reason,
        severity=severity,
        controls=tuple(controls),
        facts=facts or {},
        evidence=tuple(evidence),
        observed_at=OBSERVED,
        attempts=2 if verdict is Verdict.FAIL else 1,
    )


def mixed_findings(of: Service) -> tuple[Finding, ...]:
    """Every verdict, worst first."""
    return (
        finding(
            of,
            "ports.database_exposed",
            Verdict.FAIL,
            severity=Severity.CRITICAL,
            controls=("bssn-4-2021:p27-a13-e",),
            facts={"ports": ({"port": 6379, "service": "redis"},), "address": "103.10.0.9"},
        ),
        finding(
            of,
            "tls.protocol_versions",
            Verdict.FAIL,
            severity=Severity.HIGH,
            controls=("bssn-4-2021:p27-a8-a", "bssn-4-2021:p27-a8-c", "panrb-59-2020:i22"),
            facts={"accepted": ("TLS 1.0", "TLS 1.1")},
            evidence=("cd" * 32, EVIDENCE),
        ),
        finding(
            of,
            "http.version_disclosure",
            Verdict.FAIL,
            severity=Severity.LOW,
            controls=(),
            facts={"shown": ("Server: nginx/1.18.0 (Ubuntu)",), "problem": "shown"},
        ),
        finding(of, "dns.government_domain", Verdict.FAIL, severity=Severity.INFO, controls=()),
        finding(
            of,
            "uptime.reachable",
            Verdict.UNKNOWN,
            severity=Severity.HIGH,
            reason="too_few_samples",
            facts={"total": 1},
        ),
        finding(of, "certificate.validity_period", Verdict.PASS, facts={"shown": 90}),
        finding(of, "cookie.secure", Verdict.NOT_APPLICABLE, reason="no_cookies"),
    )


def good_findings(of: Service) -> tuple[Finding, ...]:
    """Passes only."""
    return tuple(
        finding(of, check, Verdict.PASS, facts={"shown": "x-test", "versions": ("TLS 1.3",)})
        for check in ("tls.protocol_versions", "certificate.validity_period", "cookie.secure")
    )


def silent_findings(of: Service) -> tuple[Finding, ...]:
    """Nothing could be asked."""
    return tuple(
        finding(of, check, Verdict.UNKNOWN, severity=Severity.HIGH, reason="timeout")
        for check in ("tls.protocol_versions", "certificate.validity_period", "cookie.secure")
    )


def score_of(findings: Sequence[Finding]) -> Score:
    """The counts of some findings, observations left out."""
    counted = [one.verdict for one in findings if one.severity is not Severity.INFO]
    return Score(
        passed=counted.count(Verdict.PASS),
        failed=counted.count(Verdict.FAIL),
        unknown=counted.count(Verdict.UNKNOWN),
        not_applicable=counted.count(Verdict.NOT_APPLICABLE),
    )


def aspects_of(findings: Sequence[Finding]) -> tuple[AspectResult, ...]:
    """The aspects; the last one has nothing under it."""
    score = score_of(findings)
    scores = (score, score_of(findings[:2]), Score())
    return tuple(
        AspectResult(aspect_id, title, one)
        for (aspect_id, title), one in zip(ASPECTS, scores, strict=True)
    )


def controls_of(findings: Sequence[Finding]) -> tuple[ControlResult, ...]:
    """All controls with a status each; those that no finding touches are manual."""
    results = []
    for one in (*CONTROLS, REVOKED_CONTROL):
        touching = [finding for finding in findings if one.id in finding.controls]
        score = score_of(touching)
        requirements = tuple(dict.fromkeys(finding.requirement for finding in touching))
        results.append(ControlResult(one, status_of(score, bool(touching)), score, requirements))
    return tuple(results)


def status_of(score: Score, touched: bool) -> ControlStatus:  # noqa: FBT001 - a helper of this file
    """A status that fits a score, near enough for a page."""
    if not touched:
        return ControlStatus.MANUAL
    if score.failed:
        return ControlStatus.PARTLY_CONFORMING if score.passed else ControlStatus.NOT_CONFORMING
    if score.passed:
        return ControlStatus.CONFORMING
    return ControlStatus.NOT_TESTABLE if score.unknown else ControlStatus.NOT_APPLICABLE


def assess(
    agencies: Sequence[tuple[Agency, Mapping[str, Sequence[Finding]]]],
    *,
    engagement: Engagement | None = ENGAGEMENT,
    finished: bool = True,
) -> Assessment:
    """An assessment of agencies, each with the findings of its services by service id."""
    judged = tuple(_judged_agency(agency, findings) for agency, findings in agencies)
    everything = [
        finding for agency in judged for one in agency.services for finding in one.findings
    ]
    return Assessment(
        engagement=engagement,
        policy=PolicySummary(
            "spbe", both("Kebijakan SPBE bawaan", "Default SPBE policy"), "ef" * 32
        ),
        run=RunSummary(
            id="20261120T031530Z-7f3a",
            started=STARTED,
            finished=STARTED + timedelta(minutes=4) if finished else None,
            digest=RUN_DIGEST,
            tools={"spbe-audit": "0.1.0", "nmap": "7.93"},
            footprint={"services": 5, "addresses": 4, "attempts": 31, "connections": 1280},
            intensity="standard",
            families=("dns", "tls", "http", "ports", "uptime"),
        ),
        agencies=judged,
        regulations=REGULATIONS,
        score=score_of(everything),
        aspects=aspects_of(everything),
        controls=controls_of(everything),
    )


def _judged_agency(agency: Agency, findings: Mapping[str, Sequence[Finding]]) -> AgencyAssessment:
    services = tuple(
        ServiceAssessment(
            service=one,
            findings=tuple(findings[one.id]),
            score=score_of(findings[one.id]),
            aspects=aspects_of(findings[one.id]),
            controls=controls_of(findings[one.id]),
        )
        for one in agency.services
    )
    everything = [finding for one in services for finding in one.findings]
    return AgencyAssessment(
        agency=agency,
        services=services,
        score=score_of(everything),
        aspects=aspects_of(everything),
        controls=controls_of(everything),
    )


def ordinary(*, engagement: Engagement | None = ENGAGEMENT, finished: bool = True) -> Assessment:
    """Three agencies, five services: bad, silent, good, a second bad one, none judged."""
    first = [service(one, "diskominfo") for one in ("portal", "arsip", "ppid")]
    second = [service(one, "dinkes") for one in ("sehat", "antrean")]
    return assess(
        [
            (
                Agency("diskominfo", "Dinas Komunikasi dan Informatika", tuple(first)),
                {
                    "portal": mixed_findings(first[0]),
                    "arsip": silent_findings(first[1]),
                    "ppid": good_findings(first[2]),
                },
            ),
            (
                Agency("dinkes", "Dinas Kesehatan", tuple(second)),
                {"sehat": mixed_findings(second[0])[1:], "antrean": good_findings(second[1])},
            ),
            (Agency("bapenda", "Badan Pendapatan Daerah", ()), {}),
        ],
        engagement=engagement,
        finished=finished,
    )


def hostile(text: str = HOSTILE) -> Assessment:
    """Every text that can come from outside holds something evil."""
    long_header = "A" * 100_000
    evil = service(
        "../../etc/passwd",
        "con",
        name=text,
        url=f"https://evil.example/{text}",
        display_url=f"javascript:{text}",
        kind=text,
    )
    facts: dict[str, Fact] = {
        "shown": (
            text,
            long_header,
            {"name": text, text: (text,)},
            "=cmd|' /C calc'!A0",
        ),
        "ports": {"port": 6379, "service": text, "deep": ((((("x",),),),),)},
        "accepted": "=1+1",
        "server": text,
        "address": "127.0.0.1; rm -rf /",
        "not_after": "9999-12-31T23:59:59+00:00",
        "total": float("nan"),
    }
    findings = [replace(one, facts=facts) for one in mixed_findings(evil)]
    again = finding(evil, "cookie.secure", Verdict.FAIL, reason=text, facts={})
    findings.append(replace(again, requirement="cookie.secure_again"))
    findings.append(finding(evil, text, Verdict.UNKNOWN, reason=text, facts=facts))
    letter = replace(ENGAGEMENT, letter=text, issued_by="@SUM(1)", contact=text)
    agency = Agency("con", "=HYPERLINK(1)" + text, (evil,))
    return assess([(agency, {evil.id: findings})], engagement=letter)


def many(agencies: int, services_each: int) -> Assessment:
    """A large assessment in which every service has every verdict."""
    parts = []
    for number in range(agencies):
        agency_id = f"instansi-{number:04}"
        services = tuple(
            service(f"layanan-{number:04}-{index:04}", agency_id) for index in range(services_each)
        )
        parts.append(
            (
                Agency(agency_id, f"Dinas Nomor {number} Provinsi Kepulauan", services),
                {one.id: mixed_findings(one) for one in services},
            )
        )
    return assess(parts)
