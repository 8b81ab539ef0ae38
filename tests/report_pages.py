"""Reads what a report wrote, the way a strict parser does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib

from spbe_audit.finding import Assessment
from spbe_audit.report.write import write_report
from tests.assessments import catalogue

GOLDEN = Path(__file__).parent / "golden" / "report"


def written(
    folder: Path,
    assessment: Assessment,
    *,
    language: str = "id",
    formats: Sequence[str] = ("html", "json", "csv"),
    time_zone: str = "Asia/Jakarta",
) -> Path:
    """Write a report and return its folder."""
    write_report(
        assessment,
        output=folder,
        formats=formats,
        language=language,
        catalogue=catalogue(),
        time_zone=time_zone,
    )
    return folder


def parsed(page: Path) -> Element:
    """The page as a tree; fails on the first thing that HTML does not allow."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree: Element = parser.parse(page.read_text(encoding="utf-8"))
    return tree


def pages_of(folder: Path) -> list[Path]:
    """Every page of a report."""
    return sorted(folder.rglob("*.html"))


def text_nodes(tree: Element) -> Iterator[str]:
    """The texts that a reader sees, each stripped; style is left out."""
    for element in tree.iter():
        if element.tag != "style" and element.text and element.text.strip():
            yield " ".join(element.text.split())
        if element is not tree and element.tail and element.tail.strip():
            yield " ".join(element.tail.split())


def visible_text(tree: Element) -> str:
    """All that a reader sees, block by block on lines of their own."""
    body = tree.find("body")
    assert body is not None
    blocks = {"p", "li", "dt", "dd", "tr", "h1", "h2", "h3", "summary", "pre", "figcaption"}
    lines: list[str] = [""]
    for element in body.iter():
        if element.tag in blocks:
            lines.append("")
        for text in (element.text, element.tail):
            if text and text.strip():
                lines[-1] = f"{lines[-1]} {' '.join(text.split())}".strip()
    return "\n".join(line for line in lines if line) + "\n"


def with_class(tree: Element, name: str) -> list[Element]:
    """The elements that carry a class."""
    return [element for element in tree.iter() if name in element.get("class", "").split()]


def compare_with_golden(name: str, text: str) -> None:
    """The text is what the golden file holds; UPDATE_GOLDEN=1 writes it anew."""
    golden = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_bytes(text.encode())
    assert text == golden.read_bytes().decode()
