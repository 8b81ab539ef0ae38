"""Do scripts and styles from foreign hosts carry a digest that browsers verify?"""

import re

from spbe_audit.check import About, Fact, Outcome, Params, check
from spbe_audit.evidence import HttpEvidence, NoHtml, Subresource, same_site


class SubresourceIntegrityParams(Params):
    """Which things need a digest, and which foreign hosts count as the service's own."""

    kinds: tuple[str, ...] = ("script", "style")
    own_hosts: tuple[str, ...] = ()


_DIGEST = re.compile(r"(?:^|\s)sha(?:256|384|512)-[A-Za-z0-9+/_-]{43,88}={0,2}(?=[\s?]|$)")
"""Metadata that browsers act on (Subresource Integrity 3.5); anything else is ignored."""


@check(
    "http.subresource_integrity",
    needs=HttpEvidence,
    params=SubresourceIntegrityParams,
    about=About.PAGE,
)
def subresource_integrity(http: HttpEvidence, params: SubresourceIntegrityParams) -> Outcome:
    """Pass when each script and style from another site has integrity metadata."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    front = http.front_html
    if isinstance(front, NoHtml):
        refuse = Outcome.not_applicable if front.does_not_apply else Outcome.unknown
        return refuse(front.value)
    url = front.answer.url
    foreign = [one for one in front.page.subresources if _is_foreign(one, http.host, params)]
    bare = [one for one in foreign if not _DIGEST.search(one.integrity)]
    if bare:
        return Outcome.failed(url=url, unprotected=_listed(bare), foreign=len(foreign))
    if not front.whole:
        return Outcome.unknown("page_cut_off")
    if not foreign:
        return Outcome.not_applicable("no_foreign_resources")
    return Outcome.passed(url=url, protected=_listed(foreign))


def _is_foreign(one: Subresource, host: str, params: SubresourceIntegrityParams) -> bool:
    if one.kind not in params.kinds or not one.host:
        return False
    return not any(same_site(one.host, own) for own in (host, *params.own_hosts))


def _listed(found: list[Subresource]) -> tuple[Fact, ...]:
    distinct = dict.fromkeys((one.kind, one.url) for one in found)
    return tuple({"name": kind, "value": url} for kind, url in distinct)
