"""The two figures that statements about many samples rest on: pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence

Z_95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: 95 % lie within it on both sides."""


def wilson_interval(successes: int, total: int, *, z: float = Z_95) -> tuple[float, float]:
    """Lower and upper bound, 0 to 1, of the share behind ``successes`` out of ``total``.

    With p = successes / total and n = total, the score interval of Wilson (1927) is

        (p + z²/2n ± z·sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n)

    It holds for few samples and for shares near 0 and 1. Raises ValueError for counts that cannot
    be.
    """
    if not 0 <= successes <= total or total == 0:
        raise ValueError(f"{successes} of {total} is no share")
    share = successes / total
    scale = 1 + z * z / total
    middle = (share + z * z / (2 * total)) / scale
    spread = share * (1 - share) / total + z * z / (4 * total * total)
    half = z * math.sqrt(spread) / scale
    # At the ends rounding would leave the bound a hair inside of what was observed.
    lower = 0.0 if successes == 0 else middle - half
    upper = 1.0 if successes == total else middle + half
    return lower, upper


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least ``percent`` of all values do not exceed (nearest rank).

    It is the value of rank ceil(percent/100 · n) in ascending order, so always one that was
    observed. Raises ValueError for no values, or for a percentage outside 0 to 100.
    """
    if not values or not 0 <= percent <= 100:  # noqa: PLR2004 - the whole, in percent
        raise ValueError(f"there is no percentile {percent} of {len(values)} values")
    rank = math.ceil(percent * len(values) / 100)
    return sorted(values)[max(rank, 1) - 1]
