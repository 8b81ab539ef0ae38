"""Is the way along the redirects short and safe?"""

from urllib.parse import urlsplit

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import HttpEvidence, Walk, WalkEnd


class RedirectChainParams(Params):
    """How many redirects are too many."""

    most_redirects: int = 5


_BROKEN_ENDS = {
    WalkEnd.LOOP: "loop",
    WalkEnd.TOO_MANY_HOPS: "too_many_redirects",
    WalkEnd.BAD_LOCATION: "bad_location",
}


@check("http.redirect_chain", needs=HttpEvidence, params=RedirectChainParams)
def redirect_chain(http: HttpEvidence, params: RedirectChainParams) -> Outcome:
    """Pass when each walk is short, ends in a page, and never goes from https back to http."""
    walks = [walk for walk in http.walks if walk.hops]
    problems = [problem for walk in walks for problem in _problems(walk, params)]
    facts: dict[str, Fact] = {
        "chains": tuple(_drawn(walk) for walk in walks),
        "hops": tuple(
            {"url": hop.url, "status": hop.status} for walk in walks for hop in walk.hops
        ),
        "redirects": max((_redirects(walk) for walk in walks), default=0),
        "most_redirects": params.most_redirects,
    }
    if problems:
        return Outcome.failed(problems=tuple(dict.fromkeys(problems)), **facts)
    # It is no fault of the service that the letter does not cover its login provider, say.
    if any(walk.end is WalkEnd.OUT_OF_SCOPE for walk in walks):
        return Outcome.unknown("out_of_scope", **facts)
    for walk in http.walks:
        if walk.end is WalkEnd.FAILED and (walk.hops or walk is http.entry):
            return Outcome.unknown(walk.failure or walk.end.value)
    return Outcome.passed(**facts)


def _problems(walk: Walk, params: RedirectChainParams) -> list[str]:
    found = [_BROKEN_ENDS[walk.end]] if walk.end in _BROKEN_ENDS else []
    if _redirects(walk) > params.most_redirects:
        found.append("too_many_redirects")
    steps = ((hop.scheme, urlsplit(hop.target or "").scheme) for hop in walk.hops)
    if ("https", "http") in steps:
        found.append("downgrade")
    return found


def _redirects(walk: Walk) -> int:
    return sum(hop.redirects for hop in walk.hops)


def _drawn(walk: Walk) -> str:
    """The walk on one line: "http://a/ (301) > https://a/ (200)"."""
    steps = [f"{hop.url} ({hop.status})" for hop in walk.hops]
    last = walk.hops[-1]
    if last.redirects:
        steps.append(last.target or last.header("location") or "")
    return " > ".join(steps)
