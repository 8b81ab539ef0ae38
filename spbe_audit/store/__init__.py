"""The evidence file: runs as chains of records in SQLite; the only package that knows SQL.

A run is a list of records. The first holds what was to be done (``plan``), then come attempts and,
for each service that is complete, which attempts answer for it (``service``), and at last the end
of the run (``end``). Each record carries the SHA-256 of its body and a chain value over it and all
records before it, so the last chain value, the run's digest, covers everything.

Beside the runs stands the ledger of samples (see samples.py), chained in the same way.
"""

from spbe_audit.store.chain import Breach
from spbe_audit.store.evidence_file import RunInfo, Store
from spbe_audit.store.plan import RunPlan, SampleLedger
from spbe_audit.store.reading import StoredRun
from spbe_audit.store.writing import RunWriter

__all__ = ["Breach", "RunInfo", "RunPlan", "RunWriter", "SampleLedger", "Store", "StoredRun"]
