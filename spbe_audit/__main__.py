"""Lets `python -m spbe_audit` stand for the command."""

from spbe_audit.cli import main

main()
