"""When a scan has to end: no more services from then on, and a little later none at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from spbe_audit.scan_options import ScanOptions


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """Two moments on the event loop's clock, None where there is no end.

    From ``no_more`` on no service is begun; at ``cut`` those under way are given up.
    """

    no_more: float | None = None
    cut: float | None = None

    @property
    def is_near(self) -> bool:
        """Whether nothing more should be begun."""
        return self.no_more is not None and asyncio.get_running_loop().time() >= self.no_more

    @asynccontextmanager
    async def enforced(self) -> AsyncIterator[None]:
        """Give up what runs in the block at ``cut``, without an error."""
        try:
            async with asyncio.timeout_at(self.cut) as limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise


def time_limit(options: ScanOptions) -> TimeLimit:
    """The end of a scan that begins now, by its time budget."""
    if options.time_budget is None:
        return TimeLimit()
    no_more = asyncio.get_running_loop().time() + options.time_budget
    return TimeLimit(no_more, no_more + options.grace)
