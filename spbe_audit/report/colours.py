"""The colours of the style sheets, and whether text in them can be read (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

ENOUGH_FOR_TEXT = 4.5
"""The least contrast of text with its ground (WCAG AA)."""
GROUNDS_OF_LINKS = ("page", "panel")
"""The variables of the grounds that links stand on."""

_LINEAR_UNTIL = 0.04045
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_VARIABLE = re.compile(r"--([a-z-]+):\s*(#[0-9A-Fa-f]{6})\s*;")
_DARK = re.compile(r"@media[^{]*prefers-color-scheme:\s*dark[^{]*\{\s*:root\s*\{([^}]*)\}")
_LIGHT = re.compile(r":root\s*\{([^}]*)\}")


def is_colour(text: str) -> bool:
    """Whether a text is a colour as "#0b558c" is."""
    return bool(_COLOUR.fullmatch(text))


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2.2, contrast ratio)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def variables_of(style: str) -> dict[str, Mapping[str, str]]:
    """The colours that a style sheet sets on :root, by name, for "light" and for "dark"."""
    light, dark = _LIGHT.search(style), _DARK.search(style)
    return {
        "light": dict(_named(light[1] if light else "")),
        "dark": dict(_named(dark[1] if dark else "")),
    }


def _named(block: str) -> Iterator[tuple[str, str]]:
    for found in _VARIABLE.finditer(block):
        yield found[1], found[2]


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= _LINEAR_UNTIL else ((channel + 0.055) / 1.055) ** 2.4
