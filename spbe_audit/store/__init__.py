"""The evidence file: runs as chains of records in SQLite; the only package that knows SQL.

A run is a list of records. The first holds what was to be done (``plan``), then come attempts and,
for each service that is complete, which attempts answer for it (``service``), and at last the end
of the run (``end``). Each record carries the SHA-256 of its body and a chain value over it and all
records before it, so the last chain value, the run's digest, covers everything.

How runs were judged is kept too, outside the chains: it is derived, and made again where missing.

Beside the runs stands the ledger of samples (see samples.py), chained in the same way, and what
auditees answered (see follow_ups.py), which is no evidence and not chained. What was cut off to
keep the file small is written down in a chain as well (see cuts.py).
"""

from spbe_audit.store.chain import Breach
from spbe_audit.store.contents import RunContents, SampleContents, StoreContents
from spbe_audit.store.cuts import Cut, RunCut, SamplesCut
from spbe_audit.store.evidence_file import RunInfo, Store
from spbe_audit.store.follow_ups import FollowUpImport
from spbe_audit.store.plan import CutLedger, RunPlan, SampleLedger
from spbe_audit.store.pruning import Kept, OldRun, PruneLimits, PrunePlan, Shrinkage
from spbe_audit.store.reading import StoredRun
from spbe_audit.store.writing import RunWriter

__all__ = [
    "Breach",
    "Cut",
    "CutLedger",
    "FollowUpImport",
    "Kept",
    "OldRun",
    "PruneLimits",
    "PrunePlan",
    "RunContents",
    "RunCut",
    "RunInfo",
    "RunPlan",
    "RunWriter",
    "SampleContents",
    "SampleLedger",
    "SamplesCut",
    "Shrinkage",
    "Store",
    "StoreContents",
    "StoredRun",
]
