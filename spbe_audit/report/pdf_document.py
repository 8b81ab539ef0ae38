"""audit.pdf: the report for paper and files, made from print.html.j2 and print.css by WeasyPrint.

Tagged (PDF/UA-1), with bookmarks and embedded fonts. Nothing is fetched while it is made.
"""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from typing import Any

from spbe_audit.errors import ReportError
from spbe_audit.finding import Assessment
from spbe_audit.report.environment import print_style
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.print_view import print_values
from spbe_audit.report.site import build_site

DEBIAN_LIBRARIES = (
    "libpango-1.0-0",
    "libpangoft2-1.0-0",
    "libharfbuzz-subset0",
    "fonts-liberation",
    "fonts-dejavu-core",
)
"""What WeasyPrint draws with, by the names of the Debian packages."""


def write_pdf(assessment: Assessment, narrator: Narrator, path: Path) -> None:
    """Fill a path with the document. Raises ReportError where WeasyPrint cannot be used."""
    weasyprint = load_weasyprint()
    site = build_site(assessment, narrator)
    html = site.render("print.html.j2", print_values(site), path="")
    style = print_style(narrator.labels.templates)
    fetcher = only_data(weasyprint)
    document = weasyprint.HTML(string=html, url_fetcher=fetcher)
    document.write_pdf(
        str(path),
        stylesheets=[weasyprint.CSS(string=style, url_fetcher=fetcher)],
        pdf_variant="pdf/ua-1",
        pdf_identifier=_identifier(assessment, narrator),
    )


def load_weasyprint() -> Any:
    """The library. Raises ReportError, with what to install, where it cannot be used."""
    try:
        return importlib.import_module("weasyprint")
    except ImportError as error:
        raise ReportError(
            "the format pdf needs WeasyPrint, which is not installed",
            f"Install it with: pip install 'spbe-audit[pdf]', and {_libraries_advice()}. "
            "Or leave --format pdf out.",
        ) from error
    except OSError as error:
        raise ReportError(
            f"the format pdf needs libraries that are not installed: {_first_line(error)}",
            f"On Debian and Ubuntu {_libraries_advice()}. Or leave --format pdf out.",
        ) from error


def _libraries_advice() -> str:
    return f"run: sudo apt install {' '.join(DEBIAN_LIBRARIES)}"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def only_data(weasyprint: Any) -> Any:
    """A fetcher that takes what stands in the document itself, and refuses all else."""
    return weasyprint.urls.URLFetcher(allowed_protocols=frozenset({"data"}), allow_redirects=False)


def _identifier(assessment: Assessment, narrator: Narrator) -> bytes:
    """The same for each printing of one assessment in one language (ISO 32000-1, 14.4)."""
    parts = (assessment.run.digest, assessment.policy.digest, narrator.labels.language)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32].encode()
