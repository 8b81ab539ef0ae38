"""The command line: parse, call one library function, print, exit code."""

from spbe_audit.cli.commands import main

__all__ = ["main"]
