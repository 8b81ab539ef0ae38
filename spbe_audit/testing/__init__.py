"""Runs the cases of a check, for its author: build evidence, ask the check, compare the answer.

A plugin's own test is three lines:

    entry = load_catalogue(folders=[CHECKS]).get("tls.modern_version")
    for case in load_cases(CASES / "tls" / "modern_version.yaml").cases:
        check_case(entry, case)
"""

from spbe_audit.testing.cases import Case, CaseFile, check_case, load_cases, run_case
from spbe_audit.testing.evidence import build_evidence

__all__ = ["Case", "CaseFile", "build_evidence", "check_case", "load_cases", "run_case"]
