"""What was cut off an evidence file, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spbe_audit.store import Cut, RunCut


def cut_lines(cuts: Sequence[Cut]) -> Iterator[str]:
    """One line for each run or row of batches that was cut."""
    for cut in cuts:
        what = cut.what
        if isinstance(what, RunCut):
            told = f"run {what.run}, {what.records} records, digest {what.digest}"
        else:
            told = (
                f"samples, batches {what.first} to {what.last} of {what.since:%Y-%m-%d} to"
                f" {what.until:%Y-%m-%d}, {what.samples} samples, digest {what.chain}"
            )
        yield f"cut: {told}, on {what.at:%Y-%m-%d} by version {what.by}"
