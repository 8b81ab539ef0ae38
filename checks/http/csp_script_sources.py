"""Does the content security policy keep out scripts that are not the site's own choice?"""

from collections.abc import Sequence

from spbe_audit.check import About, Fact, Outcome, Params, check
from spbe_audit.evidence import (
    ContentPolicy,
    HttpEvidence,
    admits_any_host,
    allows_all_inline,
    enforced_policies,
    example_url,
    source_matches,
)


class CspScriptSourcesParams(Params):
    """What a list of script sources must not hold, and what of it is only told.

    "*" stands for every host, a scheme for all of it; "http:" also for single hosts over http.
    """

    rejected: tuple[str, ...] = ("'unsafe-inline'", "'unsafe-eval'", "*", "data:", "http:")
    noted: tuple[str, ...] = ("https:",)


_GOVERNED = ("script-src-elem", "script-src-attr", "script-src")
"""Script elements, scripts in attributes, and text that is evaluated as a script."""


@check(
    "http.csp_script_sources",
    needs=HttpEvidence,
    params=CspScriptSourcesParams,
    about=About.PAGE,
)
def csp_script_sources(http: HttpEvidence, params: CspScriptSourcesParams) -> Outcome:
    """Pass when the enforced policies, taken together, let no rejected source through."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    page = http.front_page
    if page is None:
        return Outcome.not_applicable("not_a_page")
    policies = enforced_policies(page)
    if not any(policy.known for policy in policies):
        return Outcome.not_applicable("no_csp")
    facts: dict[str, Fact] = {
        "url": page.url,
        "policies": tuple(policy.text for policy in policies),
        "noted": _let_through(policies, params.noted, page.url),
    }
    if any(policy.forbids_scripts for policy in policies):
        return Outcome.passed(sandboxed=True, **facts)
    unrestricted = tuple(name for name in _GOVERNED if not _lists(policies, name))
    allowed = _let_through(policies, params.rejected, page.url)
    problems = tuple(dict.fromkeys(map(_problem, allowed)))
    if unrestricted:
        problems = ("unrestricted", *problems)
    if problems:
        return Outcome.failed(
            problems=problems, allowed=allowed, unrestricted=unrestricted, **facts
        )
    return Outcome.passed(sandboxed=False, **facts)


def _let_through(
    policies: Sequence[ContentPolicy], kinds: Sequence[str], page_url: str
) -> tuple[str, ...]:
    """The sources of these kinds, as written, that no other policy stops."""
    wanted = {kind.lower() for kind in kinds}
    found: dict[str, None] = {}
    for name in _GOVERNED:
        lists = _lists(policies, name)
        for source in (source for sources in lists for source in sources):
            counts = name in _places(source) and _kind(source) in wanted
            if counts and all(_allows(other, source, page_url) for other in lists):
                found[source] = None
    return tuple(found)


def _lists(policies: Sequence[ContentPolicy], name: str) -> list[tuple[str, ...]]:
    """What each policy that governs a directive says of it."""
    lists = (policy.effective(name) for policy in policies)
    return [sources for sources in lists if sources is not None]


def _places(source: str) -> tuple[str, ...]:
    """Where a source counts: addresses for elements, evaluation under script-src itself."""
    if source.lower() == "'unsafe-inline'":
        return "script-src-elem", "script-src-attr"
    return ("script-src",) if source.startswith("'") else ("script-src-elem",)


def _kind(source: str) -> str:
    """The word by which parameters call a source; itself where it is of no wide kind."""
    source = source.lower()
    scheme, divider, _ = source.partition("://")
    if divider and scheme == "http":
        return "http:"
    if not admits_any_host(source):
        return source
    if divider:
        return f"{scheme}:"
    return source if source.endswith(":") else "*"


def _allows(sources: Sequence[str], source: str, page_url: str) -> bool:
    """Whether a policy's list lets through what a source expression stands for."""
    words = [word.lower() for word in sources]
    if source.lower() == "'unsafe-inline'":
        return allows_all_inline(sources)
    if source.startswith("'"):
        return source.lower() in words
    if "'strict-dynamic'" in words:  # then addresses do not count
        return False
    url = example_url(source, page_url)
    return any(source_matches(one, url, page_url) for one in sources)


def _problem(source: str) -> str:
    kind = _kind(source)
    known = {"'unsafe-inline'": "inline", "'unsafe-eval'": "evaluated", "*": "any_host"}
    return known.get(kind, "unwanted_source")
