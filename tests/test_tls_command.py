"""spbe-audit tls: a quick look, in words and in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from spbe_audit.cli.commands import run
from spbe_audit.tls_look import TlsTarget, read_tls_target
from tests.servers.certificates import make_authority, make_leaf
from tests.servers.nginx import Nginx, nginx
from tests.servers.raw import closes, raw_server

NGINX = """
ssl_certificate CERTIFICATE;
ssl_certificate_key KEY;
server { listen 127.0.0.1:PORT_0 ssl; ssl_protocols TLSv1.2 TLSv1.3; return 200 ok; }
server { listen 127.0.0.1:PORT_1; return 200 ok; }
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    identity = make_leaf(make_authority(), ["127.0.0.1"])
    with nginx(tmp_path_factory.mktemp("nginx"), NGINX, ports=2, identity=identity) as server:
        yield server


def test_in_words(web: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tls", f"127.0.0.1:{web.ports[0]}", f"https://127.0.0.1:{web.ports[1]}/"]) == 0
    told = capsys.readouterr().out
    assert "TLS_AES_256_GCM_SHA384" in told
    assert "refused     SSL 2.0, SSL 3.0, TLS 1.0, TLS 1.1" in told
    assert "x25519" in told
    assert "plain_http: HTTP/1.1 400 Bad Request" in told


def test_one_line_of_json_for_each(
    web: Nginx, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "endpoints.txt"
    listed.write_text(f"# two ports\n127.0.0.1:{web.ports[0]}\n\n127.0.0.1:{web.ports[1]}\n")
    assert run(["tls", "--json", "--intensity", "light", "--file", str(listed)]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["result"]["versions"] == ["TLS 1.2", "TLS 1.3"]
    assert first["result"]["suite_listing"] == "each_kind"
    assert second["result"]["answer"] == "plain_http"


def test_what_is_not_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tls", "192.0.2.1"]) == 4
    assert "out_of_scope" in capsys.readouterr().out
    with raw_server(closes()) as server:
        assert run(["tls", f"127.0.0.1:{server.port}", "192.0.2.1"]) == 3
    assert "(reset)" in capsys.readouterr().out
    assert run(["tls", "127.0.0.1:99999"]) == 2
    assert "no host:port" in capsys.readouterr().err
    assert run(["tls"]) == 2


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("portal.go.id", TlsTarget("portal.go.id", 443)),
        ("127.0.0.1:8443", TlsTarget("127.0.0.1", 8443)),
        ("[::1]:25", TlsTarget("::1", 25)),
        ("https://portal.go.id:8443/masuk?a=b", TlsTarget("portal.go.id", 8443)),
    ],
)
def test_ways_to_write_an_endpoint(text: str, target: TlsTarget) -> None:
    assert read_tls_target(text) == target


@pytest.mark.parametrize("text", ["", "a:b", "user@host", "host:0", "[::1", "host:70000"])
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any words will do
        read_tls_target(text)
