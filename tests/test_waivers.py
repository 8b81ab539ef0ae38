"""Waivers: read with every mistake told, applied to the day, counted beside and never instead."""

from __future__ import annotations

import csv
import json
import re
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl
import pytest

from spbe_audit.bilingual import Bilingual
from spbe_audit.check import Verdict
from spbe_audit.cli.commands import run
from spbe_audit.cli.exit_codes import ExitCode, exit_code_of
from spbe_audit.errors import WaiverError
from spbe_audit.finding import Assessment, Finding, Waiver, WaiverState
from spbe_audit.initialise import write_starter_files
from spbe_audit.policy import Aspect, Policy, load_policy
from spbe_audit.severity import Severity
from spbe_audit.waiver_file import latest_expiry, load_waivers
from spbe_audit.waivers import apply_waivers, is_waived
from tests.assessments import BROKEN, HOSTILE, hostile, ordinary
from tests.report_pages import pages_of, parsed, visible_text, written

CHECKS = ("tls.protocol_versions", "tls.offered", "cookie.secure", "ports.database_exposed")
POLICY = Policy(
    id="any", title=Bilingual("Mana pun", "Any"), requirements=(), aspects=(), regulations=()
)
TODAY = date(2026, 11, 20)
ONE = """\
waivers:
  - service: perizinan
    check: cookie.secure
    subject: JSESSIONID
    reason: >-
      Aplikasi lama belum dapat
      diubah.
    compensating_control: Hanya melalui VPN.
    owner: Kepala Bidang
    approver: Kepala Dinas
    reference: ND-045/2026
    granted: 2026-11-02
    expires: 2027-05-01
"""


def waiver(number: int = 1, **changes: object) -> Waiver:
    """A waiver that is in force today for all of TLS at the portal."""
    plain = Waiver(
        number=number,
        service="portal",
        check="tls.*",
        reason="Perangkat lama diganti pada bulan Maret.",
        compensating_control="Hanya melalui VPN.",
        owner="Kepala Bidang",
        approver="Kepala Dinas",
        reference=f"ND-{number}/2026",
        granted=date(2026, 11, 1),
        expires=date(2027, 3, 31),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # the tests name fields as they are


def applied(
    *waivers: Waiver,
    on: date = TODAY,
    subjects: Callable[[Finding], tuple[str, ...]] = lambda _: ("",),
    assessment: Assessment | None = None,
) -> Assessment:
    """The ordinary assessment with waivers."""
    whole = assessment or ordinary()
    return apply_waivers(whole, waivers, on=on, policy=POLICY, subjects=subjects)


def the(assessment: Assessment, service: str, check: str) -> Finding:
    """The finding about a service by a check."""
    (found,) = (one for one in assessment.findings if (one.service, one.check) == (service, check))
    return found


# --- the file


def load(tmp_path: Path, text: str) -> tuple[Waiver, ...]:
    path = tmp_path / "waivers.yaml"
    path.write_text(text, encoding="utf-8")
    return load_waivers(path, checks=CHECKS)


def test_a_waiver_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, ONE) == (
        Waiver(
            number=1,
            service="perizinan",
            check="cookie.secure",
            subject="JSESSIONID",
            reason="Aplikasi lama belum dapat diubah.",
            compensating_control="Hanya melalui VPN.",
            owner="Kepala Bidang",
            approver="Kepala Dinas",
            reference="ND-045/2026",
            granted=date(2026, 11, 2),
            expires=date(2027, 5, 1),
        ),
    )


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    same = "reason: R, compensating_control: C, owner: O, approver: A, reference: D"
    text = f"""\
waivers:
  - {{service: a, check: tls.protocol_version, {same}, granted: 2026-11-01, expires: 2027-01-01}}
  - {{service: a, check: "tsl.*", {same}, granted: 2026-11-01, expires: 2027-01-01}}
  - {{service: a, check: "*", {same}, granted: 2026-11-01, expires: 2027-01-01}}
  - {{service: a, check: tls.offered, {same}, granted: 2026-11-01, expires: 2027-11-02}}
  - {{service: b, check: tls.offered, {same}, granted: 2026-11-01, expires: 2026-10-31}}
  - {{service: c, check: tls.offered, {same}, granted: kemarin, expires: 2026-10-31}}
  - {{service: d, check: tls.offered, {same}, granted: 2026-11-01}}
  - {{service: e, check: tls.offered, {same}, granted: 2026-11-01, expires: 2027-01-01, aprover: X}}
  - {{service: "", check: tls.offered, {same}, granted: 2026-11-01, expires: 2027-01-01}}
  - {{service: e, check: tls.offered, {same}, granted: 2026-11-01, expires: 2026-12-01}}
"""
    with pytest.raises(WaiverError) as caught:
        load(tmp_path, text)
    mistakes = caught.value.mistakes
    assert [(one.line, one.problem, one.suggestion) for one in mistakes] == [
        (2, "no check has this id", '"tls.protocol_versions"'),
        (3, "no check matches this pattern", '"tls.*"'),
        (4, "a waiver of every check would hide what nobody has thought of", ""),
        (5, "a waiver holds for one year at most", ""),
        (6, "it ends before it is granted", ""),
        (7, 'wrong value for "granted"', ""),
        (8, 'the key "expires" is missing', ""),
        (9, 'unknown key "aprover"', '"approver"'),
        (10, "the text is empty", ""),
        (11, "this is waived twice from the same day on", ""),
    ]
    assert all(one.column > 1 for one in mistakes)
    assert mistakes[3].expected == "a date from 2026-11-01 to 2027-11-01"


@pytest.mark.parametrize(
    ("granted", "last"),
    [
        (date(2026, 11, 1), date(2027, 11, 1)),
        (date(2028, 2, 29), date(2029, 2, 28)),
        (date(2027, 2, 28), date(2028, 2, 28)),
    ],
)
def test_a_year_is_the_longest_term(granted: date, last: date, tmp_path: Path) -> None:
    assert latest_expiry(granted) == last
    fits = ONE.replace("2026-11-02", str(granted)).replace("2027-05-01", str(last))
    assert load(tmp_path, fits)[0].expires == last
    late = fits.replace(f"expires: {last}", f"expires: {last + timedelta(days=1)}")
    with pytest.raises(WaiverError, match="one year at most"):
        load(tmp_path, late)


def test_the_starter_file_is_valid_empty_and_filled_in(tmp_path: Path) -> None:
    write_starter_files(tmp_path)
    path = tmp_path / "waivers.yaml"
    assert load_waivers(path, checks=CHECKS) == ()
    before, after = path.read_text(encoding="utf-8").split("waivers: []")
    path.write_text(before + "waivers:" + after.replace("\n#  ", "\n  "), encoding="utf-8")
    (one,) = load_waivers(path, checks=CHECKS)
    assert (one.service, one.subject) == ("perizinan", "JSESSIONID")


# --- what a waiver covers


def test_a_fail_is_marked_and_counted_beside_and_nothing_is_hidden() -> None:
    before = ordinary()
    after = applied(waiver())
    finding = the(after, "portal", "tls.protocol_versions")
    assert finding.verdict is Verdict.FAIL
    assert [one.reference for one in finding.waivers] == ["ND-1/2026"]
    assert [one.id for one in after.findings] == [one.id for one in before.findings]
    assert replace(after.score, waived=0) == before.score
    portal = next(one for one in after.services if one.service.id == "portal")
    assert [after.score.waived, after.agencies[0].score.waived, portal.score.waived] == [1, 1, 1]
    assert after.agencies[1].score.waived == 0
    assert before.score.compliance == after.score.compliance
    assert after.score.compliance_after_waivers == 8 / (8 + 5 - 1)
    touched = {one.control.id: one.score.waived for one in after.controls}
    assert [key for key, n in touched.items() if n] == list(finding.controls)
    assert [one.status for one in after.controls] == [one.status for one in before.controls]


def test_aspects_count_it_too() -> None:
    aspect = Aspect("information-security", Bilingual("A", "A"), ("tls",), (), ())
    spbe = load_policy("spbe")
    policy = replace(spbe, aspects=(aspect,))
    requirement = next(one for one in spbe.requirements if one.check == "tls.protocol_versions")
    whole = ordinary()
    named = [
        replace(
            agency,
            services=tuple(
                replace(
                    service,
                    findings=tuple(
                        replace(one, requirement=requirement.id)
                        if one.check == requirement.check
                        else one
                        for one in service.findings
                    ),
                )
                for service in agency.services
            ),
        )
        for agency in whole.agencies
    ]
    whole = replace(whole, agencies=tuple(named))
    after = apply_waivers(whole, [waiver(service="*")], on=TODAY, policy=policy)
    assert [one.score.waived for one in after.aspects] == [2, 0, 0]


def test_an_observation_is_marked_and_counted_nowhere() -> None:
    after = applied(waiver(check="dns.government_domain"))
    assert the(after, "portal", "dns.government_domain").waived
    assert after.score.waived == 0


def test_only_a_fail_is_waived() -> None:
    """What could not be judged is no risk that anybody knows of."""
    after = applied(waiver(check="uptime.*"), waiver(2, check="certificate.*"))
    assert not any(one.waived for one in after.findings)
    assert [(use.state, use.why) for use in after.waivers] == [
        (WaiverState.UNUSED, "not_failing"),
        (WaiverState.UNUSED, "not_failing"),
    ]


@pytest.mark.parametrize(
    ("day", "state", "waived"),
    [
        (date(2026, 10, 31), WaiverState.NOT_YET, False),
        (date(2026, 11, 1), WaiverState.IN_FORCE, True),
        (date(2027, 3, 31), WaiverState.IN_FORCE, True),
        (date(2027, 4, 1), WaiverState.EXPIRED, False),
    ],
)
def test_it_holds_from_its_first_day_to_its_last(
    day: date, state: WaiverState, *, waived: bool
) -> None:
    after = applied(waiver(), on=day)
    assert [use.state for use in after.waivers] == [state]
    assert the(after, "portal", "tls.protocol_versions").waived is waived
    assert is_waived([waiver()], service="portal", check="tls.offered", on=day) is waived


@pytest.mark.parametrize(
    ("changes", "why", "meant"),
    [
        ({"service": "portall"}, "no_service", "portal"),
        ({"service": "porta?l"}, "no_service", ""),
        ({"check": "dns.dnssec"}, "not_asked", ""),
        ({"service": "ppid"}, "not_failing", ""),
        ({"subject": "443"}, "no_subject", ""),
    ],
)
def test_one_that_matches_nothing_says_why(changes: dict[str, Any], why: str, meant: str) -> None:
    (use,) = applied(waiver(**changes)).waivers
    assert (use.state, use.why, use.meant) == (WaiverState.UNUSED, why, meant)


def test_in_a_retest_a_service_that_is_missing_was_not_asked() -> None:
    whole = ordinary()
    again = replace(whole, run=replace(whole.run, retest_of="earlier"))
    (use,) = applied(waiver(service="elsewhere"), assessment=again).waivers
    assert use.why == "not_asked"


def test_what_has_expired_comes_first_and_its_finding_is_active() -> None:
    after = applied(
        waiver(1, check="ports.*"),
        waiver(2, service="nobody"),
        waiver(3, expires=date(2026, 11, 19)),
    )
    assert [(use.waiver.number, use.state) for use in after.waivers] == [
        (3, WaiverState.EXPIRED),
        (1, WaiverState.IN_FORCE),
        (2, WaiverState.UNUSED),
    ]
    assert after.waivers[0].findings == ("diskominfo/portal/tls.protocol_versions",)
    assert not the(after, "portal", "tls.protocol_versions").waived


def test_an_expired_one_that_was_renewed_or_is_over_is_no_alarm() -> None:
    old = waiver(1, expires=date(2026, 11, 19))
    after = applied(old, waiver(2))
    assert [(use.state, use.why) for use in after.waivers] == [
        (WaiverState.IN_FORCE, ""),
        (WaiverState.UNUSED, "replaced"),
    ]
    (use,) = applied(replace(old, service="ppid")).waivers
    assert (use.state, use.why) == (WaiverState.UNUSED, "not_failing")


# --- parts of a finding


def ports(finding: Finding) -> tuple[str, ...]:
    """A finding about ports is about two of them."""
    return ("6379", "5432") if finding.check.startswith("ports") else ("",)


def test_a_part_that_is_waived_leaves_the_finding_active() -> None:
    after = applied(waiver(check="ports.database_exposed", subject="6379"), subjects=ports)
    finding = the(after, "portal", "ports.database_exposed")
    assert not finding.waived
    (use,) = after.waivers
    assert (use.state, use.findings) == (WaiverState.IN_FORCE, ())
    assert use.partly == {finding.id: ("6379",)}
    assert after.score.waived == 0


def test_parts_that_are_all_waived_together_waive_the_finding() -> None:
    after = applied(
        waiver(1, check="ports.*", subject="6379"),
        waiver(2, check="ports.*", subject="5*"),
        subjects=ports,
    )
    finding = the(after, "portal", "ports.database_exposed")
    assert [one.number for one in finding.waivers] == [1, 2]
    assert all(use.findings == (finding.id,) for use in after.waivers)


@pytest.mark.parametrize("subject", ["", "*"])
def test_without_a_part_all_of_it_is_meant(subject: str) -> None:
    after = applied(waiver(check="ports.*", subject=subject), subjects=ports)
    assert the(after, "portal", "ports.database_exposed").waived


def test_a_new_part_makes_a_waived_finding_active_again() -> None:
    one = waiver(check="ports.*", subject="6379")
    assert applied(one, subjects=lambda _: ("6379",)).score.waived == 1
    assert applied(one, subjects=lambda _: ("6379", "22")).score.waived == 0


# --- exit codes


def portal_only(assessment: Assessment) -> Assessment:
    """One agency with the portal, and no answer that is unknown."""
    agency = assessment.agencies[0]
    portal = agency.services[0]
    known = tuple(one for one in portal.findings if one.verdict is not Verdict.UNKNOWN)
    agency = replace(agency, services=(replace(portal, findings=known),))
    return replace(assessment, agencies=(agency,))


def test_what_is_waived_decides_no_exit_code() -> None:
    whole = portal_only(ordinary())
    assert exit_code_of(whole, Severity.HIGH) is ExitCode.FINDINGS
    after = applied(waiver(), waiver(2, check="ports.*"), assessment=whole)
    assert exit_code_of(after, Severity.HIGH) is ExitCode.GOOD
    assert exit_code_of(after, Severity.LOW) is ExitCode.FINDINGS


def test_an_expired_waiver_fails_however_slight_its_finding() -> None:
    whole = portal_only(ordinary())
    slight = waiver(check="http.version_disclosure", expires=date(2026, 11, 19))
    others = (waiver(2), waiver(3, check="ports.*"))
    assert exit_code_of(applied(*others, assessment=whole), Severity.CRITICAL) is ExitCode.GOOD
    after = applied(slight, *others, assessment=whole)
    assert exit_code_of(after, Severity.CRITICAL) is ExitCode.FINDINGS
    over = applied(replace(slight, service="ppid"), *others, assessment=whole)
    assert exit_code_of(over, Severity.CRITICAL) is ExitCode.GOOD


# --- reports


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which something is waived, has expired and is unused."""
    after = applied(
        waiver(1, check="http.*", expires=date(2026, 11, 19)),
        waiver(2),
        waiver(3, service="nobody"),
    )
    formats = ["html", "json", "jsonl", "csv", "sarif", "junit", "oscal", "xlsx"]
    return written(tmp_path_factory.mktemp("waived"), after, formats=formats)


def test_the_first_page_begins_with_what_has_expired(folder: Path) -> None:
    text = visible_text(parsed(folder / "index.html"))
    assert text.index("1 pengecualian sudah berakhir") < text.index("Ringkasan eksekutif")
    assert "1 temuan dikecualikan" in text
    assert "Kesesuaian setelah pengecualian: 67%" in text


def test_every_page_is_valid_and_the_waivers_have_their_own(folder: Path) -> None:
    for page in pages_of(folder):
        parsed(page)
    text = visible_text(parsed(folder / "waivers.html"))
    states = re.findall(
        "sudah berakhir, temuan aktif kembali|(?<!tidak )berlaku portal|tidak terpakai", text
    )
    assert len(states) >= 2
    assert states[0].startswith("sudah berakhir")
    for word in ("ND-2/2026", "Kepala Dinas", "Hanya melalui VPN.", "31 Maret 2027"):
        assert word in text
    assert "Tidak ada layanan dengan id ini." in text


def test_a_waived_finding_stays_on_the_page_of_its_service(folder: Path) -> None:
    text = visible_text(parsed(folder / "service" / "diskominfo-portal.html"))
    assert "Versi protokol TLS usang ditolak" in text
    assert "Dikecualikan sampai dengan 31 Maret 2027 (ND-2/2026): Perangkat lama" in text
    assert "Kesesuaian setelah pengecualian: 33%" in text


def test_without_waivers_no_page_speaks_of_them(tmp_path: Path) -> None:
    report = written(tmp_path, ordinary(), formats=["xlsx"])
    assert not (report / "waivers.html").exists()
    for page in pages_of(report):
        assert "engecualian" not in visible_text(parsed(page))
    assert "Pengecualian" not in openpyxl.load_workbook(report / "audit.xlsx").sheetnames


def test_audit_json_has_them_with_their_state(folder: Path) -> None:
    document = json.loads((folder / "audit.json").read_text())
    assert [one["state"] for one in document["waivers"]] == ["expired", "in_force", "unused"]
    assert document["score"]["waived"] == 1
    assert document["score"]["compliance_after_waivers"] > document["score"]["compliance"]
    waived = [one for one in document["findings"] if one["waivers"]]
    assert [(one["verdict"], one["waivers"]) for one in waived] == [("fail", [2])]
    assert [one["id"] for one in waived] == document["waivers"][1]["findings"]


def test_the_other_formats_show_it_as_each_can(folder: Path) -> None:
    with (folder / "findings.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [*csv.DictReader(file)]
    waived = [row for row in rows if row["waived_until"]]
    assert [(row["waived_until"], row["verdict"]) for row in waived] == [("2027-03-31", "fail")]
    results = json.loads((folder / "audit.sarif").read_text())["runs"][0]["results"]
    (suppressed,) = (one for one in results if "suppressions" in one)
    assert suppressed["suppressions"][0]["status"] == "accepted"
    assert suppressed["suppressions"][0]["properties"]["expires"] == "2027-03-31"
    oscal = json.loads((folder / "oscal.json").read_text())["assessment-results"]["results"]
    risks = [risk for result in oscal for risk in result.get("risks", [])]
    approved = [risk for risk in risks if risk["status"] == "deviation-approved"]
    assert len(approved) == 1 < len(risks)
    assert approved[0]["mitigating-factors"][0]["description"] == "Hanya melalui VPN."
    skipped = [
        case.find("skipped")
        for case in ET.parse(folder / "junit.xml").iter("testcase")  # noqa: S314 - our own file
        if case.get("name") == "tls.protocol_versions" and case.find("skipped") is not None
    ]
    assert len(skipped) == 1
    assert skipped[0] is not None
    assert "Dikecualikan sampai dengan 31 Maret 2027" in skipped[0].get("message", "")


def test_the_workbook_has_a_sheet_of_them(folder: Path) -> None:
    book = openpyxl.load_workbook(folder / "audit.xlsx")
    header, *rows = book["Pengecualian"].iter_rows(values_only=True)
    assert [row[0] for row in rows] == [
        "sudah berakhir, temuan aktif kembali",
        "berlaku",
        "tidak terpakai",
    ]
    assert "Kontrol pengganti" in header
    column = next(cell.column for cell in book["Daftar Temuan"][1] if cell.value == "Pengecualian")
    notes = [row[column - 1] for row in book["Daftar Temuan"].iter_rows(2, values_only=True)]
    assert len([note for note in notes if note]) == 1


@pytest.mark.parametrize("text", [HOSTILE, BROKEN], ids=["hostile", "broken"])
def test_words_of_a_waiver_harm_no_report(text: str, tmp_path: Path) -> None:
    evil = waiver(service="*", reason=text, compensating_control=text, owner=text, approver=text)
    after = applied(replace(evil, reference=text), assessment=hostile())
    formats = ["html", "json", "csv", "sarif", "junit", "oscal", "xlsx"]
    folder = written(tmp_path, after, formats=formats)
    for page in pages_of(folder):
        assert "<img" not in page.read_text(encoding="utf-8")
        parsed(page)


# --- the command line


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A URL where nothing listens; the present folder is empty."""
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}/"


def test_a_broken_file_stops_the_run_before_the_first_packet(
    refused: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("waivers.yaml").write_text(ONE.replace("cookie.secure", "cookie.secur"))
    Path("targets.txt").write_text(refused)
    assert run(["scan", "targets.txt"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("waivers.yaml:3:12: no check has this id")
    assert 'did you mean "cookie.secure"?' in shown
    assert not Path("spbe-audit.db").exists()


def test_one_that_matches_nothing_is_told_on_stderr_unless_quiet(
    refused: str, capsys: pytest.CaptureFixture[str]
) -> None:
    today = datetime.now(UTC).date()
    text = ONE.replace("2026-11-02", str(today - timedelta(days=9)))
    Path("mine.yaml").write_text(text.replace("2027-05-01", str(today + timedelta(days=9))))
    arguments = [refused, "--only", "cookie", "--waivers", "mine.yaml", "--output", "out"]
    assert run(["scan", *arguments]) == 3
    shown = capsys.readouterr().err
    assert (
        "Unused waiver 1 (ND-045/2026; perizinan, cookie.secure, JSESSIONID): no service" in shown
    )
    run(["scan", *arguments, "--quiet"])
    assert "waiver" not in capsys.readouterr().err
