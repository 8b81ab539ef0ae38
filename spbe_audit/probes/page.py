"""The few facts of an HTML page that checks ask for, taken without building a tree.

A tree builder that follows the HTML standard can be made to need gigabytes and minutes by a small
hostile page (misnested formatting, deep nesting). Start tags in their order are all that is needed
here, and a tokenizer finds those in one pass, in time proportional to the page's length.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin

from spbe_audit.evidence import PageExtract

_ENTRIES_LIMIT = 200
_TEXT_LIMIT = 2_000
_POLICY_LIMIT = 16_000
_ATTRIBUTES_LIMIT = 100
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", ""})
_WANTED = frozenset({"html", "base", "title", "meta", "script", "link", "form", "input", "button"})
_RAW_TEXT_ENDS = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
}

# Every alternative succeeds on whatever follows, up to the end of the text, and none gives back
# what it took: that is what keeps the time linear.
_MARKUP = re.compile(
    r"<(?:(?P<comment>!--)|(?P<close>/?)(?P<name>[a-zA-Z][^\s/>]*+)|(?P<other>[!?/]))"
)
_ATTRIBUTES = re.compile(r"""(?:=\s*+(?:"[^"]*+"?+|'[^']*+'?+|[^\s>]*+)|[^=>]++)*+""")
_ATTRIBUTE = re.compile(
    r"""(?P<name>[^\s/>=]++)"""
    r"""(?:\s*+=\s*+(?:"(?P<d>[^"]*+)"?+|'(?P<s>[^']*+)'?+|(?P<u>[^\s>]*+)))?+"""
)
_COMMENT_END = re.compile(r"--!?>")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
# Decoders that cost no more than the text is long; punycode and its like do.
_PLAIN_CHARSET = re.compile(
    r"(?:utf-?8|utf-?16(?:le|be)?|us-ascii|ascii|latin-?1|iso-?8859-\d{1,2}|windows-125\d|cp125\d"
    r"|koi8-[ru]|shift_?jis|euc-(?:jp|kr)|gb(?:k|2312|18030)|big5(?:-hkscs)?|tis-620)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Tag:
    """A start tag with its attributes (first one of a name counts), or an end tag."""

    name: str
    attributes: Mapping[str, str]
    closes: bool = False
    text: str = ""


@dataclass(slots=True)
class _Sketch:
    """What has been seen of a page so far."""

    url: str
    base: str = ""
    title: str = ""
    generator: str = ""
    language: str = ""
    password_forms: int = 0
    scripts: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    form_actions: list[str] = field(default_factory=list)
    meta_policies: list[str] = field(default_factory=list)
    password_counted: bool = False

    def absolute(self, reference: str) -> str:
        try:
            return urljoin(self.base or self.url, reference.strip())
        except ValueError:  # a bracket without its partner
            return reference.strip()


def extract_page(body: bytes, content_type: str, url: str) -> PageExtract | None:
    """The extract of a page at ``url``; None when the content type is not HTML.

    References are made absolute with the page's <base>, texts are cut after 2,000 characters
    (policies after 16,000) and lists after 200 entries.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in _HTML_TYPES:
        return None
    sketch = _Sketch(url)
    for tag in _tags(decode_text(body, content_type)):
        _notice(sketch, tag)
    return PageExtract(
        title=sketch.title,
        generator=sketch.generator,
        language=sketch.language,
        password_forms=sketch.password_forms,
        scripts=tuple(sketch.scripts),
        styles=tuple(sketch.styles),
        form_actions=tuple(sketch.form_actions),
        meta_policies=tuple(sketch.meta_policies),
    )


def decode_text(body: bytes, content_type: str) -> str:
    """A body as text: by its byte order mark, else the charset named, else UTF-8."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", "replace")
    named = _CHARSET.search(content_type)
    charset = named[1] if named and _PLAIN_CHARSET.fullmatch(named[1]) else "utf-8"
    try:
        return body.decode(charset, "replace").removeprefix("\ufeff")
    except LookupError:
        return body.decode("utf-8", "replace").removeprefix("\ufeff")


def _tags(text: str) -> Iterator[_Tag]:
    """The tags that matter, in order (WHATWG HTML 13.2.5, scripting off)."""
    position = 0
    while found := _MARKUP.search(text, position):
        if found["comment"]:
            end = _COMMENT_END.search(text, found.start() + 2)
            if end is None:
                return
            position = end.end()
            continue
        inside = _ATTRIBUTES.match(text, found.end())
        position = inside.end() + 1 if inside else found.end()
        if found["other"]:
            position = text.find(">", found.end()) + 1
            if position == 0:
                return
            continue
        if position > len(text):
            return  # the text ends inside the tag
        name = found["name"].lower()
        closes = bool(found["close"])
        content = ""
        if name in _RAW_TEXT_ENDS and not closes:
            begin, position = position, _raw_text_end(text, name, position)
            content = text[begin:position] if name == "title" else ""
        if name in _WANTED:
            yield _Tag(name, _attributes(inside[0] if inside else ""), closes, content)


def _raw_text_end(text: str, name: str, position: int) -> int:
    """Where the end tag of an element without markup inside begins; the end of text if nowhere."""
    end = _RAW_TEXT_ENDS[name].search(text, position)
    return end.start() if end else len(text)


def _attributes(text: str) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for found in _ATTRIBUTE.finditer(text):
        value = found["d"] or found["s"] or found["u"] or ""
        attributes.setdefault(found["name"].lower(), value)
        if len(attributes) >= _ATTRIBUTES_LIMIT:
            break
    return attributes


def _notice(sketch: _Sketch, tag: _Tag) -> None:
    if tag.name == "form":
        sketch.password_counted = False
    if tag.closes:
        return
    match tag.name:
        case "form":
            _add(sketch.form_actions, sketch, tag, "action")
        case "script":
            _add(sketch.scripts, sketch, tag, "src")
        case "link":
            if "stylesheet" in _value(tag, "rel").lower().split():
                _add(sketch.styles, sketch, tag, "href")
        case "input" | "button":
            _notice_control(sketch, tag)
        case _:
            _notice_head(sketch, tag)


def _notice_head(sketch: _Sketch, tag: _Tag) -> None:
    match tag.name:
        case "html":
            sketch.language = sketch.language or _value(tag, "lang")
        case "base":
            sketch.base = sketch.base or sketch.absolute(_value(tag, "href"))
        case "title":
            sketch.title = sketch.title or _line(html.unescape(tag.text[: 4 * _TEXT_LIMIT]))
        case "meta":
            _notice_meta(sketch, tag)


def _notice_meta(sketch: _Sketch, tag: _Tag) -> None:
    if _value(tag, "name").lower() == "generator":
        sketch.generator = sketch.generator or _line(_value(tag, "content"))
    if _value(tag, "http-equiv").lower() == "content-security-policy":
        policy = html.unescape(tag.attributes.get("content", "")[:_POLICY_LIMIT])
        if len(sketch.meta_policies) < _ENTRIES_LIMIT:
            sketch.meta_policies.append(policy)


def _notice_control(sketch: _Sketch, tag: _Tag) -> None:
    _add(sketch.form_actions, sketch, tag, "formaction")
    is_password = tag.name == "input" and _value(tag, "type").lower() == "password"
    if is_password and not sketch.password_counted:
        sketch.password_counted = True
        sketch.password_forms += 1


def _add(entries: list[str], sketch: _Sketch, tag: _Tag, attribute: str) -> None:
    reference = _value(tag, attribute)
    if reference and len(entries) < _ENTRIES_LIMIT:
        entries.append(sketch.absolute(reference)[:_TEXT_LIMIT])


def _value(tag: _Tag, attribute: str) -> str:
    return html.unescape(tag.attributes.get(attribute, "")[: 2 * _TEXT_LIMIT]).strip()[:_TEXT_LIMIT]


def _line(text: str) -> str:
    return " ".join(text.split())[:_TEXT_LIMIT]
