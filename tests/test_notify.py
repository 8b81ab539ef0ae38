"""News and nothing else: the nightly run, its messages, and what they must never do."""

from __future__ import annotations

import socket
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pytest

from spbe_audit.cli import telling
from spbe_audit.cli.commands import run as command_line
from spbe_audit.cli.exit_codes import ExitCode, exit_code_of_news
from spbe_audit.delivery import Target, Undelivered, deliver, holds_secret, read_targets
from spbe_audit.errors import NotificationError
from spbe_audit.finding import Waiver, WaiverState, WaiverUse
from spbe_audit.judgement import Judgement, Question
from spbe_audit.messages import MOST_ITEMS, Message, inert, messages_of
from spbe_audit.news import Item, Kind, News, Silence, news_of
from spbe_audit.over_time import Comparison, RunMark
from spbe_audit.report.finding_view import narrator_for
from spbe_audit.report.labels import load_labels
from spbe_audit.severity import Severity
from tests.assessments import HOSTILE, catalogue, hostile, ordinary
from tests.judgements import answers, judged
from tests.servers.inboxes import Site, mail_server, web_hook, web_site

SECRET = "s3cr3t/pass@word"  # noqa: S105 - of nobody
ONE = Message("dinas", "spbe-audit: Dinas: 1", "isi")
QUICK = (0.05, 0.05)
SINCE = RunMark("run-00", datetime(2026, 11, 19, 1, tzinfo=UTC))


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("SPBE_AUDIT_NOTIFY", raising=False)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return int(closed.getsockname()[1])


def nightly(site: Site, *arguments: str) -> int:
    common = ["--only", "http", "--output", "out", "--format", "json", "--language", "id,en"]
    return command_line(["scan", site.url, *common, "--only-changes", "--quiet", *arguments])


def test_one_critical_finding_sends_one_message_to_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "deliver", partial(deliver, pauses=QUICK))
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    with web_site() as site, mail_server() as mail, web_hook() as hook:
        targets = [
            f"json://127.0.0.1:{hook.port}/",
            f"mailto://127.0.0.1:{mail.port}?from=audit@a.example&to=csirt@a.example",
            f"json://user:${{HOOK_SECRET}}@127.0.0.1:{closed_port()}/",
        ]
        notify = [word for target in targets for word in ("--notify", target)]
        assert nightly(site, "--fail-on", "critical") == 0
        assert "which is the first" in capsys.readouterr().out

        site.texts["/.git/HEAD"] = "ref: refs/heads/main\n"
        assert nightly(site, "--fail-on", "critical", *notify) == 1
        printed = capsys.readouterr()
        assert "1 new" in printed.out
        assert "critical new:" in printed.out
        assert "[http.exposed_files]" in printed.out
        assert "notification target 3 (json)" in printed.err
        assert "The run is not affected" in printed.err
        assert printed.err.count("\n") == 1

        assert nightly(site, "--fail-on", "critical", *notify) == 0
        assert capsys.readouterr() == ("", "")

    assert len(hook.posts) == len(mail.letters) == 1
    letter = mail.letters[0]
    assert (
        letter["Subject"]
        == hook.posts[0]["title"]
        == "spbe-audit: targets: 1 temuan baru (1 kritis)"
    )
    assert letter["To"] == "csirt@a.example"
    text = hook.posts[0]["message"]
    assert "[kritis] Berkas yang bukan untuk umum" in text
    assert "[critical] Files that are not for the public" in text
    assert "(/.git/HEAD)" in text
    assert str(Path("out/index.html").resolve()) in text
    kept = [path.read_bytes() for path in Path().rglob("*") if path.is_file()]
    assert not any(b"s3cr3t" in content for content in kept)


# --- where messages go


def test_a_refusal_is_tried_again() -> None:
    with web_hook(refusals=2) as hook:
        targets = read_targets([f"json://127.0.0.1:{hook.port}/"], {})
        assert deliver(targets, [ONE], pauses=QUICK) == ()
        assert hook.requests == 3
        assert [post["title"] for post in hook.posts] == [ONE.title]


def test_a_dead_server_is_tried_thrice_and_then_once_for_each_message() -> None:
    tried: list[str] = []

    def refuse(message: Message) -> bool:
        tried.append(message.title)
        return False

    dead = Target(1, "json", refuse)
    messages = [ONE, replace(ONE, title="b"), replace(ONE, title="c")]
    assert deliver([dead], messages, pauses=QUICK) == (Undelivered(dead, 3, 3),)
    assert tried == [ONE.title] * 3 + ["b", "c"]


def test_a_server_that_hangs_costs_no_more_than_the_limit() -> None:
    def hang(_message: Message) -> bool:
        time.sleep(1.5)
        return True

    hanging = Target(1, "json", hang)
    good = Target(2, "json", lambda _message: True)
    began = time.monotonic()
    assert deliver([hanging, good], [ONE], limit=0.3, pauses=QUICK) == (Undelivered(hanging, 1, 1),)
    assert time.monotonic() - began < 1.2


def test_placeholders_are_filled_and_encoded() -> None:
    environment = {"PASSWORD": SECRET, "HOOK": "json://127.0.0.1/whole"}
    targets = read_targets(
        ["mailto://u:${PASSWORD}@127.0.0.1?from=a@a.example", "${HOOK}"], environment
    )
    assert [target.kind for target in targets] == ["mailto", "from the environment"]
    assert SECRET not in repr(targets)
    assert "whole" not in repr(targets)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("mailto://u:${NOT_SET}@127.0.0.1", "target 1 wants ${NOT_SET}, which is not set"),
        ("nosuch://u:hidden-word@x", "target 1 (nosuch) cannot be used"),
        ("slack://", "target 1 (slack) cannot be used"),
        ("hidden-word", "cannot be used"),
    ],
)
def test_a_target_that_is_no_use_is_told_before_the_scan(
    target: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line(["scan", "http://127.0.0.1:9/", "--notify", target]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "hidden-word" not in told
    assert not Path("spbe-audit.db").exists()


def test_a_missing_extra_is_told_before_the_scan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setenv("SPBE_AUDIT_NOTIFY", "json://127.0.0.1/")
    assert command_line(["scan", "http://127.0.0.1:9/"]) == 2
    assert "pip install 'spbe-audit[notify]'" in capsys.readouterr().err
    assert not Path("spbe-audit.db").exists()


@pytest.mark.parametrize(
    ("target", "secret"),
    [
        ("mailto://user:word@host", True),
        ("mailto://user:${WORD}@host", False),
        ("mailto://host?from=a@b", False),
        ("mailto://host?from=a@b&pass=word", True),
        ("jsons://host/path", False),
        ("tgram://123:abc/42", True),
        ("tgram://${TOKEN}/42", False),
        ("http://[", True),
    ],
)
def test_a_secret_on_the_command_line_is_seen(target: str, secret: bool) -> None:  # noqa: FBT001 - a table
    assert holds_secret(target) is secret


def test_a_secret_on_the_command_line_is_warned_about_and_not_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(NotificationError):
        read_targets(["nosuch://user:hidden-word@host"], {})
    command_line(["scan", "http://127.0.0.1:9/", "--notify", "nosuch://user:hidden-word@host"])
    told = capsys.readouterr().err
    assert "seems to hold a secret" in told
    assert "hidden-word" not in told


# --- what is news


def test_news_is_what_is_new_and_what_expired() -> None:
    assessment = ordinary()
    fail = assessment.findings[0]
    waiver = Waiver(
        1,
        fail.service,
        fail.check,
        "r",
        "c",
        "o",
        "a",
        "ND-1",
        date(2026, 1, 1),
        date(2026, 11, 18),
    )
    use = WaiverUse(waiver, WaiverState.EXPIRED, findings=(fail.id,))
    comparison = Comparison(SINCE, RunMark(assessment.run.id, assessment.run.started), "spbe", ())
    compared = replace(assessment, comparison=comparison, waivers=(use,))
    news = news_of(compared, judged(1, {}), (), zone=UTC)
    assert [(one.kind, one.service, one.fresh) for one in news.items] == [
        (Kind.WAIVER_EXPIRED, fail.service, False)
    ]
    assert exit_code_of_news(news, Severity.CRITICAL, cut_short=False) is ExitCode.FINDINGS
    assert not news.fresh.items

    yesterday = replace(use, waiver=replace(waiver, expires=date(2026, 11, 19)))
    fresh = news_of(replace(compared, waivers=(yesterday,)), judged(1, {}), (), zone=UTC).fresh
    assert [one.kind for one in fresh.items] == [Kind.WAIVER_EXPIRED]


def test_a_service_is_told_silent_once() -> None:
    """`arsip` gives no answers; what counts is whether it gave some the last time it was asked."""
    assessment = ordinary()
    comparison = Comparison(SINCE, RunMark(assessment.run.id, assessment.run.started), "spbe", ())
    compared = replace(assessment, comparison=comparison)

    def silent(*letters: str) -> list[str]:
        earlier = [_answered(letter) for letter in letters]
        return [one.service for one in news_of(compared, judged(1, {}), earlier, zone=UTC).silences]

    assert "arsip" in silent("p")
    assert "arsip" not in silent("u")
    assert "arsip" not in silent("-", "u"), "the run before did not ask it, the one before that did"
    assert "arsip" in silent("-", "p")


def _answered(letter: str) -> Judgement:
    checks = ("tls.protocol_versions", "certificate.validity_period", "cookie.secure")
    questions = tuple(Question(one, one, Severity.HIGH) for one in checks)
    return judged(0, {"arsip": answers(letter, letter, letter)}, questions=questions)


@pytest.mark.parametrize(
    ("severities", "silent", "cut", "code"),
    [
        ((), False, False, 0),
        ((Severity.MEDIUM,), False, False, 1),
        ((Severity.LOW,), False, False, 0),
        ((Severity.LOW,), True, False, 3),
        ((), False, True, 3),
        ((Severity.CRITICAL,), True, True, 1),
    ],
)
def test_the_exit_code_speaks_of_news_only(
    severities: tuple[Severity, ...],
    silent: bool,  # noqa: FBT001 - a table
    cut: bool,  # noqa: FBT001 - a table
    code: int,
) -> None:
    news = news_with(*severities, silent=silent)
    assert exit_code_of_news(news, Severity.MEDIUM, cut_short=cut) == code


def news_with(*severities: Severity, silent: bool = False, subject: str = "") -> News:
    items = tuple(
        Item(Kind.NEW, "diskominfo", f"s{n}", "r", "cookie.secure", one, subject=subject)
        for n, one in enumerate(severities)
    )
    silences = (Silence("diskominfo", "arsip", "timeout", "cookie.secure", 3),) if silent else ()
    return News(SINCE, items, silences)


# --- what a message says


def message_of(news: News, language: str = "id") -> Message:
    assessment = ordinary()
    narrator = narrator_for(assessment, catalogue(), load_labels(language, "Asia/Jakarta"))
    (message,) = messages_of(assessment, news, [narrator], report="/srv/laporan/index.html")
    return message


@pytest.mark.parametrize("language", ["id", "en"])
def test_a_message_names_the_worst_and_counts_the_rest(language: str) -> None:
    message = message_of(news_with(*[Severity.HIGH] * 14, silent=True), language)
    lines = message.body.splitlines()
    named = [line for line in lines if line.startswith(("- [tinggi]", "- [high]"))]
    assert len(named) == MOST_ITEMS
    assert any(line in {"- dan 4 lainnya", "- and 4 more"} for line in lines)
    assert any(line.startswith("- arsip: ") for line in lines)
    assert lines[-1].endswith("/srv/laporan/index.html")
    assert "14" in message.title
    assert "{" not in message.title + message.body


def test_hostile_text_is_inert() -> None:
    evil = HOSTILE + "\n@everyone <!channel> [x](http://evil.example) `rm` *b*\r\nSubject: x"
    shown = inert(evil[-100:])
    message = message_of(news_with(Severity.HIGH, subject=evil[-90:]))
    for text in (shown, message.title, message.body.replace("- [tinggi]", "")):
        assert not set("<>@`*[]&|~\x1b\x00\u202e\r") & set(text.replace("\n", ""))
        assert "://" not in text
    assert "\n" not in shown + message.title
    assert len(inert("A" * 100_000)) <= 101


def test_an_agency_with_a_hostile_name_gets_an_inert_title() -> None:
    assessment = hostile()
    narrator = narrator_for(assessment, catalogue(), load_labels("en", "Asia/Jakarta"))
    items = tuple(
        Item(Kind.NEW, one.agency, one.service, one.requirement, one.check, one.severity)
        for one in assessment.findings
    )
    (message,) = messages_of(assessment, News(None, items), [narrator], report="/r")
    assert message.title.isprintable()
    assert "<" not in message.title
    assert "\x1b" not in message.body
    assert "<script" not in message.body
