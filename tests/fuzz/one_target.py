"""Runs one target under atheris until its options say that it is enough. See tests.fuzz.tls."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import Any

_INSTRUMENTED = ["spbe_audit.probes.tls", "spbe_audit.evidence"]


def main() -> None:
    """Fuzz the target that the first argument names; the others are libFuzzer's."""
    atheris: Any = import_module("atheris")  # no types, and only for those who have it
    with atheris.instrument_imports(include=_INSTRUMENTED):
        targets = import_module("tests.fuzz.targets").TARGETS
    warnings.simplefilter("error")
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, targets[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
