"""Words of the trade with what they mean, for readers who do not know them."""

from __future__ import annotations

from spbe_audit.report.templates import BUILT_IN, Templates


def glossary(language: str, templates: Templates = BUILT_IN) -> tuple[tuple[str, str], ...]:
    """Each term with its meaning in "id" or "en", in alphabetical order."""
    entries = templates.entries("glossary.yaml").values()
    shown = ((one["term"][language], one["meaning"][language]) for one in entries)
    return tuple(sorted(shown, key=lambda pair: pair[0].casefold()))
