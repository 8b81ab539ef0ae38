"""Content-Security-Policy is read as CSP Level 3 parses it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.evidence import HttpEvidence, PolicySource, enforced_policies
from spbe_audit.evidence import parse_csp as parse
from spbe_audit.evidence import parse_csp_header as parse_header
from spbe_audit.testing import build_evidence


def test_directives_are_split_and_their_names_lowered() -> None:
    policy = parse(" Default-SRC 'self'\thttps://a.example ; ; Upgrade-Insecure-Requests ")
    assert policy.directives == {
        "default-src": ("'self'", "https://a.example"),
        "upgrade-insecure-requests": (),
    }
    assert list(policy.known) == ["default-src", "upgrade-insecure-requests"]


def test_values_keep_their_case() -> None:
    assert parse("script-src 'nonce-AbC'").directives["script-src"] == ("'nonce-AbC'",)


def test_the_first_of_two_directives_counts() -> None:
    policy = parse("img-src 'none'; IMG-src *; img-src a.example")
    assert policy.directives == {"img-src": ("'none'",)}
    assert policy.repeated == ("img-src", "img-src")


def test_a_directive_with_a_sign_beyond_ascii_is_dropped() -> None:
    assert parse("default-src 'self'; img-src ‘none’; font-src *").known == (  # noqa: RUF001 - the quotes that word processors write
        "default-src",
        "font-src",
    )


def test_only_ascii_white_space_divides() -> None:
    assert parse("img-src\x0bx\x0cy").directives == {"img-src\x0bx": ("y",)}


def test_unknown_names_are_told() -> None:
    assert parse("default-src 'self'; scripts-src *; x").unknown == ("scripts-src", "x")


def test_a_comma_divides_policies_in_a_header() -> None:
    policies = parse_header(["default-src 'self', , img-src *", "", " ; ", "font-src a"])
    assert [policy.text for policy in policies] == ["default-src 'self'", "img-src *", "font-src a"]


def test_a_comma_divides_nothing_in_a_page() -> None:
    policy = parse("img-src a, script-src b", PolicySource.META)
    assert policy.directives == {"img-src": ("a,", "script-src", "b")}


def test_a_page_cannot_limit_who_frames_it() -> None:
    text = "frame-ancestors 'none'; report-uri /r; sandbox; img-src a"
    assert parse(text, PolicySource.META).directives == {"img-src": ("a",)}
    assert parse(text).frame_ancestors == ("'none'",)
    assert parse("img-src a").frame_ancestors is None


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("script-src", "script-src a; default-src b", ("a",)),
        ("script-src", "default-src b", ("b",)),
        ("script-src-elem", "script-src a; default-src b", ("a",)),
        ("script-src-attr", "default-src b", ("b",)),
        ("style-src-elem", "style-src a", ("a",)),
        ("worker-src", "script-src a; child-src b; default-src c", ("b",)),
        ("worker-src", "script-src a; default-src c", ("a",)),
        ("frame-src", "child-src a; default-src b", ("a",)),
        ("object-src", "default-src b", ("b",)),
        ("object-src", "object-src; default-src b", ()),
        ("script-src", "img-src a", None),
        ("base-uri", "default-src b", None),
        ("form-action", "default-src b", None),
        ("frame-ancestors", "default-src b", None),
    ],
)
def test_an_absent_directive_falls_back(
    name: str, text: str, expected: tuple[str, ...] | None
) -> None:
    assert parse(text).effective(name) == expected


def test_header_and_page_are_both_enforced() -> None:
    http = build_evidence(
        "http",
        {
            "headers": {
                "Content-Security-Policy": ["default-src 'self'", "img-src *"],
                "Content-Security-Policy-Report-Only": "default-src 'none'",
            },
            "page": {"meta_policies": ["script-src 'none'", "frame-ancestors 'none'"]},
        },
    )
    assert isinstance(http, HttpEvidence)
    assert http.front is not None
    policies = enforced_policies(http.front)
    assert [(policy.text, policy.source) for policy in policies] == [
        ("default-src 'self'", PolicySource.HEADER),
        ("img-src *", PolicySource.HEADER),
        ("script-src 'none'", PolicySource.META),
    ]


@given(st.text(alphabet=st.characters(max_codepoint=0xFF)))
def test_no_text_breaks_the_parser(text: str) -> None:
    for policy in parse_header([text]):
        assert policy.directives
        for name in policy.directives:
            assert name
            assert name == name.lower()
            assert policy.effective(name) == policy.directives[name]
