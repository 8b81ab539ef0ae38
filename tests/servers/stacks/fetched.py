"""Old and odd software that comes from PyPI, kept in a cache folder. Nothing of it is imported."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

_SECONDS = 300
_OLD_PYTHON = (
    "--no-deps --only-binary=:all: --python-version 36 --implementation cp --abi cp36m"
    " --platform manylinux1_x86_64"
)


def cache_folder() -> Path:
    """Where it is kept: stacks/ in the cache folder of the project."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "spbe-audit" / "stacks"


def old_libraries(version: str) -> Path:
    """The folder of the shared libraries that a release of psycopg2 carries with it."""
    return cache_folder() / f"psycopg2-{version}"


def tlslite_python(version: str) -> Path:
    """The interpreter of the environment that tlslite-ng is installed in."""
    return cache_folder() / f"tlslite-ng-{version}" / "bin" / "python"


def fetch_old_libraries(version: str) -> None:
    """Fetch the libraries of a release of psycopg2, unless they are there. Raises OSError."""
    home = old_libraries(version)
    if home.is_dir():
        return
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as name:
        folder = Path(name)
        _pip("download", *_OLD_PYTHON.split(), "--dest", name, f"psycopg2=={version}")
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        libraries = folder / "psycopg2" / ".libs"
        _replace_resolver(libraries)
        libraries.rename(home)


def fetch_tlslite(version: str) -> None:
    """Install tlslite-ng into an environment of its own, unless it is there. Raises OSError."""
    python = tlslite_python(version)
    home = python.parent.parent
    if (home / "complete").exists():
        return
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True)
    _pip("install", f"tlslite-ng=={version}", python=str(python))
    (home / "complete").touch()


def _replace_resolver(libraries: Path) -> None:
    """Put the system's libresolv in the place of the wheel's own.

    The old one wants private symbols of the C library of its own day.
    """
    for old in libraries.glob("libresolv-*"):
        system = next(iter(sorted(Path("/lib").glob("*/libresolv.so.2"))), None)
        if system is None:
            raise FileNotFoundError("no libresolv.so.2 on this system")
        old.unlink()
        old.symlink_to(system)


def _pip(*arguments: str, python: str = sys.executable) -> None:
    command = [python, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    try:
        told = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"pip {arguments[0]} took too long") from error
    if told.returncode:
        raise OSError(f"pip {arguments[0]} failed: {told.stderr.strip()[-300:]}")
