"""Lengths of time on the command line: seconds, or a number with s, m or h."""

from __future__ import annotations

import re

import click

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)([smh]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


class Duration(click.ParamType[float]):
    """A length of time, more than nothing, in seconds."""

    name = "duration"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds of "90", "90s", "30m" or "2h"."""
        found = _DURATION.fullmatch(str(value).strip())
        seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
        if not seconds:
            self.fail(f"{value!r} is no length of time; write 90, 90s, 30m or 2h", param, ctx)
        return seconds
