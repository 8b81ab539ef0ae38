"""Strict-Transport-Security is read as RFC 6797 writes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.evidence import HstsPolicy, HstsProblem, parse_hsts


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # the examples of RFC 6797 section 6.2
        ("max-age=31536000", HstsPolicy(31536000)),
        ("max-age=15768000 ; includeSubDomains", HstsPolicy(15768000, include_subdomains=True)),
        ('max-age="31536000"', HstsPolicy(31536000)),
        ("max-age=0", HstsPolicy(0)),
        ("max-age=0; includeSubDomains", HstsPolicy(0, include_subdomains=True)),
        # what else is well formed
        ("  MAX-AGE =\t1 ;;; ", HstsPolicy(1)),
        ("; preload; max-age=1", HstsPolicy(1, preload=True)),
        ('max-age="\\3\\1"', HstsPolicy(31)),
        ('note="a; b, \\"c\\""; max-age=1', HstsPolicy(1, other=("note",))),
        ("max-age=1; X=1; y", HstsPolicy(1, other=("x", "y"))),
    ],
)
def test_well_formed_values(value: str, expected: HstsPolicy) -> None:
    assert parse_hsts(value) == expected


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", HstsProblem.NO_MAX_AGE),
        ("includeSubDomains", HstsProblem.NO_MAX_AGE),
        ("max-age", HstsProblem.BAD_MAX_AGE),
        ("max-age=-1", HstsProblem.BAD_MAX_AGE),
        ("max-age=1.5", HstsProblem.BAD_MAX_AGE),
        ('max-age=""', HstsProblem.BAD_MAX_AGE),
        ("max-age=", HstsProblem.BAD_SYNTAX),
        ("max-age=²", HstsProblem.BAD_SYNTAX),
        ("max-age=1 includeSubDomains", HstsProblem.BAD_SYNTAX),
        ("max-age=1, includeSubDomains", HstsProblem.BAD_SYNTAX),
        ("max-age=1; includeSubDomains=1", HstsProblem.BAD_SYNTAX),
        ('max-age="1', HstsProblem.BAD_SYNTAX),
        ("max-age=1; =2", HstsProblem.BAD_SYNTAX),
        ("max-age=1; max-age=1", HstsProblem.REPEATED_DIRECTIVE),
        ("max-age=1; includesubdomains; includeSubDomains", HstsProblem.REPEATED_DIRECTIVE),
        ("max-age=1; a; A", HstsProblem.REPEATED_DIRECTIVE),
    ],
)
def test_values_that_browsers_ignore(value: str, problem: HstsProblem) -> None:
    assert parse_hsts(value).problem is problem


def test_a_number_of_any_length_is_read() -> None:
    policy = parse_hsts("max-age=" + "9" * 100_000)
    assert policy.problem is None
    assert policy.max_age is not None
    assert policy.max_age >= 10**14


@given(st.text(alphabet=st.characters(max_codepoint=0xFF)))
def test_no_text_breaks_the_parser(value: str) -> None:
    policy = parse_hsts(value)
    assert policy.problem or policy.max_age is not None


@given(st.integers(min_value=0, max_value=10**12), st.sampled_from([" ", "\t", ""]))
def test_what_is_written_is_read(seconds: int, gap: str) -> None:
    value = f"includeSubDomains{gap};{gap}max-age{gap}={gap}{seconds}{gap}"
    assert parse_hsts(value) == HstsPolicy(seconds, include_subdomains=True)
