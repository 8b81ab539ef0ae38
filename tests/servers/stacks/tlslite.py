"""tlslite-ng, which is TLS in pure Python, in an environment of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from spbe_audit.evidence import TlsVersion
from tests.servers.stacks.fetched import tlslite_python
from tests.servers.stacks.keys import write_keys
from tests.servers.stacks.stack import SSL_3_TO_TLS_1_2, Stack, running

VERSION = "0.8.2"

_SERVER = Path(__file__).with_name("tlslite_server.py")


def _missing() -> str:
    if not tlslite_python(VERSION).exists():
        return f"tlslite-ng {VERSION} not fetched: python -m tests.servers.stacks"
    return ""


@contextmanager
def _serve(directory: Path, *, kinds: Sequence[str]) -> Iterator[int]:
    keys = write_keys(directory)
    chosen = [getattr(keys, kind) for kind in kinds]
    files = [str(path) for kind in chosen for path in (kind.certificate, kind.key)]
    python = str(tlslite_python(VERSION))
    with running(directory, lambda port: [python, "-P", str(_SERVER), str(port), *files]) as port:
        yield port


STACKS = (
    Stack(
        "tlslite-ng",
        (*SSL_3_TO_TLS_1_2, TlsVersion.TLS_1_3),
        _missing,
        partial(_serve, kinds=("rsa", "ecdsa", "dsa")),
    ),
    Stack("tlslite-ng anonymous", SSL_3_TO_TLS_1_2, _missing, partial(_serve, kinds=())),
)
