"""What a finding is about: the parts of an answer that are findings of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from spbe_audit.catalogue import load_catalogue, load_check
from spbe_audit.check import Check, Fact, NoParams, Outcome, Verdict
from spbe_audit.evidence import HttpEvidence
from spbe_audit.finding import Finding
from spbe_audit.identity import LONGEST_SUBJECT, look_of, subjects_of
from spbe_audit.over_time import Identity
from spbe_audit.testing.cases import load_cases, run_case
from tests.assessments import finding, no_question, service

CASES = Path(__file__).parent / "cases"
WITH_PARTS = [entry.check for entry in load_catalogue() if entry.check.subject]


def of(facts: Mapping[str, Fact], verdict: Verdict = Verdict.FAIL) -> Finding:
    return finding(service("portal", "a"), "http.x", verdict, facts=facts)


def check(subject: str | None, among: str | None = None) -> Check:
    return Check("http.x", (HttpEvidence,), NoParams, no_question, subject=subject, among=among)


@pytest.mark.parametrize(
    ("subject", "facts", "expected"),
    [
        (None, {"cookies": ("sid",)}, ("",)),
        ("cookies", {"cookies": ("sid", "lain", "sid")}, ("sid", "lain")),
        ("ports", {"ports": (22, 8081)}, ("22", "8081")),
        ("ports.port", {"ports": ({"port": 22, "service": "SSH"}, {"port": 23})}, ("22", "23")),
        # what is not a list of such parts is one finding
        ("cookies", {}, ("",)),
        ("cookies", {"cookies": ()}, ("",)),
        ("cookies", {"cookies": "sid"}, ("",)),
        ("cookies", {"cookies": None}, ("",)),
        ("ports.port", {"ports": (22, {"banner": "x"})}, ("",)),
        ("ports.port", {"ports": ({"port": None}, {"port": True}, {"port": ""})}, ("",)),
        ("cookies", {"cookies": (1.5, None, ("a",), {"name": "b"})}, ("",)),
    ],
)
def test_the_parts_of_a_fail(
    subject: str | None, facts: Mapping[str, Fact], expected: tuple[str, ...]
) -> None:
    assert subjects_of(of(facts), check(subject)) == expected


@pytest.mark.parametrize("verdict", [one for one in Verdict if one is not Verdict.FAIL])
def test_what_is_no_fail_has_no_parts(verdict: Verdict) -> None:
    assert subjects_of(of({"cookies": ("sid",)}, verdict), check("cookies")) == ()


def test_a_long_name_is_cut_and_still_told_apart() -> None:
    one, other = (f"{'x' * 400}{end}" for end in "ab")
    found = subjects_of(of({"cookies": (one, other)}), check("cookies"))
    assert len(set(found)) == 2
    assert {len(name) for name in found} == {LONGEST_SUBJECT}


@pytest.mark.parametrize(
    ("among", "facts", "reached"),
    [
        (None, {}, True),
        ("asked", {}, True),
        ("asked", {"asked": "1-1000,8080"}, False),
        ("asked", {"asked": "1-1000,8000-9000"}, True),
        ("asked", {"asked": 11}, True),
        ("asked", {"asked": ("22", "8081")}, True),
        ("asked", {"asked": ("22",)}, False),
        ("asked", {"asked": ()}, False),
    ],
)
def test_which_parts_were_looked_at(
    among: str | None, facts: Mapping[str, Fact], *, reached: bool
) -> None:
    look = look_of(of(facts), check("ports", among))
    assert look.reached("8081") is reached
    assert look.reached(""), "the whole is always meant"


def test_an_identity_keeps_the_id_of_a_finding_without_parts() -> None:
    whole, part = Identity("portal", "tls.offered"), Identity("portal", "ports.open", "22")
    assert whole.id == hashlib.sha256(b"portal|tls.offered").hexdigest()[:16]
    assert len({whole.id, part.id, Identity("portal", "ports.open").id}) == 3


@pytest.mark.parametrize("asked", WITH_PARTS, ids=lambda one: one.id)
def test_every_check_with_parts_lists_them(asked: Check) -> None:
    """In each of its failing cases the fact is a list of parts, or empty on purpose."""
    path = CASES / asked.family / f"{asked.id.partition('.')[2]}.yaml"
    entry = load_check(asked.id)
    found: list[str] = []
    for case in load_cases(path).cases:
        if case.verdict is Verdict.FAIL:
            outcome: Outcome = run_case(entry.check, case)
            name = (asked.subject or "").partition(".")[0]
            assert isinstance(outcome.facts[name], tuple), case.name
            found += subjects_of(of(outcome.facts), asked)
            if asked.among:
                look = look_of(of(outcome.facts), asked)
                assert look.listed is not None or look.ports, case.name
    assert any(found), "no case shows a part"
