"""The page extract: what it finds, and that no page can make it expensive."""

from __future__ import annotations

import time

import pytest

from spbe_audit.evidence import Form, Link, PageExtract, Subresource, same_site
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
        subresources=(
            Subresource("style", "https://portal.test/a.css"),
            Subresource("script", "https://cdn.test/x.js", integrity="sha384-x"),
        ),
        forms=(
            Form("https://portal.test/app/login.php?a=1&b=2", method="post", has_password=True),
            Form(URL),
            Form(
                "http://old.test/",
                has_password=True,
                other_actions=("https://portal.test/other",),
            ),
        ),
    )


def test_everything_that_a_browser_fetches() -> None:
    page = extract(
        """<base href=http://old.test/><img src=a.png srcset="b.png 2x, c.png,d 3x">
        <picture><source srcset='e.webp 100w'>
        <video src=f.mp4 poster=g.jpg><source src=h.webm></video><audio src=i.ogg></audio>
        <iframe src=//frames.test/></iframe><object data=j.swf></object><embed src=k.swf>
        <svg><image xlink:href=l.png></image></svg><input type=image src=m.png>
        <link rel=modulepreload href=n.js crossorigin><link rel=canonical href=/no>
        <script src=o.js crossorigin=Use-Credentials></script><img src=data:image/png;base64,x>
        <img src='  '><a href=p>x</a>"""
    )
    found = [(one.kind, one.url.removeprefix("http://old.test/")) for one in page.subresources]
    assert found == [
        ("image", "a.png"),
        ("image", "b.png"),
        ("image", "c.png,d"),
        ("image", "e.webp"),
        ("media", "f.mp4"),
        ("image", "g.jpg"),
        ("media", "h.webm"),
        ("media", "i.ogg"),
        ("frame", "http://frames.test/"),
        ("object", "j.swf"),
        ("object", "k.swf"),
        ("image", "l.png"),
        ("image", "m.png"),
        ("preload", "n.js"),
        ("script", "o.js"),
    ]
    assert [one.crossorigin for one in page.subresources[-2:]] == ["", "use-credentials"]
    assert page.subresources[8].host == "frames.test"


def test_what_goes_over_http_is_not_crowded_out() -> None:
    page = extract("<script src=x></script>" * 500 + "<script src=http://b.test/y></script>")
    kept = [one.url for one in page.subresources]
    assert len(kept) == 201
    assert kept[-1] == "http://b.test/y"


def test_of_pictures_only_those_over_http_are_kept() -> None:
    page = extract("<img src=a.png><img src=https://b.test/><video src=c><img src=HTTP://b.test/d>")
    assert page.subresources == (Subresource("image", "HTTP://b.test/d"),)


def test_links_with_their_text() -> None:
    page = extract(
        """<a href="/privasi"> Kebijakan <b>Privasi</b> &amp; Data</a><a name=x>y</a>
        <a href=x aria-label="Beranda"><img src=i></a><a href='a b' title=T></a>
        <a href=c>d<a href=e>f"""
    )
    assert page.links == (
        Link("Kebijakan Privasi & Data", "https://portal.test/privasi"),
        Link("Beranda", URL + "x"),
        Link("T", URL + "a b"),
        Link("d", URL + "c"),
        Link("f", URL + "e"),
    )
    assert page.links_left_out == 0


def test_of_many_links_the_first_and_the_last_are_kept() -> None:
    page = extract("".join(f"<a href={number}>x</a>" for number in range(150)))
    kept = [link.href.removeprefix(URL) for link in page.links]
    assert kept == [str(number) for number in (*range(50), *range(100, 150))]
    assert page.links_left_out == 50


def test_password_fields_belong_to_the_form_that_is_open() -> None:
    page = extract(
        """<input type=password><input type=password><form action=a autocomplete=OFF>
        <input type=password><button formaction=http://b.test/></form><input type=password>"""
    )
    assert page.forms == (
        Form("", has_password=True, scripted=True),
        Form(URL + "a", has_password=True, autocomplete="off", other_actions=("http://b.test/",)),
        Form("", has_password=True, scripted=True),
    )
    assert page.password_forms == 3


def test_a_base_does_not_move_a_form_that_names_no_address() -> None:
    page = extract("<base href=http://old.test/><form></form><form action=x></form>")
    assert [form.action for form in page.forms] == [URL, "http://old.test/x"]


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("portal.dinas.go.id", "STATIS.dinas.go.id.", True),
        ("dinas.go.id", "dinas.go.id", True),
        ("dinas.go.id", "badan.go.id", False),
        ("a.example.com", "b.example.com", True),
        ("example.com", "example.net", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "20.0.0.1", False),
        ("[2001:db8::1]", "2001:db8::1", True),
        ("2001:db8::1", "2001:db8::2", False),
        ("localhost", "localhost", True),
        ("", "example.com", False),
    ],
)
def test_sites(left: str, right: str, same: bool) -> None:  # noqa: FBT001 - a column of the table
    assert same_site(left, right) is same


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
    assert extract_page(b"<title>x</title>", "image/png", URL) is None
    assert extract_page(b"<title>x</title>", "application/octet-stream", URL) is None
    assert extract_page(b"<title>x</title>", "", URL) is not None


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "Application/JSON; charset=utf-8", "application/problem+json", "text/xml"],
)
def test_of_other_text_only_the_marks_are_taken(content_type: str) -> None:
    text = b"<title>x</title> PHP Fatal error:  x in /app/a.php on line 3"
    expected = PageExtract(html=False, marks=("stack_trace.php",))
    assert extract_page(text, content_type, URL) == expected


def test_a_page_bears_marks_of_families() -> None:
    page = extract("<title>Welcome to nginx!</title>")
    assert page.marks == page.bears("default", "block") == ("default.nginx",)
    assert page.bears("block", "nginx") == ()


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
        "<a href=x>",
        "<a href=x>&amp;<b",
        "<img srcset='",
        "<img srcset='a b, '>",
        "<img src=x>",
        "<form><input type=password>",
        "<input type=password></form>",
        "<link rel='stylesheet icon' href=x>",
    ],
)
def test_no_page_is_expensive(unit: str) -> None:
    """A tree builder takes minutes or gigabytes for some of these; one pass does not."""
    begun = time.process_time()
    extract(b"<a " + (unit * (HALF_MEBIBYTE // len(unit))).encode())
    extract((unit * (HALF_MEBIBYTE // len(unit))).encode())
    assert time.process_time() - begun < 3
