"""The few facts of an HTML page that checks ask for, taken without building a tree.

A tree builder that follows the HTML standard can be made to need gigabytes and minutes by a small
hostile page (misnested formatting, deep nesting). Start tags in their order are all that is needed
here, and a tokenizer finds those in one pass, in time proportional to the page's length.
"""

from __future__ import annotations

import codecs
import html
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin

from spbe_audit.evidence import Form, Link, PageExtract, Subresource, page_marks

_ENTRIES_LIMIT = 200
_LINKS_LIMIT = 50
_TEXT_LIMIT = 2_000
_LINK_TEXT_LIMIT = 200
_LINK_LIMIT = 500
_POLICY_LIMIT = 16_000
_ATTRIBUTES_LIMIT = 100
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", ""})
_TEXT_TYPE = re.compile(r"text/.{1,80}|application/(?:[\w.+-]{0,60}\+)?(?:json|xml)")
_KINDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "img": (("src", "image"),),
    "image": (("href", "image"), ("xlink:href", "image")),
    "source": (("src", "media"),),
    "video": (("src", "media"), ("poster", "image")),
    "audio": (("src", "media"),),
    "track": (("src", "media"),),
    "embed": (("src", "object"),),
    "object": (("data", "object"),),
    "iframe": (("src", "frame"),),
    "frame": (("src", "frame"),),
    "script": (("src", "script"),),
}
"""Which attribute of which element makes a browser fetch something, and of what kind."""
_PASSIVE = frozenset({"image", "media", "icon"})
"""Pages hold hundreds of these; only one that travels over http: tells anything."""
_LINK_KINDS = {
    "stylesheet": "style",
    "icon": "icon",
    "preload": "preload",
    "modulepreload": "preload",
    "manifest": "preload",
}
_WANTED = frozenset(
    {*_KINDS, "a", "html", "base", "title", "meta", "link", "form", "input", "button"}
)
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
_CANDIDATE = re.compile(r"(?:^|,)\s*+([^\s,]\S*+)")
_ANY_TAG = re.compile(r"<[^>]*+>?")
_LINK_END = re.compile(r"</?a[\s>/]", re.IGNORECASE)
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
    """A start tag with its attributes (first one of a name counts), or an end tag.

    ``end`` is where the tag ends in the text of the page.
    """

    name: str
    attributes: Mapping[str, str]
    closes: bool = False
    text: str = ""
    end: int = 0


@dataclass(slots=True)
class _OpenForm:
    """A form whose end has not come yet; ``scripted`` where no form element was seen."""

    action: str
    method: str = ""
    autocomplete: str = ""
    has_password: bool = False
    scripted: bool = False
    other_actions: list[str] = field(default_factory=list)

    def closed(self) -> Form:
        return Form(
            action=self.action,
            method=self.method,
            has_password=self.has_password,
            autocomplete=self.autocomplete,
            other_actions=tuple(self.other_actions),
            scripted=self.scripted,
        )


@dataclass(slots=True)
class _Sketch:
    """What has been seen of a page so far."""

    url: str
    base: str = ""
    title: str = ""
    generator: str = ""
    language: str = ""
    form_actions: list[str] = field(default_factory=list)
    meta_policies: list[str] = field(default_factory=list)
    subresources: list[Subresource] = field(default_factory=list)
    kinds_seen: Counter[tuple[str, bool]] = field(default_factory=Counter)
    forms: list[_OpenForm] = field(default_factory=list)
    form: _OpenForm | None = None
    password_forms: int = 0
    first_links: list[_Tag] = field(default_factory=list)
    last_links: deque[_Tag] = field(default_factory=lambda: deque(maxlen=_LINKS_LIMIT))
    links_left_out: int = 0

    def absolute(self, reference: str) -> str:
        try:
            return urljoin(self.base or self.url, reference.strip())
        except ValueError:  # a bracket without its partner
            return reference.strip()


def extract_page(body: bytes, content_type: str, url: str) -> PageExtract | None:
    """The extract of what ``url`` answered; None when the content type is not one of text.

    Of text that is not HTML only its marks are taken. References are made absolute with the page's
    <base>, texts are cut after 2,000 characters (policies after 16,000) and lists after 200
    entries, those of what a browser fetches after 200 of each kind.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    is_html = media_type in _HTML_TYPES
    if not is_html and not _TEXT_TYPE.fullmatch(media_type):
        return None
    text = decode_text(body, content_type)
    marks = page_marks(text)
    if not is_html:
        return PageExtract(html=False, marks=marks)
    sketch = _Sketch(url)
    for tag in _tags(text):
        _notice(sketch, tag)
    return _extract(sketch, text, marks)


def _extract(sketch: _Sketch, text: str, marks: tuple[str, ...]) -> PageExtract:
    def urls(kind: str) -> tuple[str, ...]:
        return tuple(one.url for one in sketch.subresources if one.kind == kind)

    return PageExtract(
        title=sketch.title,
        generator=sketch.generator,
        language=sketch.language,
        password_forms=sketch.password_forms,
        scripts=urls("script"),
        styles=urls("style"),
        form_actions=tuple(sketch.form_actions),
        meta_policies=tuple(sketch.meta_policies),
        subresources=tuple(sketch.subresources),
        forms=tuple(form.closed() for form in sketch.forms),
        links=tuple(_link(sketch, tag, text) for tag in (*sketch.first_links, *sketch.last_links)),
        links_left_out=sketch.links_left_out,
        marks=marks,
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
            attributes = _attributes(inside[0] if inside else "")
            yield _Tag(name, attributes, closes, content, position)


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
        _notice_form(sketch, tag)
    if tag.closes:
        return
    for attribute, kind in _KINDS.get(tag.name, ()):
        _fetch(sketch, tag, attribute, kind)
    match tag.name:
        case "img" | "source":
            _notice_candidates(sketch, tag)
        case "link":
            _notice_link_element(sketch, tag)
        case "input" | "button":
            _notice_control(sketch, tag)
        case "a":
            _notice_link(sketch, tag)
        case _:
            _notice_head(sketch, tag)


def _notice_form(sketch: _Sketch, tag: _Tag) -> None:
    sketch.form = None
    if tag.closes:
        return
    _add(sketch.form_actions, sketch, tag, "action")
    if len(sketch.forms) >= _ENTRIES_LIMIT:
        sketch.form = _OpenForm(action="")
        return
    action = _value(tag, "action")
    sketch.form = _OpenForm(
        action=(sketch.absolute(action) if action else sketch.url)[:_TEXT_LIMIT],
        method=_value(tag, "method").lower(),
        autocomplete=_value(tag, "autocomplete").lower(),
    )
    sketch.forms.append(sketch.form)


def _notice_link_element(sketch: _Sketch, tag: _Tag) -> None:
    relations = set(_value(tag, "rel").lower().split())
    for relation, kind in _LINK_KINDS.items():
        if relation in relations:
            _fetch(sketch, tag, "href", kind)
            return


def _notice_candidates(sketch: _Sketch, tag: _Tag) -> None:
    """The images among which a browser chooses (WHATWG HTML 4.8.4.3)."""
    for found in _CANDIDATE.finditer(_value(tag, "srcset")):
        _keep(sketch, Subresource("image", found[1]))


def _notice_link(sketch: _Sketch, tag: _Tag) -> None:
    if "href" not in tag.attributes:
        return
    if len(sketch.first_links) < _LINKS_LIMIT:
        sketch.first_links.append(tag)
        return
    sketch.links_left_out += len(sketch.last_links) == _LINKS_LIMIT
    sketch.last_links.append(tag)


def _link(sketch: _Sketch, tag: _Tag, text: str) -> Link:
    """A link with the text up to its end, or what stands for that text where there is none."""
    behind = text[tag.end : tag.end + _TEXT_LIMIT]
    shown = _ANY_TAG.sub(" ", _LINK_END.split(behind, maxsplit=1)[0])
    words = _line(html.unescape(shown)) or _value(tag, "aria-label") or _value(tag, "title")
    href = sketch.absolute(_value(tag, "href"))
    return Link(words[:_LINK_TEXT_LIMIT], href[:_LINK_LIMIT])


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
    if sketch.form:
        _add(sketch.form.other_actions, sketch, tag, "formaction")
    kind = _value(tag, "type").lower()
    if tag.name == "input" and kind == "image":
        _fetch(sketch, tag, "src", "image")
    if tag.name == "input" and kind == "password":
        _notice_password(sketch)


def _notice_password(sketch: _Sketch) -> None:
    """A password field belongs to the form that is open; without one, scripts will send it."""
    if sketch.form is None:
        sketch.form = _OpenForm(action="", scripted=True)
        if len(sketch.forms) < _ENTRIES_LIMIT:
            sketch.forms.append(sketch.form)
    if not sketch.form.has_password:
        sketch.form.has_password = True
        sketch.password_forms += 1


def _fetch(sketch: _Sketch, tag: _Tag, attribute: str, kind: str) -> None:
    reference = _value(tag, attribute)
    if not reference:
        return
    crossorigin = _value(tag, "crossorigin").lower() if "crossorigin" in tag.attributes else None
    _keep(sketch, Subresource(kind, reference, _value(tag, "integrity"), crossorigin))


def _keep(sketch: _Sketch, one: Subresource) -> None:
    """Keep what a browser fetches, its ``url`` still as written.

    What goes over http: is counted on its own, so that nothing crowds it out.
    """
    start = one.url[:5].lower()
    if start == "data:":  # fetched from nowhere
        return
    relative = ":" not in one.url.partition("/")[0]
    base = sketch.base or sketch.url
    insecure = start == "http:" or (relative and base[:5].lower() == "http:")
    if one.kind in _PASSIVE and not insecure:
        return
    seen = (one.kind, insecure)
    if sketch.kinds_seen[seen] < _ENTRIES_LIMIT:
        sketch.kinds_seen[seen] += 1
        sketch.subresources.append(replace(one, url=sketch.absolute(one.url)[:_TEXT_LIMIT]))


def _add(entries: list[str], sketch: _Sketch, tag: _Tag, attribute: str) -> None:
    reference = _value(tag, attribute)
    if reference and len(entries) < _ENTRIES_LIMIT:
        entries.append(sketch.absolute(reference)[:_TEXT_LIMIT])


def _value(tag: _Tag, attribute: str) -> str:
    return html.unescape(tag.attributes.get(attribute, "")[: 2 * _TEXT_LIMIT]).strip()[:_TEXT_LIMIT]


def _line(text: str) -> str:
    return " ".join(text.split())[:_TEXT_LIMIT]
