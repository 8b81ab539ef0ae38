"""Writes an assessment as files: whole or not at all, and for their owner only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from spbe_audit.catalogue import Catalogue
from spbe_audit.errors import ReportError
from spbe_audit.finding import Assessment
from spbe_audit.recorded_run import RecordedRun, reopened
from spbe_audit.report.finding_view import Narrator, narrator_for
from spbe_audit.report.formats import DOCUMENTS, FORMATS, write_text
from spbe_audit.report.front_page import INDEX
from spbe_audit.report.html import html_pages
from spbe_audit.report.labels import load_labels
from spbe_audit.report.languages import folder_of, languages_of
from spbe_audit.report.page import Page
from spbe_audit.report.side_process import beside
from spbe_audit.report.site import build_site
from spbe_audit.report.templates import BUILT_IN, Templates

_MANY_SERVICES = 50
"""From here on it pays to write the pages of two languages side by side."""
SCRIPT = "report.js"
"""What pages of all languages share: the one program that they may run."""


def write_report(
    assessment: Assessment,
    *,
    output: Path,
    formats: Sequence[str],
    language: str,
    catalogue: Catalogue,
    time_zone: str,
    templates: Templates = BUILT_IN,
    recorded: RecordedRun | None = None,
    evidence_file: str = "",
) -> tuple[Path, ...]:
    """Write the report into a folder; returns its entry files, one for each format.

    ``language`` is "id", "en", or both with a comma between: then the pages are written in both,
    those of the second in a folder of its name, and all else in the first. The pages, whose entry
    is index.html, are written whatever the formats are. With ``recorded``, the run that was judged,
    the page of a service shows its evidence, which is read one service at a time; commands name
    ``evidence_file`` as the file that it stands in. Raises ReportError when a format, language or
    time zone does not exist, the folder cannot be written, or another run was judged; TemplateError
    where one of the user's own ``templates`` is at fault.
    """
    _refuse_unknown(formats)
    _refuse_another_run(assessment, recorded)
    wanted = [name for name in FORMATS if name == "html" or name in formats]
    narrators = [
        narrator_for(
            assessment,
            catalogue,
            load_labels(one, time_zone, templates),
            evidence_file=evidence_file,
        )
        for one in languages_of(language)
    ]
    try:
        return tuple(
            _write_format(name, assessment, narrators, output, wanted, recorded) for name in wanted
        )
    except OSError as error:
        raise ReportError(
            f"the report cannot be written: {error}",
            "Choose another folder with --output, or make this one writable.",
        ) from error


def _refuse_unknown(formats: Iterable[str]) -> None:
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ReportError(
            f"there is no report format {unknown[0]!r}", f"Choose among: {', '.join(FORMATS)}."
        )


def _refuse_another_run(assessment: Assessment, recorded: RecordedRun | None) -> None:
    """Evidence of one run beside the findings of another would be a false report."""
    if recorded is None:
        return
    run = recorded.summary
    if (run.id, run.digest) != (assessment.run.id, assessment.run.digest):
        raise ReportError(
            "the evidence is of another run than the findings",
            "Give write_report() the run that was given to evaluate().",
        )


def _write_format(
    name: str,
    assessment: Assessment,
    narrators: Sequence[Narrator],
    output: Path,
    wanted: Sequence[str],
    recorded: RecordedRun | None,
) -> Path:
    """One format; the first narrator speaks the main language."""
    if name == "html":
        return _write_html(assessment, narrators, output, wanted, recorded)
    document = DOCUMENTS[name]
    write = partial(document.write, assessment, narrators[0])
    return write_file(output / document.file_name, write)


def _write_html(
    assessment: Assessment,
    narrators: Sequence[Narrator],
    output: Path,
    wanted: Sequence[str],
    recorded: RecordedRun | None,
) -> Path:
    """The pages of all languages; the index of the main one comes last."""
    others = [DOCUMENTS[name].file_name for name in wanted if name in DOCUMENTS]
    languages = tuple(narrator.labels.language for narrator in narrators)
    written = _write_page(output / SCRIPT, narrators[0].labels.templates.text(SCRIPT))

    def pages(narrator: Narrator, recorded: RecordedRun | None) -> Iterator[Page]:
        site = build_site(assessment, narrator, languages=languages, recorded=recorded)
        yield from html_pages(site, other_files=others)

    def write_twins(*, elsewhere: bool) -> None:
        run = reopened(recorded) if elsewhere else recorded
        for narrator in narrators[1:]:
            folder = output / folder_of(narrator.labels.language, languages)
            for page in pages(narrator, run):
                _write_page(folder / page.path, page.text)

    worthwhile = len(narrators) > 1 and len(assessment.services) >= _MANY_SERVICES
    with beside(write_twins, worthwhile=worthwhile) as wait_for_twins:
        for page in pages(narrators[0], recorded):
            if page.path == INDEX:
                wait_for_twins()
            written = _write_page(output / page.path, page.text)
    return written


def _write_page(path: Path, text: str) -> Path:
    return write_file(path, lambda temporary: write_text(temporary, [text]))


def write_file(path: Path, write: Callable[[Path], None]) -> Path:
    """Write beside the place and move there; the temporary file is for its owner only."""
    _make_folder(path.parent)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    os.close(descriptor)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def _make_folder(folder: Path) -> None:
    """The folder and those above it that are missing, each for its owner only."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
