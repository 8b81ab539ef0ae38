"""The surface probe against real nginx and Apache, and against servers that behave badly."""

from __future__ import annotations

import asyncio
import gzip
import io
import socket
import subprocess
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from spbe_audit.catalogue import load_check
from spbe_audit.check import Outcome, Verdict
from spbe_audit.evidence import (
    Attempt,
    FailureKind,
    HttpEvidence,
    PathAnswer,
    Probe,
    SurfaceEvidence,
    attempt_from_json,
    attempt_to_json,
    canonical_json,
)
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.http import probe_http
from spbe_audit.probes.surface.paths import BODY_LIMIT
from spbe_audit.probes.surface.probe import probe_surface
from spbe_audit.probes.surface.well_known_paths import WELL_KNOWN_PATHS, paths_for
from spbe_audit.targets import Engagement, Intensity, Service
from tests.servers.apache import Apache, apache, check_configuration
from tests.servers.certificates import make_leaf
from tests.servers.nginx import Nginx, nginx
from tests.servers.raw import (
    Behaviour,
    RawServer,
    dead_port,
    floods,
    page,
    raw_server,
    responds,
    stays_silent,
)

SECRET = b"a key of this run"
HASTY = Deadlines(connect=2.0, exchange=2.0, http=12.0)
SITE = "site.test"
LISTED = len(paths_for(SITE, "/"))
OTHERS = 2 + 1 + 1 + 3  # two random paths, OPTIONS, TRACE, three foreign origins


def service(url: str) -> Service:
    return Service("portal", "Portal", url, url, "diskominfo")


def door(deadlines: Deadlines | None = None) -> Door:
    return Door(deadlines=deadlines or Deadlines(), hosts={SITE: ("127.0.0.1",)})


def visit(
    url: str, intensity: Intensity = Intensity.STANDARD, used: Door | None = None
) -> tuple[Attempt, Attempt]:
    """The http probe and the surface probe on one service; random names are counted."""
    numbers = count(1)

    async def run() -> tuple[Attempt, Attempt]:
        through = used or door()
        http = await probe_http(service(url), door=through, secret=SECRET)
        assert isinstance(http.result, HttpEvidence), http.result
        surface = await probe_surface(
            service(url),
            http=http.result,
            door=through,
            secret=SECRET,
            intensity=intensity,
            name=lambda: f"a1b2c3d4{next(numbers)}",
        )
        return http, surface

    return asyncio.run(run())


def evidence(attempt: Attempt) -> SurfaceEvidence:
    assert isinstance(attempt.result, SurfaceEvidence), attempt.result
    return attempt.result


def surface_of(url: str, intensity: Intensity = Intensity.STANDARD) -> SurfaceEvidence:
    return evidence(visit(url, intensity)[1])


def shown(surface: SurfaceEvidence) -> dict[str, str]:
    return {one.path: one.confirmed for one in surface.paths if one.shown}


def answer(surface: SurfaceEvidence, path: str) -> PathAnswer:
    return next(one for one in surface.paths if one.path == path)


def outcome(check_id: str, attempts: Sequence[Attempt]) -> Outcome:
    """What a check says of the evidence that was collected."""
    check = load_check(check_id).check
    results = {attempt.probe: attempt.result for attempt in attempts}
    found = tuple(results[probe] for probe in check.probes)
    return check.run(found, check.params_type())  # type: ignore[arg-type] # none is a Failure here


def verdicts(attempts: Sequence[Attempt]) -> dict[str, Verdict]:
    names = (
        "admin_interface api_documentation cors default_page directory_listing error_page"
        " exposed_files known_software methods security_txt"
    )
    return {name: outcome(f"http.{name}", attempts).verdict for name in names.split()}


# --- an Apache that shows everything -------------------------------------------------------------

GOOD_SECURITY_TXT = "Contact: mailto:csirt@example.go.id\nExpires: {expires}\n"
LEAKY = """
<VirtualHost 127.0.0.1:PORT_0>
  DocumentRoot DIRECTORY/site
  TraceEnable On
  <Directory DIRECTORY/site>
    Require all granted
    Options +Indexes
    AllowOverride None
  </Directory>
  AddEncoding x-gzip .gz
  AddType "text/plain; charset=utf-8" .txt
  AddType text/html .php
  <Location /server-status>
    SetHandler server-status
  </Location>
  <Location /manager/html>
    AuthType Basic
    AuthName "Tomcat Manager Application"
    AuthUserFile DIRECTORY/users
    Require valid-user
  </Location>
  Redirect 302 /wp-admin/ /wp-login.php
  SetEnvIf Origin "^(.+)$" FOREIGN=$1
  Header set Access-Control-Allow-Origin %{FOREIGN}e env=FOREIGN
  Header set Access-Control-Allow-Credentials true env=FOREIGN
  Header set X-Powered-By PHP/7.4.33
</VirtualHost>
<VirtualHost 127.0.0.1:PORT_1>
  DocumentRoot DIRECTORY/shared
  TraceEnable Off
  <Directory DIRECTORY/shared>
    Require all granted
  </Directory>
  <Location /dokumen/>
    Dav On
  </Location>
</VirtualHost>
"""
PHPINFO = (
    "<!DOCTYPE html><html><head><style>body {}</style><title>PHP 8.2.7 - phpinfo()</title></head>"
    "<body><h1>PHP Version 8.2.7</h1></body></html>"
)
SWAGGER = (
    "<!DOCTYPE html><html><head><title>Swagger UI</title></head><body><div id='swagger-ui'></div>"
    "<script src='./swagger-ui-bundle.js'></script></body></html>"
)
WORDPRESS = (
    "<!DOCTYPE html><html><head><title>Masuk</title></head><body class='login no-js wp-core-ui'>"
    "<form name='loginform' id='loginform' action='/wp-login.php'></form></body></html>"
)


def _site(directory: Path) -> None:
    """The files of a site that was copied to its server with everything in it."""
    site, shared = directory / "site", directory / "shared"
    texts = {
        "index.html": "<!DOCTYPE html><html lang=id><title>Portal</title><p>Selamat datang</html>",
        ".git/HEAD": "ref: refs/heads/main\n",
        ".git/config": "[core]\n\trepositoryformatversion = 0\n\tbare = false\n",
        ".env": "APP_ENV=production\nAPP_KEY=base64:c2VjcmV0\nDB_PASSWORD=rahasia-sekali\n",
        "db.sql": "-- MySQL dump 10.13\nCREATE TABLE `warga` (\n  `nik` char(16)\n);\n",
        "info.php": PHPINFO,
        "swagger-ui/index.html": SWAGGER,
        "wp-login.php": WORDPRESS,
        "uploads/ktp.txt": "x",
        "manager/html/index.html": "x",
        "composer.lock": '{\n  "_readme": ["x"],\n  "content-hash": "1f3a",\n  "packages": []\n}',
        "docs/index.html": "<!DOCTYPE html><html><title>Panduan</title><p>swagger-ui.html</html>",
        ".well-known/security.txt": GOOD_SECURITY_TXT.format(expires=_next_year()),
    }
    for name, text in texts.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.php", "<?php")
    (site / f"{SITE}.zip").write_bytes(packed.getvalue())
    bundle = io.BytesIO()
    with tarfile.open(fileobj=bundle, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("index.php"), io.BytesIO())
    (site / "backup.tar.gz").write_bytes(gzip.compress(bundle.getvalue()))
    (directory / "users").write_text("")
    (shared / "dokumen").mkdir(parents=True)
    (shared / "index.html").write_text("<!DOCTYPE html><title>Dokumen</title>")
    (shared / "dokumen" / "index.html").write_text("<!DOCTYPE html><title>Dokumen</title>")


def _next_year() -> str:
    return f"{datetime.now(UTC).year + 1}-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apache]:
    directory = tmp_path_factory.mktemp("leaky")
    _site(directory)
    with apache(directory, LEAKY, ports=2) as server:
        yield server


@pytest.fixture(scope="module")
def leaky_visit(leaky: Apache) -> tuple[Attempt, Attempt]:
    return visit(f"http://{SITE}:{leaky.ports[0]}/")


def test_what_is_shown_is_named_by_its_content(leaky_visit: tuple[Attempt, Attempt]) -> None:
    surface = evidence(leaky_visit[1])
    found = shown(surface)
    assert found.pop("/uploads/") == "listing.apache"
    assert found == {
        "/.git/HEAD": "ref: refs/",
        "/.git/config": "[core]",
        "/.env": "KEY=VALUE",
        "/db.sql": "SQL",
        f"/{SITE}.zip": "ZIP",
        "/backup.tar.gz": "TAR",
        "/info.php": "phpinfo()",
        "/server-status": "Apache Server Status",
        "/composer.lock": "composer.lock",
        "/wp-admin/": "WordPress",
        "/swagger-ui/index.html": "Swagger UI",
    }
    assert answer(surface, "/wp-admin/").url.endswith("/wp-login.php")
    assert answer(surface, "/manager/html").restricted
    assert answer(surface, "/docs").confirmed == ""


def test_the_checks_name_the_faults(leaky_visit: tuple[Attempt, Attempt]) -> None:
    assert verdicts(leaky_visit) == {
        "admin_interface": Verdict.FAIL,
        "api_documentation": Verdict.FAIL,
        "cors": Verdict.FAIL,
        "default_page": Verdict.PASS,
        "directory_listing": Verdict.FAIL,
        "error_page": Verdict.PASS,
        "exposed_files": Verdict.FAIL,
        "known_software": Verdict.FAIL,
        "methods": Verdict.FAIL,
        "security_txt": Verdict.FAIL,
    }
    assert outcome("http.methods", leaky_visit).facts["offered"] == ("TRACE",)
    problems = outcome("http.cors", leaky_visit).facts["problems"]
    assert problems == ("reflected_with_credentials", "null_allowed")
    assert outcome("http.security_txt", leaky_visit).facts["problems"] == ("not_https",)
    assert outcome("http.admin_interface", leaky_visit).facts["restricted"] == ("/manager/html",)


def test_the_content_itself_is_not_kept(leaky_visit: tuple[Attempt, Attempt]) -> None:
    attempt = leaky_visit[1]
    text = canonical_json(attempt_to_json(attempt))
    assert attempt_from_json(text) == attempt
    for secret in ("rahasia-sekali", "DB_PASSWORD", "warga", "ktp.txt", "refs/heads"):
        assert secret not in text
    assert answer(evidence(attempt), "/.env").body_size == 70
    assert attempt.endpoint.key == f"surface {attempt.endpoint.url}"
    assert (attempt.probe, attempt.tool.name) == (Probe.SURFACE, "httpx")


def test_only_methods_that_change_nothing_are_sent(leaky: Apache) -> None:
    before = len(leaky.requests())
    attempt = visit(f"http://{SITE}:{leaky.ports[0]}/")[1]
    requests = leaky.requests()[before + 1 :]  # without the one of the http probe
    assert Counter(method for method, _ in requests) == {
        "GET": 2 + 3 + 1 + LISTED + 2,  # two of the paths redirect
        "OPTIONS": 1,
        "TRACE": 1,
    }
    assert attempt.connections == len(requests)


def test_webdav_offers_to_write(leaky: Apache) -> None:
    attempts = visit(f"http://{SITE}:{leaky.ports[1]}/dokumen/index.html")
    methods = evidence(attempts[1]).methods
    assert methods
    assert {"PUT", "DELETE", "PROPFIND"} <= set(methods)
    assert evidence(attempts[1]).trace is False
    told = outcome("http.methods", attempts)
    assert told.verdict is Verdict.FAIL
    assert set(told.facts["offered"]) == {"PUT", "DELETE"}  # type: ignore[arg-type] # a tuple
    assert not [method for method, _ in leaky.requests() if method not in ALLOWED_METHODS]


ALLOWED_METHODS = {"GET", "OPTIONS", "TRACE"}


# --- sites of many kinds on one nginx -----------------------------------------------------------

SITES = r"""
map $http_origin $own { default ""; "~^https://site\.test" $http_origin; }
map $http_origin $nothing { default ""; "null" "null"; }
server {  # 0: a good site
  listen 127.0.0.1:PORT_0 ssl; ssl_certificate CERTIFICATE; ssl_certificate_key KEY;
  server_tokens off;
  location = / { default_type text/html; return 200 "<!DOCTYPE html><title>Portal</title>"; }
  location = /.well-known/security.txt {
    default_type "text/plain; charset=utf-8";
    return 200 "Contact: mailto:csirt@example.go.id\nExpires: EXPIRES\n";
  }
  location / { return 404; }
}
server {  # 1: the same page with the path and a token for everything
  listen 127.0.0.1:PORT_1;
  location / {
    default_type text/html;
    return 200 "<!DOCTYPE html><html><head><title>$uri - Situs</title>
      <meta name=csrf content=$request_id></head><body class=login><h1>Hasil $request_uri</h1>
      <p>Index of $uri, phpMyAdmin, swagger-ui, APP_KEY=x, ref: refs/ tidak ditemukan di situs
      resmi pemerintah kabupaten</p></body></html>";
  }
}
server {  # 2: everything is sent to the login page
  listen 127.0.0.1:PORT_2;
  location = /masuk { default_type text/html; return 200 "<!DOCTYPE html><title>Masuk</title>"; }
  location / { return 302 /masuk?kembali=$request_uri; }
}
server {  # 3: dot files are withheld, everything else is missing
  listen 127.0.0.1:PORT_3;
  location = / { default_type text/html; return 200 "<!DOCTYPE html><title>Portal</title>"; }
  location ~ /\. { return 403; }
  location / { return 404; }
  add_header Access-Control-Allow-Origin $own;
}
server {  # 4: text for everything, everybody may read it, null too
  listen 127.0.0.1:PORT_4;
  add_header Access-Control-Allow-Origin $nothing;
  location / { default_type text/plain; return 200 "OK"; }
}
server {  # 5: a stack trace for what is missing; the front page is nginx's own
  listen 127.0.0.1:PORT_5;
  default_type text/html;
  location = / {
    return 200 "<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head>
      <body><h1>Welcome to nginx!</h1></body></html>";
  }
  location ~ \.php$ {
    return 500 "<b>Fatal error</b>: Uncaught in <b>/var/www/html/a.php</b> on line <b>12</b>";
  }
  location / { return 404; }
}
server {  # 6: everything is one page with phpinfo() in it, for everybody and with credentials
  listen 127.0.0.1:PORT_6;
  add_header Access-Control-Allow-Origin *;
  add_header Access-Control-Allow-Credentials true;
  default_type text/html;
  location / { return 200 "<html><title>phpinfo()</title><body>$request_id $request_uri</html>"; }
}
server {  # 7: an application in a folder of its own, with its repository
  listen 127.0.0.1:PORT_7;
  default_type text/html;
  location = /simpeg/ { return 200 "<!DOCTYPE html><title>Simpeg</title>"; }
  location = /simpeg/.git/HEAD { return 200 "ref: refs/heads/main\n"; }
  location = /.env { return 200 "DB_PASSWORD=x\n"; }
  location /simpeg/ { return 200 "<!DOCTYPE html><title>Simpeg</title><p>tidak ada"; }
  location / { return 404; }
}
"""


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    identity = make_leaf(None, (SITE,))
    text = SITES.replace("EXPIRES", _next_year())
    with nginx(tmp_path_factory.mktemp("sites"), text, ports=8, identity=identity) as server:
        yield server


def test_a_good_site_has_no_findings(sites: Nginx) -> None:
    attempts = visit(f"https://{SITE}:{sites.ports[0]}/")
    assert set(verdicts(attempts).values()) <= {Verdict.PASS, Verdict.NOT_APPLICABLE}
    surface = evidence(attempts[1])
    assert surface.origin == f"https://{SITE}:{sites.ports[0]}"
    assert surface.failures == ()
    assert surface.missing
    assert surface.missing.status == 404
    assert surface.methods is None
    assert surface.trace is False
    assert [one.allow_origin for one in surface.cors] == ["", "", ""]
    assert [one.origin for one in surface.cors] == [
        "https://a1b2c3d43.example",
        "null",
        f"https://{SITE}.example",
    ]
    assert surface.security_txt_url.endswith("/.well-known/security.txt")
    assert attempts[1].connections == OTHERS + 1 + LISTED


def _log(sites: Nginx) -> list[str]:
    return (sites.directory / "access.log").read_text().splitlines()


def test_how_much_each_intensity_sends(sites: Nginx) -> None:
    url = f"http://{SITE}:{sites.ports[3]}/"

    def sent(intensity: Intensity) -> Counter[str]:
        before = len(_log(sites))
        attempt = visit(url, intensity)[1]
        lines = _log(sites)[before + 1 :]
        assert attempt.connections == len(lines)
        return Counter(line.split('"')[1].split()[0] for line in lines)

    assert sent(Intensity.LIGHT) == {"GET": 3, "OPTIONS": 1}
    controls = 1  # one run of five paths that are withheld was looked at twice
    everything = {"GET": 2 + 2 + 3 + LISTED + controls, "OPTIONS": 1, "TRACE": 1}
    assert sent(Intensity.STANDARD) == everything
    assert sent(Intensity.THOROUGH) == everything


def test_light_asks_for_no_path(sites: Nginx) -> None:
    attempts = visit(f"https://{SITE}:{sites.ports[0]}/", Intensity.LIGHT)
    surface = evidence(attempts[1])
    assert [one.purpose for one in surface.paths] == ["missing"]
    assert (surface.trace, surface.cors) == (None, ())
    found = verdicts(attempts)
    assert found["exposed_files"] is Verdict.NOT_APPLICABLE
    assert found["error_page"] is Verdict.PASS
    assert Verdict.UNKNOWN not in found.values()


@pytest.mark.parametrize("site", [1, 2, 4, 6])
def test_a_site_that_answers_everything_shows_nothing(sites: Nginx, site: int) -> None:
    attempts = visit(f"http://{SITE}:{sites.ports[site]}/")
    surface = evidence(attempts[1])
    assert shown(surface) == {}
    assert [one.path for one in surface.paths if not one.like_missing] == []
    assert surface.security_txt == ""
    found = verdicts(attempts)
    for name in ("exposed_files", "admin_interface", "api_documentation", "directory_listing"):
        assert found[name] is Verdict.PASS, name


def test_withheld_paths_are_no_firewall(sites: Nginx) -> None:
    surface = surface_of(f"http://{SITE}:{sites.ports[3]}/")
    assert answer(surface, "/.git/HEAD").restricted
    assert {one.failure for one in surface.paths} == {""}


def test_foreign_origins(sites: Nginx) -> None:
    def problems(site: int) -> object:
        return outcome("http.cors", visit(f"http://{SITE}:{sites.ports[site]}/")).facts["problems"]

    assert problems(3) == ("reflected",)  # the origin that begins like its own
    assert problems(4) == ("null_allowed",)
    assert problems(6) == ("any_with_credentials",)


def test_an_error_page_that_tells_too_much(sites: Nginx) -> None:
    attempts = visit(f"http://{SITE}:{sites.ports[5]}/")
    told = outcome("http.error_page", attempts)
    assert told.verdict is Verdict.FAIL
    assert "stack_trace.php" in str(told.facts)
    assert outcome("http.default_page", attempts).facts["kind"] == ("default.nginx",)
    assert shown(evidence(attempts[1])) == {}


def test_a_service_in_a_folder_is_asked_there_too(sites: Nginx) -> None:
    surface = surface_of(f"http://{SITE}:{sites.ports[7]}/simpeg/")
    assert shown(surface) == {"/.env": "KEY=VALUE", "/simpeg/.git/HEAD": "ref: refs/"}
    assert surface.missing
    assert urlsplit(surface.missing.url).path == "/simpeg/a1b2c3d41"
    asked = [one.path for one in surface.paths]
    assert len(asked) == len(set(asked))


# --- servers that behave badly -------------------------------------------------------------------


def _path(request: bytes) -> str:
    return request.split(b" ", 2)[1].decode("ascii")


NOT_FOUND = page(b"Tidak ada", "Content-Type: text/plain", status="404 Not Found")


def _probe_raw(
    behaviour: Behaviour, path: str = "/", deadlines: Deadlines = HASTY
) -> tuple[SurfaceEvidence, RawServer, tuple[Attempt, Attempt]]:
    with raw_server(behaviour) as server:
        attempts = visit(f"http://{SITE}:{server.port}{path}", used=door(deadlines))
    return evidence(attempts[1]), server, attempts


def _after(limit: int, later: Callable[[bytes], bytes]) -> Behaviour:
    """Answer "not found", and from the ``limit``th request on as ``later`` says."""
    numbers = count(1)
    return responds(lambda request: later(request) if next(numbers) > limit else NOT_FOUND)


@pytest.mark.parametrize(
    "refusal",
    [
        page(b"Forbidden", status="403 Forbidden"),
        page(b"Too many", status="429 Too Many Requests"),
        page(
            b"<html><title>Request Rejected</title>The requested URL was rejected. Your support ID"
            b" is: 1234567890</html>",
            "Content-Type: text/html",
        ),
        b"",
    ],
    ids=["403", "429", "block page with 200", "cut off"],
)
def test_a_firewall_that_wakes_up_is_left_alone(refusal: bytes) -> None:
    surface, server, attempts = _probe_raw(_after(30, lambda _: refusal))
    blocked = [one for one in surface.paths if one.failure]
    assert {one.failure for one in blocked} <= {"blocked", "reset"}
    assert surface.paths[-1].failure == "blocked"
    assert len(server.requests) <= 30 + 10
    seen = [one for one in surface.paths if not one.failure]
    assert all(one.like_missing for one in seen)  # no refusal is taken for an answer
    assert outcome("http.exposed_files", attempts).verdict is Verdict.UNKNOWN
    assert outcome("http.admin_interface", attempts).verdict is Verdict.UNKNOWN


def test_paths_that_a_firewall_swallows_do_not_end_the_visit() -> None:
    def answered(request: bytes) -> bytes:
        return b"" if _path(request).startswith(("/.git", "/.svn", "/.hg")) else NOT_FOUND

    surface, _, attempts = _probe_raw(responds(answered))
    silent = {one.path: one.failure for one in surface.paths if one.failure}
    swallowed = ["/.git/HEAD", "/.git/config", "/.svn/entries", "/.svn/wc.db", "/.hg/requires"]
    assert silent == dict.fromkeys(swallowed, "reset")
    told = outcome("http.exposed_files", attempts)
    assert (told.verdict, told.reason) == (Verdict.UNKNOWN, "reset")
    assert outcome("http.admin_interface", attempts).verdict is Verdict.PASS


def test_a_path_that_hangs_is_not_taken_for_absent() -> None:
    def behave(connection: socket.socket, server: RawServer) -> None:
        if server.connections in hanging:
            stays_silent()(connection, server)
        else:
            responds(lambda _: NOT_FOUND)(connection, server)

    hanging = {20, 31, 40}
    hasty = Deadlines(connect=1.0, exchange=1.0, http=12.0)
    surface, _, attempts = _probe_raw(behave, deadlines=hasty)
    silent = [one for one in surface.paths if one.failure]
    assert {one.failure for one in silent} == {"timeout"}
    assert 1 <= len(silent) <= 3
    assert surface.paths[-1].like_missing
    assert outcome("http.exposed_files", attempts).verdict is Verdict.UNKNOWN


def test_the_whole_visit_ends_in_time() -> None:
    """Each answer comes within its own limit, all together do not."""
    hasty = Deadlines(connect=1.0, exchange=1.0, http=1.5)

    def slow(connection: socket.socket, server: RawServer) -> None:
        server.stopped.wait(0.15)
        responds(lambda _: NOT_FOUND)(connection, server)

    surface, server, _ = _probe_raw(slow, deadlines=hasty)
    assert surface.paths[-1].failure == "timeout"
    assert len(server.requests) < 40


def test_a_server_that_answers_nothing_more_is_a_failure() -> None:
    numbers = count(1)
    behaviour = responds(lambda _: NOT_FOUND if next(numbers) == 1 else b"")
    with raw_server(behaviour) as server:
        attempt = visit(f"http://{SITE}:{server.port}/", used=door(HASTY))[1]
    assert attempt.failure
    assert attempt.failure.kind is FailureKind.RESET
    assert len(server.requests) == 1 + 3


def test_no_packet_leaves_the_scope() -> None:
    async def run(port: int) -> Attempt:
        url = f"http://{SITE}:{port}/"
        http = await probe_http(service(url), door=door(), secret=SECRET)
        assert isinstance(http.result, HttpEvidence)
        engagement = Engagement(
            letter="ST-1",
            issued_by="Inspektur",
            valid_from=datetime(2000, 1, 1, tzinfo=UTC),
            valid_until=datetime(2100, 1, 1, tzinfo=UTC),
            names=("other.test",),
            networks=(ip_network("192.0.2.0/24"),),
            contact="csirt@example.test",
        )
        narrow = Door(engagement=engagement, hosts={SITE: ("127.0.0.1",)})
        return await probe_surface(
            service(url),
            http=http.result,
            door=narrow,
            secret=SECRET,
            intensity=Intensity.STANDARD,
        )

    with raw_server(responds(lambda _: NOT_FOUND)) as server:
        attempt = asyncio.run(run(server.port))
    assert attempt.failure
    assert attempt.failure.kind is FailureKind.OUT_OF_SCOPE
    assert (attempt.connections, server.connections) == (0, 1)


def test_a_redirect_to_another_host_is_not_followed() -> None:
    with dead_port() as elsewhere:

        def sends_away(request: bytes) -> bytes:
            target = f"http://other.test:{elsewhere}{_path(request)}"
            return page(b"", f"Location: {target}", status="301 Moved Permanently")

        surface, server, _ = _probe_raw(responds(sends_away))
    assert shown(surface) == {}
    assert answer(surface, "/phpmyadmin/").status == 301
    assert len(server.requests) == OTHERS + 2 + LISTED + 1  # the one of the http probe


def test_redirects_in_a_circle_end() -> None:
    def circles(request: bytes) -> bytes:
        return page(b"", f"Location: {_path(request)}x", status="302 Found")

    surface, server, _ = _probe_raw(responds(circles))
    assert shown(surface) == {}
    assert len(server.requests) < 3 * (OTHERS + LISTED) + 20


def test_a_flood_is_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"

    def behave(connection: socket.socket, server: RawServer) -> None:
        if server.connections in {15, 16}:
            floods(head, b"x" * 4096)(connection, server)
        else:
            responds(lambda _: NOT_FOUND)(connection, server)

    surface, _, _ = _probe_raw(behave, deadlines=Deadlines())
    flooded = [one for one in surface.paths if one.status == 200]
    assert [one.body_size for one in flooded] == [BODY_LIMIT, BODY_LIMIT]


def test_the_list_is_asked_once_and_in_order(sites: Nginx) -> None:
    asked = [one.path for one in surface_of(f"http://{SITE}:{sites.ports[4]}/").paths]
    assert asked[2:] == [path for path, _ in paths_for(SITE, "/")]
    assert len(WELL_KNOWN_PATHS) == LISTED


# --- what the remedies tell to write ---------------------------------------------------------

CONFIGURED = [
    "admin_interface",
    "api_documentation",
    "cors",
    "directory_listing",
    "error_page",
    "exposed_files",
    "methods",
    "security_txt",
]
NGINX_PLACES = (
    "{}",
    "server {{ {} }}",
    "server {{ location / {{ {} }} }}",
)


@pytest.mark.parametrize("name", CONFIGURED)
def test_nginx_accepts_the_remedy(tmp_path: Path, name: str) -> None:
    snippet = load_check(f"http.{name}").texts.remedy.snippets["nginx"]
    verdicts = []
    for place in NGINX_PLACES:
        file = tmp_path / "nginx.conf"
        inside = place.format(snippet)
        file.write_text(f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {inside} }}")
        command = ["/usr/sbin/nginx", "-t", "-q", "-c", str(file), "-e", str(tmp_path / "log")]
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
        verdicts.append(tried.stderr)
        if tried.returncode == 0:
            return
    raise AssertionError(verdicts)


@pytest.mark.parametrize("name", CONFIGURED)
def test_apache_accepts_the_remedy(tmp_path: Path, name: str) -> None:
    snippet = load_check(f"http.{name}").texts.remedy.snippets["apache"]
    told = check_configuration(tmp_path, f"<Directory />\n{snippet}\n</Directory>")
    if told:
        told = check_configuration(tmp_path, snippet)
    assert not told
