"""Content-Security-Policy is read as CSP Level 3 parses it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.evidence import (
    HttpEvidence,
    PolicySource,
    admits_any_host,
    allows_all_inline,
    enforced_policies,
    example_url,
    is_hash_or_nonce,
    source_matches,
)
from spbe_audit.evidence import parse_csp as parse
from spbe_audit.evidence import parse_csp_header as parse_header
from spbe_audit.testing.cases import build_evidence


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


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ("'unsafe-inline'", True),
        ("'self' 'UNSAFE-INLINE'", True),
        ("'unsafe-inline' 'unsafe-hashes'", True),
        ("'unsafe-inline' 'nonce-abc'", False),
        ("'unsafe-inline' 'NONCE-abc=='", False),
        ("'unsafe-inline' 'sha384-a_b-c+/='", False),
        ("'unsafe-inline' 'strict-dynamic'", False),
        ("'unsafe-inline' 'nonce-'", True),
        ("'unsafe-inline' nonce-abc", True),
        ("'unsafe-inline' 'sha1-abc'", True),
        ("'self'", False),
        ("", False),
    ],
)
def test_what_lets_every_inline_script_run(sources: str, *, expected: bool) -> None:
    assert allows_all_inline(sources.split()) is expected


@pytest.mark.parametrize("source", ["'nonce-a=b'", "'nonce-a==='", "'nonce-a b'", "'sha256'"])
def test_what_only_looks_like_a_nonce_or_a_hash(source: str) -> None:
    assert not is_hash_or_nonce(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("*", True),
        ("https:", True),
        ("data:", True),
        ("http://*", True),
        ("https://*/", True),
        ("*:443", True),
        ("*:*", True),
        ("*.example", False),
        ("https://a.example", False),
        ("'none'", False),
        ("'self'", False),
        ("*.*", False),
        ("", False),
    ],
)
def test_which_sources_stand_for_every_site(source: str, *, expected: bool) -> None:
    assert admits_any_host(source) is expected


@pytest.mark.parametrize(
    ("source", "url", "page", "expected"),
    [
        ("*", "http://a.example/", "https://p.example/", True),
        ("*", "data:,x", "https://p.example/", False),
        ("data:", "data:,x", "https://p.example/", True),
        ("http:", "https://a.example/", "https://p.example/", True),
        ("https:", "http://a.example/", "https://p.example/", False),
        ("'self'", "https://p.example/x", "https://p.example/y", True),
        ("'SELF'", "https://p.example:8443/x", "https://p.example/y", False),
        ("'self'", "https://p.example/x", "http://p.example/y", True),
        ("'self'", "http://p.example/x", "https://p.example/y", False),
        ("a.example", "https://a.example/x", "https://p.example/", True),
        ("a.example", "http://a.example/x", "https://p.example/", False),
        ("a.example", "https://a.example/x", "http://p.example/", True),
        ("A.Example", "https://a.example/x", "https://p.example/", True),
        ("a.example", "https://b.a.example/x", "https://p.example/", False),
        ("*.a.example", "https://b.a.example/x", "https://p.example/", True),
        ("*.a.example", "https://a.example/x", "https://p.example/", False),
        ("http://a.example", "https://a.example/x", "https://p.example/", True),
        ("http://a.example:80", "https://a.example/x", "https://p.example/", True),
        ("https://a.example", "https://a.example:8443/x", "https://p.example/", False),
        ("https://a.example:8443", "https://a.example:8443/x", "https://p.example/", True),
        ("https://a.example:*", "https://a.example:8443/x", "https://p.example/", True),
        ("https://a.example/js/", "https://a.example/js/x.js", "https://p.example/", True),
        ("https://a.example/js", "https://a.example/js/x.js", "https://p.example/", False),
        ("https://a.example/%6as", "https://a.example/js", "https://p.example/", True),
        ("https://a.example/", "https://a.example/js", "https://p.example/", True),
        ("'unsafe-inline'", "https://a.example/", "https://p.example/", False),
        ("'none'", "https://a.example/", "https://p.example/", False),
    ],
)
def test_which_addresses_a_source_stands_for(
    source: str, url: str, page: str, *, expected: bool
) -> None:
    assert source_matches(source, url, page) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("*", "http://any.invalid/"),
        ("https:", "https://any.invalid/"),
        ("data:", "data:example"),
        ("*:8443", "https://any.invalid:8443/"),
        ("HTTP://*.a.example/x/", "http://any.a.example/x/"),
        ("'self'", ""),
        ("'nonce-abc'", ""),
    ],
)
def test_an_example_of_what_a_source_stands_for(source: str, expected: str) -> None:
    assert example_url(source, "https://p.example/") == expected


@given(st.text(alphabet=st.sampled_from("*:/.'[]@#?%a1-htps"), max_size=24))
def test_a_source_stands_for_its_own_example(source: str) -> None:
    url = example_url(source, "https://p.example/")
    if url:
        assert source_matches(source, url, "https://p.example/")


def test_a_sandbox_forbids_scripts_unless_it_allows_them() -> None:
    assert parse("sandbox allow-forms").forbids_scripts
    assert parse("sandbox").forbids_scripts
    assert not parse("sandbox Allow-Scripts").forbids_scripts
    assert not parse("script-src 'none'").forbids_scripts
    assert not parse("sandbox", PolicySource.META).forbids_scripts
