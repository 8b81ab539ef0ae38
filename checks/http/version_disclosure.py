"""Do the headers and the page keep the versions of the software to themselves?"""

import re

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import Exchange, HttpEvidence


class VersionDisclosureParams(Params):
    """Where versions are looked for; ``version_headers`` are nothing but a version."""

    headers: tuple[str, ...] = ("Server", "X-Powered-By", "X-Generator", "Via")
    version_headers: tuple[str, ...] = ("X-AspNet-Version", "X-AspNetMvc-Version")


_VERSION = re.compile(r"/v?\d|\sv?\d+\.\d|^\S+ \d+\b")
"""A number behind a product: "Apache/2.4.57", "WordPress 6.4", "Drupal 10"."""

_RECEIVED_PROTOCOL = re.compile(r"(^|,)\s*(?:[A-Za-z]+/)?\d+(?:\.\d+)?\s+")
"""How each member of Via begins (RFC 9110 7.6.3): the protocol's version, no product's."""


@check(
    "http.version_disclosure",
    needs=HttpEvidence,
    params=VersionDisclosureParams,
    subject="disclosures.name",
)
def version_disclosure(http: HttpEvidence, params: VersionDisclosureParams) -> Outcome:
    """Pass when neither the named headers nor the page's generator show a version number."""
    front = http.front
    if front is None:
        return Outcome.unknown(http.front_failure or "fact_unknown", fact="response")
    told = tuple(
        {"name": where, "value": value}
        for where, value in _statements(front, params)
        if where in params.version_headers or _tells_version(where, value)
    )
    if told:
        return Outcome.failed(url=front.url, disclosures=told, server=front.header("server"))
    return Outcome.passed(url=front.url, server=front.header("server"))


def _statements(front: Exchange, params: VersionDisclosureParams) -> list[tuple[str, str]]:
    named = (*params.headers, *params.version_headers)
    found = [(name, value) for name in named for value in front.header_values(name)]
    generator = front.page.generator if front.page else ""
    return [*found, ("meta generator", generator)] if generator else found


def _tells_version(where: str, value: str) -> bool:
    statement = _RECEIVED_PROTOCOL.sub(r"\1", value) if where.lower() == "via" else value
    return _VERSION.search(statement) is not None
