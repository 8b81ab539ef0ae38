"""The whole road on real servers that nothing in the project was made for: file to audit.json."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from spbe_audit.cli.commands import run
from tests.servers.certificates import make_authority, make_leaf
from tests.servers.nginx import free_ports, nginx
from tests.servers.process import is_up, stop
from tests.servers.raw import dead_port, raw_server, stays_silent

pytestmark = pytest.mark.xdist_group("end_to_end")  # one scan serves them all

GOOD_HEADERS = """
add_header Strict-Transport-Security "max-age=31536000" always;
add_header Content-Security-Policy "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'" always;
add_header X-Content-Type-Options nosniff always;
add_header Referrer-Policy no-referrer always;
add_header Permissions-Policy "camera=(), microphone=(), geolocation=()" always;
add_header Set-Cookie "__Host-sid=abcdefabcdefabcdef; Path=/; Secure; HttpOnly; SameSite=Lax" always;
"""  # noqa: E501 - the lines of a configuration
SITES = f"""
server_tokens off;
ssl_certificate CERTIFICATE; ssl_certificate_key KEY;
server {{
    listen 127.0.0.1:PORT_0 ssl;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
    default_type text/html; charset utf-8;
    {GOOD_HEADERS}
    location = / {{ return 200 '<!DOCTYPE html><html lang=id><title>Portal</title></html>'; }}
    location / {{ return 404; }}
}}
server {{
    listen 127.0.0.1:PORT_1 ssl;
    server_tokens on;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2;
    ssl_ciphers ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0;
    add_header Strict-Transport-Security "max-age=100";
    add_header Content-Security-Policy-Report-Only "default-src 'self'";
    add_header Set-Cookie "PHPSESSID=abcdefabcdefabcdef; Path=/";
    location / {{ return 200 'old'; }}
}}
server {{ listen 127.0.0.1:PORT_2; return 301 https://127.0.0.1:PORT_0/; }}
server {{ listen 127.0.0.1:PORT_3; return 200 'plain'; }}
server {{ listen 127.0.0.1:PORT_4 ssl; location / {{ return 302 https://10.1.2.3/; }} }}
"""


@contextmanager
def running(command: Sequence[str], port: int, folder: Path) -> Iterator[int]:
    """A server that is started with a command, for as long as the block lasts."""
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert is_up(process, [port])
            yield port
        finally:
            stop(process)


def null_server(folder: Path) -> AbstractContextManager[int]:
    """OpenSSL's own server, accepting a suite without encryption."""
    certificate, key = make_leaf(None, ["127.0.0.1"], key="rsa2048").write(folder, "null")
    (port,) = free_ports(1)
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-tls1_2"]
    command += ["-cert", str(certificate), "-key", str(key)]
    command += ["-cipher", "NULL-SHA256:AES128-SHA:@SECLEVEL=0", "-quiet"]
    return running(command, port, folder)


def python_server(folder: Path) -> AbstractContextManager[int]:
    """Python's own web server, which waits for a line that a ClientHello does not end."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    return running(command, port, folder)


Verdicts = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """For each service, each check's finding, out of audit.json."""
    folder = tmp_path_factory.mktemp("end-to-end")
    authority = make_authority()
    (folder / "ca.pem").write_bytes(authority.chain_pem)
    identity = make_leaf(authority, ["127.0.0.1"])
    with ExitStack() as stack:
        site = stack.enter_context(nginx(folder, SITES, ports=5, identity=identity))
        urls = {
            "good": f"https://127.0.0.1:{site.ports[0]}/",
            "old": f"https://127.0.0.1:{site.ports[1]}/",
            "redirecting": f"http://127.0.0.1:{site.ports[2]}/",
            "plain": f"http://127.0.0.1:{site.ports[3]}/",
            "leaving": f"https://127.0.0.1:{site.ports[4]}/",
            "unencrypted": f"https://127.0.0.1:{stack.enter_context(null_server(folder))}/",
            "python": f"http://127.0.0.1:{stack.enter_context(python_server(folder))}/",
            "silent": f"https://127.0.0.1:{stack.enter_context(raw_server(stays_silent())).port}/",
            "dead": f"https://127.0.0.1:{stack.enter_context(dead_port())}/",
        }
        services = "\n".join(
            f"      - {{id: {name}, name: {name}, url: '{url}'}}" for name, url in urls.items()
        )
        (folder / "targets.yaml").write_text(
            "trust_anchors: [ca.pem]\n"
            "agencies:\n  - id: lab\n    name: Lab\n    services:\n" + services + "\n"
        )
        arguments = ["--output", str(folder / "out"), "--format", "json", "--quiet"]
        store = ["--store", str(folder / "evidence.db")]
        assert run(["scan", str(folder / "targets.yaml"), *arguments, *store]) == 1
    document = json.loads((folder / "out" / "audit.json").read_text())
    found: Verdicts = {}
    for finding in document["findings"]:
        found.setdefault(finding["service"], {})[finding["requirement"]] = finding
    return found


def _failed(verdicts: Verdicts, service: str, *, worse_than_low: bool = False) -> set[str]:
    left_out = {"info", "low"} if worse_than_low else {"info"}
    return {
        name
        for name, finding in verdicts[service].items()
        if finding["verdict"] == "fail" and finding["severity"] not in left_out
    }


def test_the_good_server_has_nothing_above_low(verdicts: Verdicts) -> None:
    assert _failed(verdicts, "good", worse_than_low=True) == set()
    assert not [one for one in verdicts["good"].values() if one["verdict"] == "unknown"]


def test_the_old_server_has_every_fault_that_was_configured(verdicts: Verdicts) -> None:
    assert {
        "tls.protocol_versions",
        "tls.modern_version",
        "http.hsts",
        "http.csp",
        "http.clickjacking",
        "http.content_type_options",
        "http.referrer_policy",
        "http.version_disclosure",
        "cookie.secure",
        "cookie.http_only",
        "cookie.same_site",
    } <= _failed(verdicts, "old")
    assert verdicts["old"]["certificate.hostname"]["verdict"] == "pass"


def test_plain_http_that_redirects_to_https_is_judged_where_it_leads(verdicts: Verdicts) -> None:
    assert _failed(verdicts, "redirecting", worse_than_low=True) == set()
    assert verdicts["redirecting"]["tls.offered"]["verdict"] == "pass"
    assert verdicts["redirecting"]["http.https_redirect"]["verdict"] == "pass"


@pytest.mark.parametrize("service", ["plain", "python"])
def test_plain_http_is_told_from_silence(verdicts: Verdicts, service: str) -> None:
    assert {"tls.offered", "http.https_available", "http.https_redirect"} <= _failed(
        verdicts, service
    )


def test_a_redirect_out_of_scope_is_unknown_and_says_so(verdicts: Verdicts) -> None:
    for name in ("http.redirect_chain", "http.csp", "http.clickjacking"):
        finding = verdicts["leaving"][name]
        assert (finding["verdict"], finding["reason"]) == ("unknown", "out_of_scope")


def test_a_suite_without_encryption_is_found(verdicts: Verdicts) -> None:
    found = _failed(verdicts, "unencrypted")
    assert {"tls.null_suites", "tls.forward_secrecy", "certificate.self_signed"} <= found


@pytest.mark.parametrize(("service", "reason"), [("silent", "timeout"), ("dead", "refused")])
def test_what_does_not_answer_is_unknown_with_its_reason(
    verdicts: Verdicts, service: str, reason: str
) -> None:
    for finding in verdicts[service].values():
        family = finding["check"].partition(".")[0]
        if family in {"tls", "certificate", "http", "cookie", "uptime"}:
            assert finding["verdict"] in {"unknown", "not_applicable"}, finding["check"]
            if finding["verdict"] == "unknown":
                assert finding["reason"] == reason, finding["check"]
