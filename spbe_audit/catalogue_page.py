"""The page that lists every check under a policy, in one language, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from spbe_audit.catalogue import Catalogue, CatalogueEntry
from spbe_audit.policy import Policy, Requirement

_WORDS: Mapping[str, Mapping[str, str]] = {
    "title": {"id": "Daftar pemeriksaan", "en": "The checks"},
    "made": {
        "id": "Halaman ini dibuat dari berkas pemeriksaan dengan `make docs`; jangan disunting.",
        "en": "This page is made from the checks' own files by `make docs`; do not edit it.",
    },
    "count": {
        "id": "{n} pemeriksaan. Keparahan dan klausul menurut kebijakan `{policy}`.",
        "en": "{n} checks. Severity and clauses are those of the policy `{policy}`.",
    },
    "head": {
        "id": "| pemeriksaan | pertanyaan | keparahan | intensitas | klausul |",
        "en": "| check | question | severity | intensity | clauses |",
    },
    "not_asked": {"id": "tidak ditanyakan", "en": "not asked"},
    "no_clause": {"id": "praktik baik, tanpa klausul", "en": "good practice, no clause"},
    "critical": {"id": "kritis", "en": "critical"},
    "high": {"id": "tinggi", "en": "high"},
    "medium": {"id": "sedang", "en": "medium"},
    "low": {"id": "rendah", "en": "low"},
    "info": {"id": "informasi", "en": "info"},
    "light": {"id": "ringan", "en": "light"},
    "standard": {"id": "standar", "en": "standard"},
    "thorough": {"id": "menyeluruh", "en": "thorough"},
}


def catalogue_page(catalogue: Catalogue, policy: Policy, language: str) -> str:
    """The whole page, "id" or "en"; it ends with a newline."""
    return "\n".join(_lines(catalogue, policy, language)) + "\n"


def _lines(catalogue: Catalogue, policy: Policy, language: str) -> Iterator[str]:
    say = {key: words[language] for key, words in _WORDS.items()}
    yield f"# {say['title']}"
    yield ""
    yield say["made"]
    yield ""
    yield say["count"].format(n=len(catalogue), policy=policy.id)
    asked: dict[str, list[Requirement]] = {}
    for requirement in policy.requirements:
        asked.setdefault(requirement.check, []).append(requirement)
    family = ""
    for entry in catalogue:
        if entry.check.family != family:
            family = entry.check.family
            yield from ("", f"## {family}", "", say["head"], "|---|---|---|---|---|")
        yield _row(entry, asked.get(entry.check.id, ()), policy, language, say)


def _row(
    entry: CatalogueEntry,
    requirements: Sequence[Requirement],
    policy: Policy,
    language: str,
    say: Mapping[str, str],
) -> str:
    severity = ", ".join(dict.fromkeys(say[one.severity.value] for one in requirements))
    cells = (
        f"`{entry.check.id}`",
        entry.texts.question.in_language(language),
        severity or say["not_asked"],
        say[entry.texts.intensity.value],
        _clauses(requirements, policy, language) or say["no_clause"],
    )
    return "| " + " | ".join(cell.strip().replace("|", "\\|") for cell in cells) + " |"


def _clauses(requirements: Sequence[Requirement], policy: Policy, language: str) -> str:
    titles = {one.id: one.short_title.in_language(language) for one in policy.regulations}
    wanted = {control for one in requirements for control in one.controls}
    return "; ".join(
        f"{titles.get(control.regulation, '')} {control.citation.in_language(language)}".strip()
        for control in policy.controls
        if control.id in wanted
    )
