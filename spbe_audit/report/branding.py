"""branding.yaml: the name, logo, colours and footer of the office that hands out a report."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import Any
from xml.parsers import expat

from pydantic import BaseModel, ConfigDict

from spbe_audit.bilingual import Bilingual
from spbe_audit.errors import Mistake, TemplateError
from spbe_audit.report.colours import (
    ENOUGH_FOR_TEXT,
    GROUNDS_OF_LINKS,
    contrast,
    is_colour,
    variables_of,
)
from spbe_audit.text_file import UnfitError, nearest, read_text, shown
from spbe_audit.yaml_file import Positions, load_yaml

BRANDING = "branding.yaml"
LARGEST_LOGO = 256 * 1024
"""Bytes of a logo. It stands on the first page in each language and in the PDF."""

_MOST_PIXELS = 4000
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_SIZE_ENDS = 24
_SCHEMES = {"accent": "light", "accent_dark": "dark"}
_GROUNDS = {"light": "the light ground", "dark": "the dark ground"}


class _Both(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    id: str
    en: str


class _Colours(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    accent: str = ""
    accent_dark: str = ""


class _Branding(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    office: _Both | None = None
    footer: _Both | None = None
    logo: str = ""
    colours: _Colours = _Colours()


@dataclass(frozen=True, slots=True)
class Branding:
    """What an office puts on its reports; what it leaves out is empty or None.

    ``logo`` is a data: URI. ``accent`` is for light screens and paper, ``accent_dark`` for dark
    screens, both as "#0b558c".
    """

    office: Bilingual | None = None
    footer: Bilingual | None = None
    logo: str = ""
    accent: str = ""
    accent_dark: str = ""

    def style(self) -> str:
        """The lines that set the colours, to stand after a style sheet."""
        lines = [f":root {{ --link: {self.accent}; }}"] if self.accent else []
        if self.accent_dark:
            dark = f":root {{ --link: {self.accent_dark}; }}"
            lines.append(f"@media screen and (prefers-color-scheme: dark) {{ {dark} }}")
        return "\n".join(lines)


NO_BRANDING = Branding()


def load_branding(path: Path, *, style: str) -> Branding:
    """The branding in a file. ``style`` is the style sheet whose grounds the colours stand on.

    Raises TemplateError with every mistake: a colour that cannot be read, a logo that cannot be
    used.
    """

    def inspect(data: Any, positions: Positions) -> list[Mistake]:
        given = data if isinstance(data, dict) else {}
        return [
            *_mistaken_colours(given.get("colours"), positions, style),
            *_mistaken_logo(given.get("logo"), positions, path.parent),
        ]

    told = load_yaml(
        read_text(path, error=TemplateError),
        source=str(path),
        model=_Branding,
        error=TemplateError,
        inspect=inspect,
    )
    return Branding(
        office=_bilingual(told.office),
        footer=_bilingual(told.footer),
        logo=_data_uri(_logo_bytes(path.parent, told.logo)) if told.logo else "",
        accent=told.colours.accent,
        accent_dark=told.colours.accent_dark,
    )


def _bilingual(text: _Both | None) -> Bilingual | None:
    return Bilingual(text.id, text.en) if text else None


def _mistaken_colours(given: Any, positions: Positions, style: str) -> Iterator[Mistake]:
    if not isinstance(given, dict):
        return
    variables = variables_of(style)
    for key, scheme in _SCHEMES.items():
        colour = given.get(key)
        if not isinstance(colour, str) or not colour:
            continue
        place = ("colours", key)
        if not is_colour(colour):
            problem = UnfitError("this is no colour", expected='six digits, as "#0b558c"')
            yield positions.unfit(place, problem)
            continue
        worst = _worst_contrast(colour, variables[scheme])
        if worst < ENOUGH_FOR_TEXT:
            yield positions.mistake(
                place,
                f"links in this colour cannot be read on {_GROUNDS[scheme]}",
                found=f"{shown(colour)}, a contrast of {floor(worst * 100) / 100:.2f}",
                expected=f"at least {ENOUGH_FOR_TEXT} (WCAG AA): a "
                f"{'darker' if scheme == 'light' else 'lighter'} colour",
            )


def _worst_contrast(colour: str, variables: Mapping[str, str]) -> float:
    grounds = [variables[name] for name in GROUNDS_OF_LINKS if name in variables]
    return min((contrast(colour, ground) for ground in grounds), default=ENOUGH_FOR_TEXT)


def _mistaken_logo(name: Any, positions: Positions, folder: Path) -> Iterator[Mistake]:
    if not isinstance(name, str) or not name:
        return
    try:
        _data_uri(_logo_bytes(folder, name))
    except UnfitError as problem:
        yield positions.unfit(("logo",), problem)


def _logo_bytes(folder: Path, name: str) -> bytes:
    """The logo's file, which stands beside branding.yaml. Raises UnfitError."""
    if Path(name).name != name or name in {".", ".."}:
        raise UnfitError(
            "the logo is not a file beside branding.yaml", expected="a name such as logo.png"
        )
    try:
        with (folder / name).open("rb") as file:
            content = file.read(LARGEST_LOGO + 1)
    except FileNotFoundError as error:
        beside = [path.name for path in folder.iterdir()]
        raise UnfitError("there is no such file", suggestion=nearest(name, beside)) from error
    except (OSError, ValueError) as error:
        raise UnfitError(f"the logo cannot be read: {error}") from error
    if len(content) > LARGEST_LOGO:
        raise UnfitError(
            f"the logo is larger than {LARGEST_LOGO // 1024} KiB", expected="a smaller picture"
        )
    return content


def _data_uri(content: bytes) -> str:
    """A picture as a data: URI, which a page shows as an image: nothing in it runs there."""
    if content.startswith(_PNG):
        _refuse_odd_png(content)
        kind = "image/png"
    else:
        _refuse_odd_svg(content)
        kind = "image/svg+xml"
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _refuse_odd_png(content: bytes) -> None:
    if content[12:16] != b"IHDR" or len(content) < _PNG_SIZE_ENDS:
        raise UnfitError("the logo is a damaged PNG picture")
    width, height = struct.unpack(">II", content[16:_PNG_SIZE_ENDS])
    if not (0 < width <= _MOST_PIXELS and 0 < height <= _MOST_PIXELS):
        raise UnfitError(
            "the logo is too large to show",
            found=f"{width} by {height} pixels",
            expected=f"at most {_MOST_PIXELS} by {_MOST_PIXELS}",
        )


def _refuse_odd_svg(content: bytes) -> None:
    """Refuse what is no SVG, and a document type: entities grow without end."""
    names: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, _attributes: names.append(name)
    parser.StartDoctypeDeclHandler = _refuse_document_type
    try:
        parser.Parse(content, True)  # noqa: FBT003 - expat takes it by place: this is the last piece
    except expat.ExpatError as error:
        problem = "the logo is neither a PNG nor an SVG picture"
        raise UnfitError(problem, expected="PNG or SVG") from error
    if names[0] != "http://www.w3.org/2000/svg svg":
        raise UnfitError("the logo is XML, but no SVG picture", expected="PNG or SVG")
    active = {"script", "foreignObject"} & {name.rpartition(" ")[2] for name in names}
    if active:
        raise UnfitError(
            f"the logo holds <{min(active)}>",
            expected="a picture that holds no program and no page",
        )


def _refuse_document_type(*_parts: object) -> None:
    raise UnfitError("the logo holds a document type", expected="an SVG without <!DOCTYPE>")
