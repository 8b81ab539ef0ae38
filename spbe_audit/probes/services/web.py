"""Recognises programs by what their HTTP interfaces say of themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spbe_audit.probes.failures import short_text
from spbe_audit.probes.services.heard import product_in, readable

_HEAD_LIMIT = 16 * 1024
_BODY_LIMIT = 48 * 1024


@dataclass(frozen=True, slots=True)
class WebProgram:
    """What an HTTP response shows; ``software`` is '' where nothing names it."""

    banner: str
    software: str = ""
    version: str = ""
    known: bool = False


@dataclass(frozen=True, slots=True)
class _Mark:
    """By what a program is known: a line of its headers, or a piece of its body."""

    software: str
    head: str = ""
    body: str = ""
    version: str = ""


_MARKS = (
    _Mark(
        "Docker",
        r"^server: docker/|^docker-experimental:",
        r'"MinAPIVersion"|"ApiVersion"\s*:',
        r'"Version"\s*:\s*"([^"]+)"|^server: docker/([\w.-]+)',
    ),
    _Mark(
        "Kubernetes",
        r"^x-kubernetes-pf-",
        r'"gitVersion"|"kind"\s*:\s*"Status"\s*,\s*"apiVersion"\s*:\s*"v1"',
        r'"gitVersion"\s*:\s*"v?([^"]+)"',
    ),
    _Mark("etcd", r"^x-etcd-", r'"etcdserver"', r'"etcdserver"\s*:\s*"([^"]+)"'),
    _Mark("Consul", r"^x-consul-", r'\A"[\d.]+:8300"\s*\Z|<title>Consul by HashiCorp'),
    _Mark("Nomad", r"^x-nomad-", r"<title>Nomad</title>"),
    _Mark("Vault", "", r"<title>Vault</title>"),
    _Mark(
        "Jenkins", r"^x-jenkins:|^x-hudson:", r"Jenkins-Agent-Protocols", r"^x-jenkins: ([\w.-]+)"
    ),
    _Mark(
        "Elasticsearch",
        r"^x-elastic-product:",
        r"You Know, for Search",
        r'"number"\s*:\s*"([^"]+)"',
    ),
    _Mark("OpenSearch", "", r"The OpenSearch Project", r'"number"\s*:\s*"([^"]+)"'),
    _Mark(
        "CouchDB",
        r"^server: couchdb/",
        r'"couchdb"\s*:\s*"Welcome"',
        r'"version"\s*:\s*"([^"]+)"|^server: couchdb/([\w.-]+)',
    ),
    _Mark("InfluxDB", r"^x-influxdb-version:", "", r"^x-influxdb-version: v?([\w.-]+)"),
    _Mark("Neo4j", "", r'"neo4j_version"', r'"neo4j_version"\s*:\s*"([^"]+)"'),
    _Mark("ClickHouse", r"^x-clickhouse-"),
    _Mark("Kibana", r"^kbn-name:|^kbn-version:", "", r"^kbn-version: ([\w.-]+)"),
    _Mark("RabbitMQ", r'realm="RabbitMQ', r"<title>RabbitMQ Management"),
    _Mark("ActiveMQ", r'realm="ActiveMQ', r"<title>Apache ActiveMQ"),
    _Mark("Solr", "", r"<title>Solr Admin"),
    _Mark("Prometheus", "", r"<title>Prometheus"),
    _Mark("Grafana", "", r"<title>Grafana"),
    _Mark("Portainer", "", r"<title>Portainer"),
    _Mark("MinIO", r"^server: minio", r"<title>MinIO"),
    _Mark("Proxmox", r"^server: pve-api-daemon"),
    _Mark("cPanel", r"^server: cpsrvd", "", r"^server: cpsrvd/([\w.-]+)"),
    _Mark("Plesk", r"^server: sw-cp-server|^x-powered-by: plesk", r"<title>Plesk"),
    _Mark("DirectAdmin", r"^server: directadmin", r"<title>DirectAdmin"),
    _Mark("Webmin", r"^server: miniserv/", "", r"^server: miniserv/([\w.-]+)"),
    _Mark("GlassFish", r"^server: glassfish"),
    _Mark("noVNC", "", r"<title>noVNC"),
)


def read_web(data: bytes) -> WebProgram:
    """The program behind an HTTP response: by its own marks, or else by its Server line."""
    head_bytes, _, body_bytes = data.partition(b"\r\n\r\n")
    head = head_bytes[:_HEAD_LIMIT].decode("latin-1").replace("\r", "")
    body = body_bytes[:_BODY_LIMIT].decode("utf-8", "replace")
    server = re.search(r"^server: ([^\n]*)", head, re.IGNORECASE | re.MULTILINE)
    banner = _banner(head, server[1] if server else "")
    for mark in _MARKS:
        if _in_head(mark.head, head) or _in_body(mark.body, body):
            return WebProgram(banner, mark.software, _version(mark, head, body), known=True)
    software, version = product_in(readable(server[1].encode("latin-1"))) if server else ("", "")
    return WebProgram(banner, software, version)


def _banner(head: str, server: str) -> str:
    status = head.partition("\n")[0]
    return readable((f"{status}; Server: {server}" if server else status).encode("latin-1"))


def _in_head(pattern: str, head: str) -> re.Match[str] | None:
    return re.search(pattern, head, re.IGNORECASE | re.MULTILINE) if pattern else None


def _in_body(pattern: str, body: str) -> re.Match[str] | None:
    """With the case minded: Docker says "ApiVersion" where Kubernetes says "apiVersion"."""
    return re.search(pattern, body) if pattern else None


def _version(mark: _Mark, head: str, body: str) -> str:
    found = _in_head(mark.version, head) or _in_body(mark.version, body)
    text = next((group for group in found.groups() if group), "") if found else ""
    return short_text(readable(text[:80].encode("ascii", "replace")))
