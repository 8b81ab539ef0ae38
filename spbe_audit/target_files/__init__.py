"""Target lists from YAML, CSV, plain text and single URLs."""

from spbe_audit.target_files.load import load_targets

__all__ = ["load_targets"]
