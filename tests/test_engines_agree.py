"""Our own prober and sslyze lead to the same verdicts (on all servers: tests.oracles.engines)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from spbe_audit.catalogue import load_catalogue
from spbe_audit.check import Verdict
from spbe_audit.evidence import Failure, FailureKind, TlsEvidence
from spbe_audit.targets import Intensity
from tests.oracles.engines import (
    ANY,
    KNOWN,
    NAME,
    Pair,
    Row,
    compared,
    look_twice,
    questions,
    table,
)
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.daemons import s_server
from tests.servers.nginx import Nginx, nginx
from tests.servers.stacks import ALL

TEXT = (Path(__file__).parent.parent / "docs" / "oracles.md").read_text("utf-8")
NGINX = """
ssl_certificate CERTIFICATE;
ssl_certificate_key KEY;
server {
  listen 127.0.0.1:PORT_0 ssl;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
  return 200 ok;
}
server {
  listen 127.0.0.1:PORT_1 ssl;
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2;
  ssl_ciphers AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-SHA:@SECLEVEL=0;
  ssl_prefer_server_ciphers on;
  return 200 ok;
}
"""


@pytest.fixture(scope="module")
def identity() -> Identity:
    return make_leaf(make_authority(), (NAME,), key="rsa2048")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("nginx"), NGINX, ports=2, identity=identity) as server:
        yield server


def rows_of(port: int) -> list[Row]:
    """All rows about one server, of which both engines saw something."""
    pair = look_twice("test", port, Intensity.THOROUGH)
    assert isinstance(pair.ours, TlsEvidence)
    assert isinstance(pair.theirs, TlsEvidence)
    assert pair.ours.engine != pair.theirs.engine
    return compared(pair)


def unexplained(rows: list[Row]) -> str:
    differing = [row for row in rows if not row.agrees and not row.known]
    return table(differing) if differing else ""


def test_on_a_modern_server(web: Nginx) -> None:
    rows = rows_of(web.ports[0])
    assert unexplained(rows) == ""
    assert not failed(rows, "tls.protocol_versions")


def test_on_an_old_server(web: Nginx) -> None:
    rows = rows_of(web.ports[1])
    assert unexplained(rows) == ""
    assert failed(rows, "tls.protocol_versions")


def test_on_a_weak_server(tmp_path: Path, identity: Identity) -> None:
    options = ("-cipher", "ADH-AES128-SHA:NULL-SHA256:AES128-SHA:@SECLEVEL=0", "-tls1_2")
    with s_server(tmp_path, identity, *options) as port:
        rows = rows_of(port)
    assert unexplained(rows) == ""
    assert failed(rows, "tls.anonymous_suites")
    assert failed(rows, "tls.null_suites")


def failed(rows: list[Row], check: str) -> bool:
    """Whether both engines lead to a failure of a check."""
    verdicts = {row.ours.verdict for row in rows if row.question.check.id == check}
    return verdicts == {Verdict.FAIL}


def test_an_engine_that_sees_nothing_differs() -> None:
    nothing = Failure(FailureKind.TIMEOUT, "no answer")
    assert all(row.agrees for row in compared(Pair("test", nothing, nothing)))
    other = Failure(FailureKind.RESET, "hung up")
    rows = compared(Pair("test", nothing, other))
    assert "ours unknown timeout" in table(rows)


def test_every_check_of_tls_alone_is_asked_also_as_the_policy_has_it() -> None:
    asked = {(question.check.id, question.source) for question in questions()}
    assert ("tls.heartbleed", "defaults") in asked
    assert ("certificate.hostname", "spbe") in asked
    assert len(asked) == len(questions()) > 70


def test_each_difference_has_its_page_and_no_page_is_idle() -> None:
    section = TEXT.partition("\n## Two engines\n")[2].partition("\n## ")[0]
    headings = {line[4:] for line in section.splitlines() if line.startswith("### ")}
    assert set(KNOWN.values()) == headings


def test_what_is_known_names_servers_and_checks_that_exist() -> None:
    catalogue = load_catalogue()
    families = {f"{check.family}.*" for check in catalogue.checks}
    names = {ANY, *(stack.name for stack in ALL)}
    assert {server for server, _ in KNOWN} <= names
    assert {check for _, check in KNOWN} <= set(catalogue.ids) | families
