"""What became of each finding between two runs: every way there is, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from spbe_audit.comparison import compare, lives_of
from spbe_audit.judgement import Judgement, Question, ServiceAnswers
from spbe_audit.over_time import Change, Comparison, Identity, RulePart, State
from spbe_audit.severity import Severity
from tests.judgements import EVIDENCE, QUESTIONS, answers, judged, mark

PORTAL = "portal"
OTHER_POLICY = {"policy_digest": "p2"}


def of_portal(*given: str, looked: Sequence[str] = ()) -> list[Judgement]:
    """A run each week, in which the portal answers about its ports as given; '' is off the list."""
    looks = [*looked, *[""] * len(given)]
    return [
        judged(week, {PORTAL: answers(one, looked=looks[week])} if one else {})
        for week, one in enumerate(given)
    ]


def told(comparison: Comparison) -> list[str]:
    """Each change as "state cause subject", in their order."""
    return [
        " ".join(filter(None, [one.state, one.cause, one.identity.subject]))
        for one in comparison.changes
    ]


def only(comparison: Comparison) -> Change:
    (change,) = comparison.changes
    return change


# --- one finding, week by week


@pytest.mark.parametrize(
    ("weeks", "expected"),
    [
        (["p", "f"], ["new system"]),
        (["u", "f"], ["new system"]),
        (["n", "f"], ["new system"]),
        (["-", "f"], ["new system"]),
        (["", "f"], ["new system"]),
        (["f", "f"], ["persisting"]),
        (["f", "p"], ["resolved system"]),
        (["f", "n"], ["resolved system"]),
        (["f", "u"], ["not_retestable system"]),
        (["f", "x"], ["not_retestable"]),
        (["f", "-"], ["not_retestable"]),
        (["f", ""], ["gone"]),
        (["p", "p"], []),
        (["p", "u"], []),
        (["u", "p"], []),
        (["u", "u"], []),
        # what was open stays open while nothing shows that it is good
        (["f", "u", "f"], ["persisting"]),
        (["f", "u", "u"], ["not_retestable system"]),
        (["f", "u", "p"], ["resolved system"]),
        (["f", "x", "f"], ["persisting"]),
        (["f", "", "f"], ["persisting"]),
        (["f", "", ""], []),
        (["f", "u", ""], ["gone"]),
        (["f", "", "u"], ["not_retestable system"]),
        # what was resolved and is back
        (["f", "p", "f"], ["regressed system"]),
        (["f", "n", "f"], ["regressed system"]),
        (["f", "p", "u", "f"], ["regressed system"]),
        (["f", "p", "f", "f"], ["persisting"]),
        (["f", "p", "p"], []),
        (["f", "p", "f", "p", "f"], ["regressed system"]),
        # parts of one requirement
        (["f 22", "f 22 8081"], ["new system 8081", "persisting 22"]),
        (["f 22 8081", "f 22"], ["persisting 22", "resolved system 8081"]),
        (["f 22", "f 8081"], ["new system 8081", "resolved system 22"]),
        (["f 22 8081", "u"], ["not_retestable system 22", "not_retestable system 8081"]),
        (["f 22", "p", "f 22 8081"], ["new system 8081", "regressed system 22"]),
        (["f", "f 22"], ["new system 22", "resolved system"]),
    ],
)
def test_what_became_of_it(weeks: list[str], expected: list[str]) -> None:
    history = of_portal(*weeks)
    assert told(compare(history, len(history) - 2)) == expected


@pytest.mark.parametrize(
    ("weeks", "expected"),
    [
        (["f", "p", "f"], ["regressed system"]),  # open at both, but not in between
        (["p", "f", "f"], ["new system"]),
        (["p", "f", "u"], ["not_retestable system"]),
        (["f", "p", "p"], ["resolved system"]),
        (["f", "p", "u"], ["resolved system"]),
        (["p", "f", "p"], []),
        (["f", "u", "f"], ["persisting"]),
    ],
)
def test_runs_that_are_not_neighbours(weeks: list[str], expected: list[str]) -> None:
    assert told(compare(of_portal(*weeks), 0)) == expected


def test_a_port_that_was_not_asked_is_not_resolved() -> None:
    history = of_portal("f 22 8081", "f 22", looked=["1-9000", "1-1000"])
    changes = {one.identity.subject: one for one in compare(history, 0).changes}
    assert changes["8081"].state is State.NOT_RETESTABLE
    assert (changes["8081"].reason, changes["8081"].cause) == ("not_asked", None)
    assert changes["22"].state is State.PERSISTING
    passed = compare(of_portal("f 22 8081", "p", looked=["1-9000", "1-1000"]), 0)
    assert told(passed) == ["not_retestable 8081", "resolved system 22"]


def test_observations_are_no_findings() -> None:
    history = [
        judged(0, {PORTAL: answers(note="p")}),
        judged(1, {PORTAL: answers(note="f")}),
    ]
    assert compare(history, 0).changes == ()


def test_when_it_was_seen_and_for_how_long() -> None:
    change = only(compare(of_portal("p", "f", "f", "u"), 2))
    assert change.identity == Identity(PORTAL, "ports")
    assert (change.agency, change.check) == ("a", "ports.unexpected_open")
    assert change.severity is Severity.HIGH
    assert (change.first_seen, change.open_since) == (mark(1), mark(1))
    assert (change.last_seen, change.age_days, change.reason) == (mark(2), 14, "timeout")


def test_a_second_spell_has_its_own_age() -> None:
    change = only(compare(of_portal("f", "p", "f", "f"), 2))
    assert (change.first_seen, change.open_since, change.age_days) == (mark(0), mark(2), 7)


def test_what_is_resolved_shows_how_long_it_took_and_on_what_evidence() -> None:
    change = only(compare(of_portal("f", "f", "p", "u"), 1))
    assert (change.state, change.age_days) == (State.RESOLVED, 14)
    assert (change.last_seen, change.evidence) == (mark(1), EVIDENCE)


def test_what_no_longer_applies_says_why() -> None:
    change = only(compare(of_portal("f", "n"), 0))
    assert (change.state, change.reason) == (State.RESOLVED, "no_tls")


def test_a_service_keeps_its_findings_in_another_agency() -> None:
    history = [
        judged(0, {PORTAL: answers("f")}),
        judged(1, {PORTAL: answers("f", agency="b")}),
    ]
    change = only(compare(history, 0))
    assert (change.state, change.agency) == (State.PERSISTING, "b")


def test_who_came_and_who_left() -> None:
    history = [judged(0, {"old": answers("f")}), judged(1, {"fresh": answers("f")})]
    comparison = compare(history, 0)
    assert (comparison.joined, comparison.left) == (("fresh",), ("old",))
    assert told(comparison) == ["new system", "gone"]


def test_a_run_that_tests_only_open_findings_says_nothing_of_the_others() -> None:
    history = [
        judged(0, {PORTAL: answers("f"), "arsip": answers(hsts="f")}),
        judged(1, {PORTAL: answers("p")}, partial=True),
    ]
    comparison = compare(history, 0)
    assert told(comparison) == ["not_retestable", "resolved system"]
    assert comparison.changes[0].reason == "not_asked"
    assert comparison.left == ()
    history.append(judged(2, {PORTAL: answers("p"), "arsip": answers(hsts="f")}))
    comparison = compare(history, 1)
    assert told(comparison) == ["persisting"]
    assert comparison.joined == ()


def test_waived_is_never_hidden() -> None:
    waived = {(PORTAL, "ports")}
    assert told(compare(of_portal("p", "f"), 0, waived=waived)) == ["waived"]
    assert told(compare(of_portal("f", "p"), 0, waived=waived)) == ["resolved system"]
    assert told(compare(of_portal("f", "u"), 0, waived=waived)) == ["not_retestable system"]


# --- the system or the rule


@pytest.mark.parametrize(
    ("before", "between", "after", "expected"),
    [
        # before: old evidence, old rules; between: old evidence, new rules; after: all new
        ("p", "f", "f", ["new rule"]),
        ("p", "p", "f", ["new system"]),
        ("p", "u", "f", ["new unclear"]),
        ("u", "u", "f", ["new system"]),
        ("u", "f", "f", ["new rule"]),
        ("f", "p", "p", ["resolved rule"]),
        ("f", "f", "p", ["resolved system"]),
        ("f", "n", "n", ["resolved rule"]),
        ("f", "u", "p", ["resolved unclear"]),
        ("f", "u", "u", ["not_retestable rule"]),
        ("f", "f", "u", ["not_retestable system"]),
        ("f", "p", "f", ["persisting"]),
        ("p", "f", "p", []),
        ("f 22", "f 22 8081", "f 22 8081", ["new rule 8081", "persisting 22"]),
        ("f 22", "f 22", "f 22 8081", ["new system 8081", "persisting 22"]),
    ],
)
def test_whether_the_system_or_the_rule_changed(
    before: str, between: str, after: str, expected: list[str]
) -> None:
    history = [
        judged(0, {PORTAL: answers(before)}),
        judged(1, {PORTAL: answers(after)}, **OTHER_POLICY),
    ]
    by_new_rules = judged(0, {PORTAL: answers(between)}, **OTHER_POLICY)
    comparison = compare(history, 0, old_by_new_rules=by_new_rules)
    assert told(comparison) == expected
    assert comparison.rules_changed == (RulePart.POLICY,)


def test_a_finding_that_is_back_because_of_the_rule() -> None:
    history = of_portal("f", "p", "f")
    history[2] = replace(history[2], checks_digest="c2", scanner="0.2.0")
    by_new_rules = judged(1, {PORTAL: answers("f")}, checks_digest="c2")
    comparison = compare(history, 1, old_by_new_rules=by_new_rules)
    assert told(comparison) == ["regressed rule"]
    assert comparison.rules_changed == (RulePart.CHECKS, RulePart.SCANNER)


def test_a_service_that_joined_is_a_change_of_the_system() -> None:
    history = [judged(0, {}), judged(1, {PORTAL: answers("f")}, **OTHER_POLICY)]
    by_new_rules = judged(0, {}, **OTHER_POLICY)
    assert told(compare(history, 0, old_by_new_rules=by_new_rules)) == ["new system"]


def _without_ports(judgement: Judgement) -> Judgement:
    return replace(judgement, questions=(replace(QUESTIONS[0], requirement="x"), *QUESTIONS[1:]))


def test_a_question_that_left_the_policy_took_its_findings_along() -> None:
    old, new = of_portal("f", "p")
    comparison = compare([old, _without_ports(new)], 0, old_by_new_rules=_without_ports(old))
    assert told(comparison) == ["gone rule"]
    later = [old, _without_ports(new), _without_ports(judged(2, {PORTAL: answers("p")}))]
    assert compare(later, 1).changes == ()


def test_a_question_that_is_new_is_a_change_of_the_rule() -> None:
    old, new = of_portal("p", "f")
    assert told(compare([_without_ports(old), new], 0, old_by_new_rules=old)) == ["new rule"]


def test_a_question_that_only_informs_now_is_gone_by_rule() -> None:
    old, new = of_portal("f", "f")
    informs = (replace(QUESTIONS[0], severity=Severity.INFO), *QUESTIONS[1:])
    new = replace(new, questions=informs)
    comparison = compare([old, new], 0, old_by_new_rules=replace(old, questions=informs))
    assert told(comparison) == ["gone rule"]
    assert only(comparison).severity is Severity.HIGH


def test_severity_is_that_of_the_present_policy() -> None:
    old, new = of_portal("f", "f")
    graver = (Question("ports", "ports.unexpected_open", Severity.CRITICAL), *QUESTIONS[1:])
    assert only(compare([old, replace(new, questions=graver)], 0)).severity is Severity.CRITICAL


# --- in general


def test_the_most_urgent_comes_first() -> None:
    old = {"b": answers("f"), "c": answers("f", "f"), "a": answers()}
    new = {"b": answers("p"), "c": answers("u", "f"), "a": answers("f", "f")}
    comparison = compare([judged(0, old), judged(1, new)], 0)
    assert [
        (one.state.value, one.severity.value, one.identity[0]) for one in comparison.changes
    ] == [
        ("new", "high", "a"),
        ("new", "medium", "a"),
        ("not_retestable", "high", "c"),
        ("persisting", "medium", "c"),
        ("resolved", "high", "b"),
    ]
    assert comparison.counts()[State.NEW] == 2
    assert comparison.counts()[State.GONE] == 0


@pytest.mark.parametrize("before", [-1, 1, 2])
def test_there_must_be_an_earlier_run(before: int) -> None:
    with pytest.raises(ValueError, match="no earlier run"):
        compare(of_portal("f", "p"), before)


def test_every_spell_of_a_finding_is_kept() -> None:
    lives: Mapping[Identity, object] = lives_of(of_portal("f", "p", "f", "u", "f", "p"))
    (life,) = lives_of(of_portal("f", "p", "f", "u", "f", "p")).values()
    assert len(lives) == 1
    assert [(one.began, one.last, one.ended) for one in life.spells] == [(0, 0, 1), (2, 4, 5)]


def test_the_order_of_services_changes_nothing() -> None:
    services: dict[str, ServiceAnswers] = {"b": answers("f"), "a": answers("f 22")}
    turned = dict(reversed(services.items()))
    one = compare([judged(0, {}), judged(1, services)], 0)
    other = compare([judged(0, {}), judged(1, turned)], 0)
    assert one.changes == other.changes
