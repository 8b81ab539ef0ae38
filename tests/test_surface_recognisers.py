"""What confirms a well-known path, and what must not: words about a thing are not the thing."""

from __future__ import annotations

import base64
import gzip
import io
import re
import sqlite3
import tarfile
import time
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.evidence import (
    find_end_of_life,
    parse_security_txt,
    shown_versions,
)
from spbe_audit.evidence.end_of_life import END_OF_LIFE
from spbe_audit.probes.surface import recognisers
from spbe_audit.probes.surface.likeness import alike, redirect_goal, without_echo
from spbe_audit.probes.surface.paths import BODY_LIMIT
from spbe_audit.probes.surface.recognisers import Content, Recogniser
from spbe_audit.probes.surface.well_known_paths import WELL_KNOWN_PATHS, paths_for

ROOT = Path(__file__).parent.parent
HTML = "<!DOCTYPE html><html lang=id><head><title>{title}</title></head><body>{body}</body></html>"


def page(body: str, title: str = "Situs", attributes: str = "") -> str:
    return HTML.format(title=title, body=body).replace("<body>", f"<body {attributes}>")


def content(data: str | bytes) -> Content:
    body = data.encode() if isinstance(data, str) else data
    return Content(body[:BODY_LIMIT], body[:BODY_LIMIT].decode("utf-8", "replace"))


def _tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("index.php"), io.BytesIO())
    return packed.getvalue()


def _database() -> bytes:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE TABLE wcroot (id INTEGER)")
        return connection.serialize()
    finally:
        connection.close()


KEY = "-----BEGIN {}PRIVATE KEY-----\nMIIE\n-----END {}PRIVATE KEY-----\n"
SAMPLES: tuple[tuple[Recogniser, str | bytes, str], ...] = (
    (recognisers.git_head, "ref: refs/heads/main\n", "ref: refs/"),
    (recognisers.git_head, "8a3f" * 10 + "\n", "ref: refs/"),
    (recognisers.git_config, "[core]\n\trepositoryformatversion = 0\n[remote]\n", "[core]"),
    (recognisers.svn_entries, "12\n", "entries"),
    (recognisers.svn_entries, "10\n\ndir\n4711\nhttps://svn.example.go.id/portal\n", "entries"),
    (recognisers.svn_database, _database(), "SQLite format 3"),
    (recognisers.hg_requires, "dotencode\nfncache\nrevlogv1\nstore\n", "requires"),
    (recognisers.environment, "# x\nAPP_ENV=local\n\nAPP_DEBUG = true\nDB_HOST=\n", "KEY=VALUE"),
    (recognisers.environment, "export SECRET_KEY='x'", "KEY=VALUE"),
    (recognisers.php_source, "<?php\ndefine('DB_PASSWORD', 'x');\n", "<?php"),
    (recognisers.php_source, "\n<?php\n$db = ['host' => 'x'];", "<?php"),
    (recognisers.password_hashes, "admin:$apr1$x1y2$abcdefghijkl/.\n", "user:hash"),
    (recognisers.password_hashes, "a:$2y$05$abc\nb:{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=", "user:hash"),
    (recognisers.htaccess, "# BEGIN\n<IfModule mod_rewrite.c>\nRewriteEngine On\n", ".htaccess"),
    (recognisers.htaccess, "Options -Indexes\n", ".htaccess"),
    (
        recognisers.web_config,
        "<?xml version='1.0'?><configuration><system.web></system.web></configuration>",
        "<configuration>",
    ),
    (recognisers.private_key, KEY.format("OPENSSH ", "OPENSSH "), "PRIVATE KEY"),
    (recognisers.private_key, KEY.format("", ""), "PRIVATE KEY"),
    (recognisers.ds_store, b"\0\0\0\1Bud1\0\0\x10", "Bud1"),
    (recognisers.archive, b"PK\x03\x04rest", "ZIP"),
    (recognisers.archive, gzip.compress(b"x", mtime=0), "GZIP"),
    (recognisers.archive, _tar(), "TAR"),
    (recognisers.archive, b"Rar!\x1a\x07\x01\0", "RAR"),
    (recognisers.sql_dump, "-- PostgreSQL database dump\n\nSET x = 0;\n", "SQL"),
    (recognisers.sql_dump, "SET NAMES utf8;\nINSERT INTO `users` VALUES (1);\n", "SQL"),
    (recognisers.phpinfo, page("<h1>PHP</h1>", "PHP 7.4.3-4ubuntu2.29 - phpinfo()"), "phpinfo()"),
    (recognisers.phpinfo, page("", "phpinfo()"), "phpinfo()"),
    (
        recognisers.apache_status,
        page("<h1>Apache Server Status for localhost (via 127.0.0.1)</h1>", "Apache Status"),
        "Apache Server Status",
    ),
    (
        recognisers.apache_info,
        page("<h1 style='x'>Apache Server Information</h1>"),
        "Apache Server Information",
    ),
    (
        recognisers.nginx_status,
        "Active connections: 1 \nserver accepts handled requests\n 1 1 1 \n",
        "Active connections",
    ),
    (
        recognisers.actuator_environment,
        '{"activeProfiles":[],"propertySources":[{"name":"server.ports"}]}',
        "propertySources",
    ),
    (recognisers.elmah, page("", "Error log for / on WEB01 (Page #1)"), "ELMAH"),
    (
        recognisers.asp_trace,
        page("<h1>Application Trace</h1><h2>Requests to this Application</h2>"),
        "Application Trace",
    ),
    (recognisers.composer_lock, '{\n "_readme": [],\n "content-hash": "1"}', "composer.lock"),
    (recognisers.composer_json, '{"name": "x/y", "require": {"php": "^8.1"}}', "composer.json"),
    (recognisers.package_lock, '{"name": "x", "lockfileVersion": 3}', "lockfileVersion"),
    (
        recognisers.yarn_lock,
        "# THIS IS AN AUTOGENERATED FILE. DO NOT EDIT THIS FILE DIRECTLY.\n# yarn lockfile v1\n",
        "yarn lockfile",
    ),
    (recognisers.log, "[2026-01-15 08:00:00] production.ERROR: SQLSTATE[HY000]", "Laravel log"),
    (recognisers.log, "[15-Jan-2026 01:02:03 UTC] PHP Warning:  Undefined index", "PHP log"),
    (
        recognisers.log,
        "[Thu Jan 15 08:00:00.123456 2026] [php:error] [pid 1] [client 10.0.0.1:1]",
        "server log",
    ),
    (
        recognisers.phpmyadmin,
        page("<link href='./themes/pmahomme/css/theme.css'>", "phpMyAdmin"),
        "phpMyAdmin",
    ),
    (recognisers.adminer, page("<select name='auth[driver]'>", "Login - Adminer"), "Adminer"),
    (
        recognisers.wordpress_login,
        page("", "Masuk", "class='login no-js login-action-login wp-core-ui locale-id-id'"),
        "WordPress",
    ),
    (recognisers.joomla_login, page("", attributes="class='site com_login view-login'"), "Joomla"),
    (
        recognisers.joomla_login,
        page('<input type="hidden" name="option" value="com_login">'),
        "Joomla",
    ),
    (recognisers.django_admin, page("", "Log in | Django site admin"), "Django administration"),
    (
        recognisers.tomcat_manager,
        page("<font>Tomcat Web Application Manager</font>", "/manager"),
        "Tomcat Manager",
    ),
    (recognisers.cpanel, page("", "cPanel Login"), "cPanel"),
    (recognisers.webmin, page("<form method=post action='/session_login.cgi'>"), "Webmin"),
    (recognisers.api_page, page("<script src='./swagger-ui-bundle.js'>"), "Swagger UI"),
    (recognisers.api_page, page("<redoc spec-url='x'></redoc>"), "ReDoc"),
    (recognisers.api_page, page("<script src='/graphiql.min.js'>"), "GraphiQL"),
    (recognisers.api_page, page("", "GraphQL Playground"), "GraphiQL"),
    (recognisers.openapi, '{"swagger":"2.0","info":{}}', "OpenAPI"),
    (recognisers.openapi, '{\n  "openapi": "3.1.0"', "OpenAPI"),
    (recognisers.openapi, "openapi: 3.0.3\ninfo:\n  title: x\n", "OpenAPI"),
    (
        recognisers.directory_listing,
        (
            "<html><head><title>Index of /uploads/</title></head><body><h1>Index of /uploads/</h1>"
            '<hr><pre><a href="../">../</a></pre>'
        ),
        "listing.nginx",
    ),
)
STRANGERS: tuple[str | bytes, ...] = (
    "",
    "OK",
    "12 pegawai",
    page("<p>Halaman tidak ditemukan</p>", "404"),
    page("<pre>ref: refs/heads/main\n[core]\nAPP_KEY=x\nDB_HOST=y\n</pre>", "Belajar git"),
    page("<pre>CREATE TABLE warga (id int);\nINSERT INTO warga VALUES (1);</pre>", "Kursus SQL"),
    page("<p>Cara memasang phpMyAdmin, Adminer, Webmin, dan cPanel Login</p>", "phpMyAdmin"),
    page("<p>Swagger UI, OpenAPI 3.0, GraphiQL, ReDoc</p>", "Dokumentasi"),
    page("<p>phpinfo() menampilkan pengaturan</p>", "Apa itu phpinfo()?"),
    page("<pre>RewriteEngine On\nOptions -Indexes</pre>", "Panduan .htaccess"),
    '{"error": "not found", "path": "/v2/api-docs", "require": "login"}',
    '{"status":404,"openapi":false,"packages":null}',
    "User-agent: *\nDisallow: /.git/\nDisallow: /backup.zip\nSitemap: https://x/sitemap.xml\n",
    b"\x89PNG\r\n\x1a\n" + bytes(300),
    b"\xff\xfe" + "Tidak ada".encode("utf-16-le"),
)


@pytest.mark.parametrize(("recognise", "sample", "name"), SAMPLES)
def test_a_thing_is_known_by_its_content(
    recognise: Recogniser, sample: str | bytes, name: str
) -> None:
    assert recognise(content(sample)) == name


def test_every_path_has_a_sample() -> None:
    shown = {recognise for recognise, _, _ in SAMPLES}
    assert {one.recognise for one in WELL_KNOWN_PATHS} <= shown


@pytest.mark.parametrize("one", WELL_KNOWN_PATHS, ids=lambda one: one.path)
def test_words_about_a_thing_are_not_the_thing(one: object) -> None:
    known = next(path for path in WELL_KNOWN_PATHS if path is one)
    for stranger in STRANGERS:
        assert known.recognise(content(stranger)) == "", stranger


@pytest.mark.parametrize("one", WELL_KNOWN_PATHS, ids=lambda one: one.path)
def test_a_path_that_a_page_repeats_proves_nothing(one: object) -> None:
    known = next(path for path in WELL_KNOWN_PATHS if path is one)
    name = known.path.strip("/")
    spellings = " ".join(
        spell for path in (known.path, name) for spell in (path, quote(path, safe=""), escape(path))
    )
    title = f"{name} - Situs"
    echoes = (
        page(f"<h1>{spellings}</h1><a href='{known.path}?x'>{name}</a>", title, f"class='{name}'"),
        page(f"<title>{name}</title><div id='{name}'>", name, f"class='login {name}'"),
        f"{known.path}\n{name}\n",
        f'{{"path": "{known.path}", "{name}": "{name}"}}',
    )
    for echo in echoes:
        assert known.recognise(content(echo)) == "", echo


SLOW = (
    " ",
    "\n",
    "\t\n",
    "<",
    "<h1",
    "<body class=login",
    "<body <form id=",
    "<title>",
    "<div ",
    "{",
    '{"',
    '"packages"',
    '"swagger"   ',
    "exp-",
    "store ",
    "A",
    "A=",
    "a:",
    "[15-Jan-2026 ",
    "[Thu Jan 15 ",
    "CREATE TABLE ",
    "RewriteCond ",
    "<configuration",
    "Powered by <a",
    "Application Trace   ",
)


@pytest.mark.parametrize("fragment", SLOW)
def test_no_text_makes_a_recogniser_slow(fragment: str) -> None:
    text = (fragment * BODY_LIMIT)[:BODY_LIMIT]
    for begin in ("", "{", "<html>"):
        hostile = Content(b"", (begin + text)[:BODY_LIMIT])
        for recognise in {one.recognise for one in WELL_KNOWN_PATHS}:
            started = time.process_time()
            recognise(hostile)
            assert time.process_time() - started < 0.5, recognise


@given(st.binary(max_size=400))
def test_no_body_breaks_a_recogniser(body: bytes) -> None:
    for recognise in {one.recognise for one in WELL_KNOWN_PATHS}:
        assert recognise(content(body)) in {"", *(name for _, _, name in SAMPLES)} or body


# --- likeness --------------------------------------------------------------------------------


def test_what_changes_from_answer_to_answer_does_not_count() -> None:
    def missing(path: str, token: str) -> str:
        body = (
            f"<p>Halaman {path} ({quote(path, safe='')}) tidak ditemukan. Jejak {token} pukul 10:15"
        )
        return without_echo(page(body, path), path)

    assert alike(missing("/a1b2", "9f3c77aa"), missing("/.git/HEAD", "1200ffee"))
    assert not alike(
        missing("/a1b2", "9f3c77aa"), without_echo("ref: refs/heads/main", "/.git/HEAD")
    )
    assert alike("", "")
    assert not alike("", "Tidak ada")
    assert alike("404", "404")
    assert not alike("12", "404")


@pytest.mark.parametrize(
    ("target", "goal"),
    [
        ("https://site.test/masuk?kembali=/.env", "https://site.test/masuk"),
        ("https://site.test/", "https://site.test/"),
        ("https://site.test/.env/", None),
        ("https://site.test/id/%2Eenv", None),
    ],
)
def test_where_a_redirect_leads_whatever_is_asked(target: str, goal: str | None) -> None:
    assert redirect_goal(target, "/.env") == goal


def test_paths_of_a_host_and_a_folder() -> None:
    root = [path for path, _ in paths_for("portal.example.go.id", "/")]
    assert "/portal.example.go.id.zip" in root
    assert len(root) == len(set(root))
    assert not [path for path, _ in paths_for("2001:db8::1", "/") if "zip" in path and ":" in path]
    below = [path for path, _ in paths_for("portal.example.go.id", "/simpeg/")]
    assert below[: len(root)] == root
    assert "/simpeg/.env" in below[len(root) :]


# --- the documented list ---------------------------------------------------------------------


def test_the_documented_list_is_the_list() -> None:
    text = (ROOT / "docs" / "well-known-paths.md").read_text("utf-8")
    rows = re.findall(r"^\| `(/[^`]*)`( †)? \| (\w+) \| (.+) \|$", text, re.MULTILINE)
    listed = [
        (one.path, " †" if one.in_folder else "", one.purpose, one.confirmed_by)
        for one in WELL_KNOWN_PATHS
    ]
    assert rows == listed
    assert f"{len(WELL_KNOWN_PATHS)} paths" in text


# --- security.txt, end of life ---------------------------------------------------------------


@given(st.text(max_size=400))
def test_no_text_breaks_the_reader_of_security_txt(text: str) -> None:
    assert parse_security_txt(text).bad_contacts is not None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-12-31T00:00:00Z", datetime(2026, 12, 31, tzinfo=UTC)),
        ("2026-12-31t07:00:00.123+07:00", datetime(2026, 12, 31, tzinfo=UTC)),
        ("2026-02-31T00:00:00Z", None),
        ("2026-12-31 00:00:00Z", None),
        ("2026-12-31", None),
        ("Thu, 31 Dec 2026 00:00:00 +0000", None),
        ("٢٠٢٦-12-31T00:00:00Z", None),
    ],
)
def test_expiry(written: str, read: datetime | None) -> None:
    assert parse_security_txt(f"Expires: {written}\n").expiry == read


def test_a_signature_is_no_field() -> None:
    armour = base64.b64encode(bytes(40)).decode()
    text = (
        "-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n- -----\r\n"
        "Contact: mailto:a@example.go.id\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\n"
        f"{armour}\r\nContact: mailto:b@example.go.id\r\n-----END PGP SIGNATURE-----\r\n"
    )
    read = parse_security_txt(text)
    assert (read.signed, read.contacts) == (True, ("mailto:a@example.go.id",))
    assert read.malformed == ("-----",)


def test_the_end_of_life_list_is_in_order() -> None:
    for product in {entry.product for entry in END_OF_LIFE}:
        releases = [entry.release for entry in END_OF_LIFE if entry.product == product]
        assert releases == sorted(releases)


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("Apache/1.3.42", date(2018, 1, 1)),
        ("Apache/2.4.62 (Debian)", None),
        ("Apache/2", None),
        ("Apache-Coyote/1.1", None),
        ("PHP/5.2.17", date(2018, 12, 31)),
        ("PHP/7.4.33", date(2022, 11, 28)),
        ("PHP/8.3.1", None),
        ("Microsoft-IIS/7.0", date(2020, 1, 14)),
        ("Microsoft-IIS/10.0", None),
        ("OpenSSL/0.9.8e-fips", date(2019, 12, 31)),
        ("OpenSSL/1.1.0", date(2023, 9, 11)),
        ("OpenSSL/3.0.2", None),
        ("Apache Tomcat/6.0.53", date(2021, 3, 31)),
        ("Apache Tomcat/8.0.1", date(2018, 6, 30)),
        ("Apache Tomcat/8.5.99", date(2024, 3, 31)),
        ("Apache Tomcat/9.0.1", None),
        ("Drupal 7 (https://www.drupal.org)", date(2025, 1, 5)),
        ("Drupal 10 (https://www.drupal.org)", None),
        ("Joomla! 1.5 - Open Source Content Management", date(2023, 8, 17)),
        ("Joomla! - Open Source Content Management", None),
    ],
)
def test_when_support_ended(text: str, ended: date | None) -> None:
    entries = [find_end_of_life(shown) for shown in shown_versions([text])]
    assert [entry.ended for entry in entries if entry] == ([ended] if ended else [])
