"""Audits the security of Indonesian e-government web services against the SPBE clauses.

    from spbe_audit import scan, evaluate, load_policy, load_targets

    run = scan(load_targets("targets.yaml"))
    assessment = evaluate(run.evidence, load_policy("spbe"))
    for finding in assessment.findings:
        print(finding.severity, finding.service, finding.check, finding.verdict)

Names are imported when they are first used, so that importing the package stays quick.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from spbe_audit.version import VERSION

if TYPE_CHECKING:
    from spbe_audit.catalogue import load_catalogue
    from spbe_audit.check import Outcome, Params, Verdict
    from spbe_audit.errors import SpbeAuditError
    from spbe_audit.evaluation import evaluate
    from spbe_audit.finding import Assessment, Finding
    from spbe_audit.policy import Policy, load_policy
    from spbe_audit.report.write import write_report
    from spbe_audit.scan_options import ScanOptions
    from spbe_audit.scanner import ScanResult, scan, scan_async
    from spbe_audit.severity import Severity
    from spbe_audit.store import Store
    from spbe_audit.target_files import load_targets
    from spbe_audit.targets import TargetList

__version__ = VERSION

logging.getLogger(__name__).addHandler(logging.NullHandler())  # a program decides what is shown

_HOME = {
    "Assessment": "spbe_audit.finding",
    "Finding": "spbe_audit.finding",
    "Outcome": "spbe_audit.check",
    "Params": "spbe_audit.check",
    "Policy": "spbe_audit.policy",
    "ScanOptions": "spbe_audit.scan_options",
    "ScanResult": "spbe_audit.scanner",
    "Severity": "spbe_audit.severity",
    "SpbeAuditError": "spbe_audit.errors",
    "Store": "spbe_audit.store",
    "TargetList": "spbe_audit.targets",
    "Verdict": "spbe_audit.check",
    "evaluate": "spbe_audit.evaluation",
    "load_catalogue": "spbe_audit.catalogue",
    "load_policy": "spbe_audit.policy",
    "load_targets": "spbe_audit.target_files",
    "scan": "spbe_audit.scanner",
    "scan_async": "spbe_audit.scanner",
    "write_report": "spbe_audit.report.write",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "Assessment",
    "Finding",
    "Outcome",
    "Params",
    "Policy",
    "ScanOptions",
    "ScanResult",
    "Severity",
    "SpbeAuditError",
    "Store",
    "TargetList",
    "Verdict",
    "__version__",
    "evaluate",
    "load_catalogue",
    "load_policy",
    "load_targets",
    "scan",
    "scan_async",
    "write_report",
]
