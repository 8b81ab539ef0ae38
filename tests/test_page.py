"""The page extract: what it finds, and that no page can make it expensive."""

from __future__ import annotations

import time

import pytest

from spbe_audit.evidence import PageExtract
from spbe_audit.probes.page import decode_text, extract_page

URL = "https://portal.test/app/"
HALF_MEBIBYTE = 512 * 1024


def extract(text: str | bytes, content_type: str = "text/html; charset=utf-8") -> PageExtract:
    body = text.encode() if isinstance(text, str) else text
    page = extract_page(body, content_type, URL)
    assert page is not None
    return page


def test_everything_that_checks_ask_for() -> None:
    page = extract(
        """<!doctype html><html lang="id"><head><title> Portal &amp;
        Layanan </title><meta name=generator content="WordPress 6.4.1">
        <META HTTP-EQUIV="Content-Security-Policy" CONTENT="default-src 'self'; img-src &#42;">
        <link rel="preload stylesheet" href=/a.css><link rel=icon href=/i.ico>
        <script src='//cdn.test/x.js' integrity=sha384-x></script><script>var a = 1</script>
        </head><body><form method=post action="login.php?a=1&amp;b=2"><input type=text>
        <input TYPE="Password" name=p><input type=password name=again></form>
        <form><input type=search></form><form action='http://old.test/'><input type=password>
        <button formaction=/other>x</button></form></body></html>"""
    )
    assert page == PageExtract(
        title="Portal & Layanan",
        generator="WordPress 6.4.1",
        language="id",
        password_forms=2,
        scripts=("https://cdn.test/x.js",),
        styles=("https://portal.test/a.css",),
        form_actions=(
            "https://portal.test/app/login.php?a=1&b=2",
            "http://old.test/",
            "https://portal.test/other",
        ),
        meta_policies=("default-src 'self'; img-src *",),
    )


def test_a_base_moves_every_reference() -> None:
    page = extract('<base href="http://old.test/x/"><base href="/no"><script src="y.js"></script>')
    assert page.scripts == ("http://old.test/x/y.js",)


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- <script src=x></script> -->",
        "<!--><!-- <script src=x></script> -->",
        "<script>document.write('<script src=x>')</script>",
        "<title><script src=x></script></title>",
        "<textarea><script src=x></script></textarea>",
        "<style><script src=x></script></style>",
        '<div title="<script src=x></script>"></div>',
        "<div title='a > <script src=x>'></div>",
        "<?php <script src=x ?>",
        "<!-- never closed <script src=x></script>",
        "<script src=x",
        "<script src='x></script>",
        "< script src=x>",
        "</script src=x>",
    ],
)
def test_what_only_looks_like_a_tag_is_none(hidden: str) -> None:
    assert extract(hidden).scripts == ()


@pytest.mark.parametrize(
    "shown",
    [
        "<!--><script src=x></script>",
        "<SCRIPT SRC=x></SCRIPT>",
        "<script/src=x></script>",
        '<script async src="x"defer></script>',
        "<script\n\tsrc\n=\n'x'></script>",
        "<a b=c'd><script src=x></script>",
        "<script>a</scripty></script ><script src=x>",
        "<script src=x src=y></script>",
        "a < b <script src=x>",
        "<!doctype html><script src=x>",
    ],
)
def test_what_a_browser_takes_for_a_tag_is_one(shown: str) -> None:
    assert extract(shown).scripts == (URL + "x",)


def test_a_password_field_without_a_form_counts_once() -> None:
    assert extract("<input type=password><input type=password>").password_forms == 1


def test_other_content_has_no_extract() -> None:
    assert extract_page(b"<title>x</title>", "application/json", URL) is None
    assert extract_page(b"<title>x</title>", "", URL) is not None


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("é".encode(), "text/html", "é"),
        ("é".encode("latin-1"), "text/html; charset=ISO-8859-1", "é"),
        ("é".encode("latin-1"), 'text/html; charset="windows-1252"', "é"),
        (b"\xff\xfeh\x00i\x00", "text/html", "hi"),
        (b"\xef\xbb\xbfhi", "text/html; charset=utf-8", "hi"),
        (b"\xe9", "text/html", "\ufffd"),
        (b"hi", "text/html; charset=punycode", "hi"),
        (b"hi", "text/html; charset=zlib", "hi"),
        (b"hi", "text/html; charset=iso-8859-12", "hi"),
        (b"hi", "text/html; charset=\x00", "hi"),
    ],
)
def test_charsets(body: bytes, content_type: str, text: str) -> None:
    assert decode_text(body, content_type) == text


def test_lists_and_texts_are_capped() -> None:
    page = extract("<script src=x></script>" * 300 + "<title>" + "y" * 5000 + "</title>")
    assert len(page.scripts) == 200
    assert len(page.title) == 2000
    long = extract(f"<script src={'x' * 5000}></script><html lang={'z' * 5000}>")
    assert len(long.scripts[0]) == 2000
    assert len(long.language) == 2000


def test_references_that_cannot_be_resolved_stay_as_written() -> None:
    assert extract("<script src='http://[x'></script>").scripts == ("http://[x",)


@pytest.mark.parametrize(
    "unit",
    [
        "<x>",
        "<b a=1>",
        "<p><b>",
        "</q>",
        "<",
        "</",
        "<!",
        "<!--",
        "<!-- >",
        '<a "',
        '<a b="',
        "<a b='c",
        "a=",
        "<title>",
        "<script></script",
        "<script></script>",
        "<form action=a>",
        "&amp",
        "<base href=../>",
    ],
)
def test_no_page_is_expensive(unit: str) -> None:
    """A tree builder takes minutes or gigabytes for some of these; one pass does not."""
    begun = time.process_time()
    extract(b"<a " + (unit * (HALF_MEBIBYTE // len(unit))).encode())
    extract((unit * (HALF_MEBIBYTE // len(unit))).encode())
    assert time.process_time() - begun < 3
