"""The TLS of the Java runtime (JSSE), with nothing disabled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spbe_audit.evidence import TlsVersion
from tests.servers.stacks.keys import PASSWORD, write_keys
from tests.servers.stacks.stack import SSL_3_TO_TLS_1_2, Stack, needs, running

_SERVER = Path(__file__).with_name("JsseServer.java")


@contextmanager
def _serve(directory: Path) -> Iterator[int]:
    keys = write_keys(directory)
    files = [str(kind.pkcs12) for kind in (keys.rsa, keys.ecdsa, keys.ec_by_rsa, keys.dsa)]

    def command(port: int) -> list[str]:
        # The quicker compiler alone: nothing here runs for long.
        options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        return ["java", *options, str(_SERVER), str(port), PASSWORD, *files]

    with running(directory, command) as port:
        yield port


STACKS = (
    Stack(
        "Java JSSE",
        (*SSL_3_TO_TLS_1_2, TlsVersion.TLS_1_3),
        needs("java", "javac", package="default-jdk-headless"),
        _serve,
    ),
)
