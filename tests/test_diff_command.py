"""`spbe-audit diff`, and the report of what changed: on evidence files with real checks."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from spbe_audit.catalogue import load_catalogue
from spbe_audit.cli.commands import run as command_line
from spbe_audit.cli.diff_text import MOST_LINES
from spbe_audit.history import Historian, find_run
from spbe_audit.policy import load_policy
from spbe_audit.store import Store
from tests.report_pages import parsed, visible_text
from tests.stored_runs import Shown, add_run

STORE = Path("spbe-audit.db")
GOOD: Shown = {"ports": {"open": [80, 443]}, "http": {}}
OPEN_SSH: Shown = {"ports": {"open": [22, 80, 443]}, "http": {}}
NO_HSTS: Shown = {
    "ports": {"open": [80, 443]},
    "http": {"headers": {"Strict-Transport-Security": None}},
}
SILENT: Shown = {"ports": None, "http": None}

POLICY = """\
id: own
title: {id: Kebijakan sendiri, en: A policy of our own}
extends: spbe
"""


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def weeks(*shown: Shown, **settings: Any) -> None:
    """A file in which the portal showed something else each week."""
    with Store.open(STORE) as store:
        for week, one in enumerate(shown):
            add_run(store, week, {"portal": one}, **settings)


def diff(*arguments: str) -> int:
    return command_line(["diff", *arguments])


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    diff("--format", "json", *arguments)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def told(document: dict[str, Any]) -> list[tuple[str, str, str, str | None]]:
    return [
        (one["state"], one["check"], one["subject"], one["cause"]) for one in document["changes"]
    ]


# --- what it says


@pytest.mark.parametrize(
    ("shown", "options", "code"),
    [
        ([GOOD, GOOD], [], 0),
        ([GOOD, OPEN_SSH], [], 1),
        ([GOOD, OPEN_SSH], ["--fail-on", "high"], 0),
        ([OPEN_SSH, OPEN_SSH], [], 0),
        ([OPEN_SSH, GOOD], [], 0),
        ([OPEN_SSH, SILENT], [], 3),
        ([GOOD, SILENT], [], 0),
        ([OPEN_SSH, GOOD, OPEN_SSH], [], 1),
    ],
)
def test_the_exit_code(shown: list[Shown], options: list[str], code: int) -> None:
    weeks(*shown)
    assert diff(*options) == code


def test_what_changed_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    weeks(OPEN_SSH, NO_HSTS)
    assert diff() == 1
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert "20260112T010000Z-000001" in lines[0]
    assert "  new                  1  1 medium" in lines
    assert "  resolved             1  1 medium" in lines
    assert (
        "  medium   HTTP Strict Transport Security is on [http.hsts]: portal; the service changed"
        in lines
    )
    assert "[ports.unexpected_open]: portal (22); the service changed" in text


def test_and_in_indonesian(capsys: pytest.CaptureFixture[str]) -> None:
    weeks(OPEN_SSH, SILENT)
    assert diff("--language", "id") == 3
    text = capsys.readouterr().out
    assert "tidak dapat diuji ulang" in text
    assert "sedang   Hanya port yang dinyatakan yang terbuka" in text
    assert "layanan berubah" in text


def test_json_holds_everything(capsys: pytest.CaptureFixture[str]) -> None:
    weeks(OPEN_SSH, OPEN_SSH, NO_HSTS)
    document = as_json(capsys)
    assert document["schema_version"] == "1.0"
    assert document["before"]["id"].endswith("000001")
    assert (document["counts"]["new"], document["counts"]["resolved"]) == (1, 1)
    assert told(document) == [
        ("new", "http.hsts", "", "system"),
        ("resolved", "ports.unexpected_open", "22", "system"),
    ]
    (resolved,) = (one for one in document["changes"] if one["state"] == "resolved")
    assert resolved["first_seen"]["id"].endswith("000000")
    assert (resolved["age_days"], resolved["severity"]) == (14, "medium")
    with Store.open_existing(STORE) as store:
        portal = store.run().agencies[0].services[0]
        attempts = store.run().evidence_of(portal).attempts
    assert resolved["evidence"] in {one.digest for many in attempts.values() for one in many}


def test_a_run_with_hundreds_of_changes_stays_readable(capsys: pytest.CaptureFixture[str]) -> None:
    bare = {"headers": None, "cookies": ["sid=a", "token=b"], "status": 200}
    loud: Shown = {"ports": {"open": [1, 2, 3, 22, 23, 3306, 8081]}, "http": bare}
    with Store.open(STORE) as store:
        for week, one in enumerate((GOOD, loud)):
            add_run(store, week, {f"layanan-{number}": one for number in range(30)}, families=())
    assert diff() == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= MOST_LINES
    assert any("and 26 more" in line for line in lines)


# --- which runs


def test_runs_are_named_by_a_part_of_their_id(capsys: pytest.CaptureFixture[str]) -> None:
    weeks(GOOD, OPEN_SSH, GOOD)
    assert as_json(capsys, "20260105", "20260119")["before"]["id"].endswith("000000")
    assert as_json(capsys, "000002", "000000")["after"]["id"].endswith("000002")
    assert as_json(capsys, "000000")["after"]["id"].endswith("000002")
    assert as_json(capsys, "000002")["before"]["id"].endswith("000001")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["2026"], "3 runs begin or end with 2026"),
        (["1999"], "no run 1999"),
        (["000000", "000000"], "is named twice"),
        (["000003", "000000"], "is not finished"),
        (["000000", "000001", "000002"], "two runs at most"),
    ],
)
def test_what_cannot_be_compared(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    weeks(GOOD, GOOD)
    with Store.open(STORE) as store:
        if arguments != ["2026"]:
            add_run(store, 3, {"portal": GOOD}, finished=False)
        else:
            add_run(store, 2, {"portal": GOOD})
    assert diff(*arguments) == 2
    assert problem in capsys.readouterr().err


def test_there_must_be_two_finished_runs(capsys: pytest.CaptureFixture[str]) -> None:
    weeks(GOOD)
    with Store.open(STORE) as store:
        add_run(store, 1, {"portal": GOOD}, finished=False)
    assert diff() == 2
    assert "not two finished runs yet" in capsys.readouterr().err


def test_a_run_that_was_cut_short_is_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(STORE) as store:
        add_run(store, 0, {"portal": OPEN_SSH})
        add_run(store, 1, {"portal": SILENT}, finished=False)
        add_run(store, 2, {"portal": OPEN_SSH})
    document = as_json(capsys)
    assert document["before"]["id"].endswith("000000")
    assert {one["state"] for one in document["changes"]} == {"persisting"}


# --- the system or the rule


def test_a_stricter_policy_is_no_change_of_the_system(
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy = Path("own.yaml")
    policy.write_text(POLICY + "remove: [http.hsts]\n")
    weeks(NO_HSTS, NO_HSTS, policy=str(policy))
    lenient = as_json(capsys)
    assert (lenient["rules_changed"], lenient["changes"]) == ([], [])
    policy.write_text(POLICY)
    both = {**NO_HSTS, "ports": OPEN_SSH["ports"]}
    with Store.open(STORE) as store:
        add_run(store, 2, {"portal": both}, policy=str(policy))
    strict = as_json(capsys)
    assert strict["rules_changed"] == ["policy"]
    assert told(strict) == [
        ("new", "http.hsts", "", "rule"),
        ("new", "ports.unexpected_open", "22", "system"),
    ]
    with Store.open(STORE) as store:
        add_run(store, 3, {"portal": both}, policy=str(policy))
    later = as_json(capsys)
    assert later["rules_changed"] == []
    assert {one[0] for one in told(later)} == {"persisting"}


def test_checks_that_changed_are_judged_on_the_old_evidence_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weeks(GOOD, OPEN_SSH)
    _judge_now()
    monkeypatch.setattr("spbe_audit.checks_digest.VERSION", "99.0")
    document = as_json(capsys)
    assert document["rules_changed"] == ["checks"]
    assert told(document) == [("new", "ports.unexpected_open", "22", "system")]
    for week in (2, 3):
        with Store.open(STORE) as store:
            add_run(store, week, {"portal": OPEN_SSH})
        rules = as_json(capsys)["rules_changed"]
    assert rules == []


def _judge_now(policy: str = "spbe") -> None:
    """Judge every run, as the scans of their weeks did."""
    catalogue = load_catalogue()
    with Store.open(STORE) as store:
        historian = Historian(store, load_policy(policy, catalogue=catalogue), catalogue)
        historian.over_time(store.run())


def test_what_was_judged_stands(capsys: pytest.CaptureFixture[str]) -> None:
    weeks(OPEN_SSH, GOOD)
    first = as_json(capsys)
    with Store.open(STORE) as store:
        add_run(store, 2, {"portal": OPEN_SSH})
    again = as_json(capsys, "000000", "000001")
    assert again == first


def test_judgements_are_made_again_where_they_are_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    weeks(OPEN_SSH, GOOD, OPEN_SSH)
    first = as_json(capsys)
    for damage in ("DELETE FROM judgement", "UPDATE judgement SET body = x'00'"):
        connection = sqlite3.connect(STORE)
        connection.execute(damage)
        connection.commit()
        connection.close()
        assert as_json(capsys) == first
    with Store.open_existing(STORE) as store:
        assert store.verify() == ()


def test_earlier_runs_are_judged_once(capsys: pytest.CaptureFixture[str]) -> None:
    weeks(OPEN_SSH, GOOD)
    diff()
    assert capsys.readouterr().err.count("Judging the earlier run") == 2
    diff()
    assert capsys.readouterr().err == ""


def test_a_judgement_of_fewer_records_does_not_count() -> None:
    weeks(GOOD, OPEN_SSH)
    _judge_now()
    connection = sqlite3.connect(STORE)
    connection.execute("UPDATE judgement SET run_digest = 'other'")
    connection.commit()
    connection.close()
    with Store.open_existing(STORE) as store:
        assert store.judgement(store.runs()[0].id, "spbe") is None


def test_a_file_that_takes_no_judgement_can_be_compared() -> None:
    weeks(GOOD, OPEN_SSH)
    connection = sqlite3.connect(STORE)
    refuse = "BEGIN SELECT RAISE(FAIL, 'no'); END"
    connection.execute(f"CREATE TRIGGER full BEFORE INSERT ON judgement {refuse}")
    connection.commit()
    connection.close()
    assert diff() == 1
    assert diff() == 1


# --- in the report


def _page(name: str = "changes.html") -> str:
    return visible_text(parsed(Path("report") / name))


def _report(*arguments: str) -> int:
    return command_line(["report", "--output", "report", "--quiet", *arguments])


def test_the_page_of_changes(capsys: pytest.CaptureFixture[str]) -> None:
    weeks(OPEN_SSH, GOOD, NO_HSTS)
    assert _report("--language", "id") == 0
    assert capsys.readouterr().err == ""
    text = _page()
    assert "Perubahan sejak pemindaian lalu" in text
    assert "HTTP Strict Transport Security aktif" in text
    assert "layanan berubah" in text
    assert "Kecenderungan" in text
    assert "Sejak 12 Januari 2026: 1 temuan baru" in _page("index.html")
    page = parsed(Path("report/changes.html"))
    charts = [one for one in page.iter() if str(one.tag).endswith("}svg")]
    assert all(one.get("role") == "img" and one.get("aria-label") for one in charts)
    assert len(charts) == 3 + 2 * 4 + 2
    audit = json.loads(Path("report/audit.json").read_text())
    assert audit["comparison"]["counts"]["new"] == 1
    assert [one["check"] for one in audit["changes"]] == ["http.hsts"]


def test_the_run_to_compare_with_can_be_chosen() -> None:
    weeks(OPEN_SSH, GOOD, NO_HSTS)
    assert _report("--compare", "000000") == 0
    audit = json.loads(Path("report/audit.json").read_text())
    assert audit["comparison"]["before"]["id"].endswith("000000")
    assert audit["comparison"]["counts"]["resolved"] == 1


def test_a_comparison_can_be_left_out() -> None:
    weeks(OPEN_SSH, GOOD)
    assert _report("--compare", "none") == 0
    assert not Path("report/changes.html").exists()
    audit = json.loads(Path("report/audit.json").read_text())
    assert (audit["comparison"], audit["changes"]) == (None, [])


def test_the_first_run_has_nothing_to_compare_with() -> None:
    weeks(GOOD)
    assert _report() == 0
    assert not Path("report/changes.html").exists()


@pytest.mark.parametrize("wanted", ["1999", "000001"])
def test_only_an_earlier_run_can_be_compared_with(
    wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    weeks(GOOD, GOOD)
    assert _report("--compare", wanted) == 2
    assert "run" in capsys.readouterr().err


def test_the_same_run_gives_the_same_bytes_later() -> None:
    weeks(OPEN_SSH, GOOD)
    run_id = "20260112T010000Z-000001"
    _report("--run", run_id)
    first = Path("report/changes.html").read_bytes()
    with Store.open(STORE) as store:
        add_run(store, 2, {"portal": NO_HSTS})
    _report("--run", run_id)
    assert Path("report/changes.html").read_bytes() == first


def test_a_run_is_found_by_its_whole_id_first() -> None:
    weeks(GOOD, GOOD)
    with Store.open_existing(STORE) as store:
        assert find_run(store, store.runs()[1].id) == store.runs()[1]
