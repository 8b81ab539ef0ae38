"""A folder of a user's own templates, read and tried before anything is scanned or written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.meta import find_referenced_templates, find_undeclared_variables

from spbe_audit.errors import Mistake, TemplateError
from spbe_audit.report.branding import BRANDING, NO_BRANDING, Branding, load_branding
from spbe_audit.report.environment import environment_for
from spbe_audit.report.labels import load_labels
from spbe_audit.report.own_words import read_words
from spbe_audit.report.templates import BUILT_IN, OURS, WORDS, Templates, our_text, replaceable
from spbe_audit.text_file import nearest, read_text, shown

_LARGEST = 1024 * 1024
_PICTURES = (".png", ".svg")
_CONTRACTS = ("audit.schema.json",)
_BASE = "base.html.j2"
_OF_EVERY_PAGE = frozenset({"m", "home", "twins", "run"})
"""Names that every page has, whether or not our template of it uses them."""


def load_templates(folder: Path | None) -> Templates:
    """The files of a report, those of ``folder`` in the place of ours; ours alone for None.

    Raises TemplateError with every mistake that can be seen without an assessment: names that we
    do not have, broken templates, variables that nothing sets, a branding that cannot be used.
    """
    if folder is None:
        return BUILT_IN
    mistakes = list(_unknown_names(folder))
    texts = _texts(folder, mistakes)
    templates = Templates(
        folder=folder,
        own={name: text for name, text in texts.items() if name not in WORDS},
        words=_words(folder, texts, mistakes),
        branding=_branding(folder, texts, mistakes),
    )
    mistakes += _broken_style(templates)
    mistakes += _broken_templates(templates)
    if mistakes:
        raise TemplateError(mistakes)
    return templates


def _unknown_names(folder: Path) -> Iterator[Mistake]:
    known = (*replaceable(), BRANDING)
    for path in sorted(folder.iterdir()):
        name = path.name
        if name in known or name.startswith(".") or path.suffix in _PICTURES:
            continue
        problem = "a report has no file of this name"
        if name in _CONTRACTS:
            problem = "this file is a promise to other programs and cannot be replaced"
        expected = "" if nearest(name, known) else ", ".join(known)
        yield Mistake(str(path), 0, 0, problem, expected=expected, suggestion=nearest(name, known))


def _texts(folder: Path, mistakes: list[Mistake]) -> dict[str, str]:
    """The user's files by name; those that cannot be read are told."""
    texts = {}
    for name in replaceable():
        path = folder / name
        if path.exists() or path.is_symlink():
            try:
                texts[name] = read_text(path, error=TemplateError, largest=_LARGEST)
            except TemplateError as error:
                mistakes += error.mistakes
    return texts


def _words(
    folder: Path, texts: Mapping[str, str], mistakes: list[Mistake]
) -> dict[str, Mapping[str, Any]]:
    words = {}
    for name in WORDS:
        if name in texts:
            try:
                words[name] = read_words(name, texts[name], str(folder / name))
            except TemplateError as error:
                mistakes += error.mistakes
    return words


def _branding(folder: Path, texts: Mapping[str, str], mistakes: list[Mistake]) -> Branding:
    if not (folder / BRANDING).exists():
        return NO_BRANDING
    style = texts.get("report.css") or our_text("report.css")
    try:
        return load_branding(folder / BRANDING, style=style)
    except TemplateError as error:
        mistakes += error.mistakes
        return NO_BRANDING


def _broken_style(templates: Templates) -> Iterator[Mistake]:
    """A style sheet stands between style tags: what would end it there is refused."""
    for name in templates.own:
        if not name.endswith(".css"):
            continue
        for number, line in enumerate(templates.own[name].splitlines(), 1):
            if "</" in line:
                column = line.index("</") + 1
                yield Mistake(templates.place(name), number, column, "a style sheet holds no tags")


def _broken_templates(templates: Templates) -> Iterator[Mistake]:
    environment = environment_for(load_labels("id", "UTC", templates))
    for name in sorted(templates.own):
        if not name.endswith(".j2"):
            continue
        try:
            tree = environment.parse(templates.own[name])
            environment.compile(templates.own[name], name, templates.place(name))
        except TemplateSyntaxError as error:
            yield _at(templates, name, error.lineno, error.message or "this cannot be read")
            continue
        yield from _unknown_templates(templates, name, tree)
        yield from _unknown_variables(templates, name, tree, environment)
        yield from _missing_parts(templates, name, tree, environment)


def _unknown_templates(templates: Templates, name: str, tree: nodes.Template) -> Iterator[Mistake]:
    known = [one for one in replaceable() if one.endswith(".j2")]
    known += [OURS + one for one in known]
    for other in find_referenced_templates(tree):
        if other == name:
            problem = "this file refers to itself without end"
            yield _at(templates, name, 0, problem, other, suggestion=shown(OURS + name))
        elif other is not None and other not in known:
            problem = f"there is no template {shown(other)}"
            yield _at(templates, name, 0, problem, other, suggestion=nearest(other, known))


def _unknown_variables(
    templates: Templates, name: str, tree: nodes.Template, environment: Environment
) -> Iterator[Mistake]:
    """Variables that neither our template of that name nor its surroundings have."""
    ours = environment.parse(our_text(name))
    known = find_undeclared_variables(ours) | set(environment.globals)
    if name == _BASE or ours.find(nodes.Extends):
        known |= _OF_EVERY_PAGE
    unknown = find_undeclared_variables(tree) - known - _bound(tree)
    for variable in sorted(unknown):
        lines = [one.lineno for one in tree.find_all(nodes.Name) if one.name == variable]
        problem = f"nothing sets {shown(variable)} in this template"
        near = nearest(variable, known)
        yield _at(templates, name, min(lines, default=0), problem, variable, suggestion=near)


def _bound(tree: nodes.Template) -> set[str]:
    """Names that a template gives itself at its top, which its blocks may use."""
    imported = {one.target for one in tree.find_all(nodes.Import)}
    stored = {one.name for one in tree.find_all(nodes.Name) if one.ctx == "store"}
    return imported | stored | _macros(tree)


def _missing_parts(
    templates: Templates, name: str, tree: nodes.Template, environment: Environment
) -> Iterator[Mistake]:
    """Blocks that other templates fill and macros that they call, where a file lacks them."""
    ours = environment.parse(our_text(name))
    missing: list[str] = []
    if name == _BASE and not tree.find(nodes.Extends):
        missing = [f"the block {shown(one)}" for one in sorted(_blocks(ours) - _blocks(tree))]
    elif name in _imported(environment):
        missing = [f"the macro {shown(one)}" for one in sorted(_macros(ours) - _macros(tree))]
    for one in missing:
        yield _at(templates, name, 0, f"{one} is missing; other templates need it")


def _blocks(tree: nodes.Template) -> set[str]:
    return {block.name for block in tree.find_all(nodes.Block)}


def _macros(tree: nodes.Template) -> set[str]:
    return {macro.name for macro in tree.find_all(nodes.Macro)}


def _imported(environment: Environment) -> set[str]:
    """The names of our templates that others import."""
    ours = (environment.parse(our_text(name)) for name in replaceable() if name.endswith(".j2"))
    wanted = (one.template for tree in ours for one in tree.find_all(nodes.Import))
    return {one.value for one in wanted if isinstance(one, nodes.Const)}


def _at(
    templates: Templates,
    name: str,
    line: int,
    problem: str,
    word: str = "",
    suggestion: str = "",
) -> Mistake:
    """A mistake in a template, at a word in a line; the line is looked for where it is 0."""
    lines = templates.own[name].splitlines()
    if not line and word:
        line = next((number for number, text in enumerate(lines, 1) if word in text), 0)
    column = lines[line - 1].find(word) + 1 if 0 < line <= len(lines) else 0
    return Mistake(templates.place(name), line, max(column, 1), problem, suggestion=suggestion)
