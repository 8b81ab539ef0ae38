"""Does an https page fetch everything, and send its forms, over https?"""

from spbe_audit.check import About, Fact, Outcome, Params, check
from spbe_audit.evidence import Exchange, HttpEvidence, NoHtml, PageExtract, enforced_policies


class MixedContentParams(Params):
    """Which things that a page fetches are judged, and whether its forms are."""

    kinds: tuple[str, ...] = (
        "script",
        "style",
        "frame",
        "image",
        "media",
        "object",
        "icon",
        "preload",
    )
    forms: bool = True


@check("http.mixed_content", needs=HttpEvidence, params=MixedContentParams, about=About.PAGE)
def mixed_content(http: HttpEvidence, params: MixedContentParams) -> Outcome:
    """Pass when nothing goes over http:, or the page has browsers upgrade what would."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    front = http.front_html
    if isinstance(front, NoHtml):
        refuse = Outcome.not_applicable if front.does_not_apply else Outcome.unknown
        return refuse(front.value)
    if front.answer.scheme != "https":
        return Outcome.not_applicable("no_https")
    insecure = _insecure(front.page, params)
    url = front.answer.url
    if insecure and not _upgrades(front.answer):
        return Outcome.failed(url=url, insecure=insecure)
    if not front.whole:
        return Outcome.unknown("page_cut_off")
    return Outcome.passed(url=url, upgraded=insecure)


def _insecure(page: PageExtract, params: MixedContentParams) -> tuple[Fact, ...]:
    fetched = [(one.kind, one.url) for one in page.subresources if one.kind in params.kinds]
    sent = [("form", action) for action in page.form_actions] if params.forms else []
    found = (one for one in [*fetched, *sent] if one[1][:5].lower() == "http:")
    return tuple({"name": kind, "value": url} for kind, url in dict.fromkeys(found))


def _upgrades(answer: Exchange) -> bool:
    """Whether browsers fetch and send over https all the same (Upgrade Insecure Requests 3.2)."""
    policies = enforced_policies(answer)
    return any("upgrade-insecure-requests" in policy.directives for policy in policies)
