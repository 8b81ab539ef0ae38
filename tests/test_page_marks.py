"""Marks: pages as products write them are recognised, what people write about them is not."""

from __future__ import annotations

import asyncio
import http.server
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from spbe_audit.evidence import MARKS, HttpEvidence, PageExtract, page_marks
from spbe_audit.network import Door
from spbe_audit.probes.http import probe_http
from spbe_audit.targets import Service
from tests.servers.nginx import nginx

SAMPLES = yaml.safe_load((Path(__file__).parent / "pages_with_marks.yaml").read_text("utf-8"))
PAGES: dict[str, list[str]] = SAMPLES["written_by_products"]
ABOUT_THEM: dict[str, str] = SAMPLES["written_by_people"]

# A program's message may bear two marks: a trace that tells the server's paths, say.
BESIDE = {"path_leak", "stack_trace.php", "block.generic", "block.aws_waf"}

# Units that almost make a mark, repeated.
NEARLY = (
    "a",
    "at ",
    "at a.b(",
    "at a() in ",
    "at x (/a:",
    "<b>warning</b>: ",
    "fatal error: a in /",
    "#0 a",
    '"file": "',
    'file "a',
    "sqlstate[12345]:a",
    "pg_query(): ",
    "ora-",
    "[microsoft][",
    "/var/www/",
    "/var/www/a b",
    "c:\\inetpub\\",
    "failed opening /",
    "no such file or directory ",
    "<h1>index of ",
    "<h1> - /",
    "<title>",
    "<title >",
    "<h1>",
    "<html>",
    "violation category:",
    "reference #",
    ".rb:1:in `",
    "sedoparking.com/",
    "because you have debug = true in ",
    "displayed at php: 1",
    "&#039;",
    "\u0130",
)


def test_every_mark_has_a_page() -> None:
    assert set(PAGES) == set(MARKS)


@pytest.mark.parametrize(
    ("mark", "text"), [(mark, text) for mark, texts in PAGES.items() for text in texts]
)
def test_what_a_product_writes_is_recognised(mark: str, text: str) -> None:
    found = page_marks(text)
    assert mark in found
    assert set(found) - BESIDE <= {mark}, found


@pytest.mark.parametrize("text", ABOUT_THEM.values(), ids=ABOUT_THEM)
def test_what_people_write_about_it_is_not(text: str) -> None:
    assert page_marks(text) == ()


def test_marks_come_in_order_and_once() -> None:
    both = "".join(text for texts in PAGES.values() for text in texts)
    found = page_marks(both)
    assert list(found) == sorted(set(found), key=MARKS.index)


def test_a_traceback_of_this_very_python() -> None:
    try:
        dict[str, str]()["x"]
    except KeyError:
        assert page_marks(traceback.format_exc()) == ("stack_trace.python",)


# --- real servers


def _front(url: str) -> PageExtract:
    service = Service("portal", "Portal", url, url, "diskominfo")
    result = asyncio.run(probe_http(service, door=Door(), secret=b"key")).result
    assert isinstance(result, HttpEvidence), result
    assert result.front is not None
    assert result.front.page is not None
    return result.front.page


def test_nginx_lists_a_folder_and_welcomes(tmp_path: Path) -> None:
    (tmp_path / "files" / "empty").mkdir(parents=True)
    (tmp_path / "files" / "dump.sql").write_text("x")
    configuration = """
    server { listen 127.0.0.1:PORT_0; root DIRECTORY/files; autoindex on; }
    server { listen 127.0.0.1:PORT_1; root /usr/share/nginx/html; }
    server { listen 127.0.0.1:PORT_2; default_type text/plain;
      return 500 "Fatal error: Uncaught x in /var/www/html/a.php on line 3"; }
    server { listen 127.0.0.1:PORT_3; default_type application/problem+json;
      return 500 '{"exception":"Illuminate\\\\\\\\X","trace":[]}'; }
    """
    with nginx(tmp_path, configuration, ports=4) as server:
        listing, welcome, plain, json = (
            _front(f"http://127.0.0.1:{port}/") for port in server.ports
        )
        empty = _front(f"http://127.0.0.1:{server.ports[0]}/empty/")
    assert listing.marks == empty.marks == ("listing.nginx",)
    assert welcome.marks == ("default.nginx",)
    assert (plain.html, plain.marks) == (False, ("stack_trace.php", "path_leak"))
    assert (json.html, json.marks) == (False, ("debug.laravel",))


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_python_lists_a_folder(tmp_path: Path) -> None:
    def handler(*args: object) -> _Quiet:
        return _Quiet(*args, directory=str(tmp_path))  # type: ignore[arg-type] # of the base class

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert _front(f"http://127.0.0.1:{server.server_port}/").marks == ("listing.python",)
        finally:
            server.shutdown()
            thread.join()


# --- hostile texts


@pytest.mark.parametrize("unit", NEARLY)
def test_nearly_matching_text_takes_linear_time(unit: str) -> None:
    """Four times the text takes about four times as long; sixteen would be the square of it."""

    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        return min(_measured(lambda: page_marks(text)) for _ in range(3))

    small, large = seconds(64 * 1024), seconds(256 * 1024)
    assert large < 9 * max(small, 0.002)


def _measured(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def test_what_stands_beyond_the_limit_is_not_looked_at() -> None:
    assert page_marks(" " * (1024 * 1024) + PAGES["default.nginx"][0]) == ()
    assert sys.getsizeof(page_marks("x" * (2 * 1024 * 1024))) < 100
