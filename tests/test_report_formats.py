"""What holds for every format of a report."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spbe_audit.report.formats import DOCUMENTS, FORMATS
from tests.assessments import ordinary
from tests.report_pages import written

ROOT = Path(__file__).parents[1]
TEXTS = ("json", "jsonl", "csv", "sarif", "junit", "oscal")


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each document in a folder."""
    names = [DOCUMENTS[name].file_name for name in TEXTS]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_same_assessment_gives_the_same_bytes(language: str, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.report_pages import written;"
        "from tests.assessments import ordinary;"
        f"written(Path(sys.argv[1]), ordinary(), language={language!r}, formats={TEXTS!r})"
    )
    expected = digests(written(tmp_path / "here", ordinary(), language=language, formats=TEXTS))
    for seed in ("1", "2"):
        folder = tmp_path / seed
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": f"Etc/GMT+{seed}"}
        subprocess.run(
            [sys.executable, "-c", program, str(folder)], check=True, cwd=ROOT, env=environment
        )
        assert digests(folder) == expected


def test_no_two_formats_share_a_file() -> None:
    names = [document.file_name for document in DOCUMENTS.values()]
    assert len(set(names)) == len(names)
    assert "index.html" not in names


def test_the_documentation_names_every_format() -> None:
    page = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    for name in FORMATS:
        assert f"`{name}`" in page
    for document in DOCUMENTS.values():
        assert f"| `{document.file_name}` |" in page
