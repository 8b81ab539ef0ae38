"""Does plain http send the visitor to https first?"""

from urllib.parse import urlsplit

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import Exchange, FailureKind, HttpEvidence, same_host


class HttpsRedirectParams(Params):
    """Which redirects are permanent, and which host is the same."""

    permanent_statuses: tuple[int, ...] = (301, 308)
    www_is_other_host: bool = True


@check("http.https_redirect", needs=HttpEvidence, params=HttpsRedirectParams)
def https_redirect(http: HttpEvidence, params: HttpsRedirectParams) -> Outcome:
    """Pass when the first answer over http moves for good to https on the same host."""
    secure_service = urlsplit(http.entry.start).scheme == "https"
    walk = http.plain if secure_service else http.entry
    if walk is None:
        return Outcome.not_applicable("no_http_port")
    if not walk.hops and walk.failure == FailureKind.REFUSED:
        return Outcome.passed(url=walk.start, status=None, location=None, port_closed=True)
    if not walk.hops:
        return Outcome.unknown(walk.failure or walk.end.value)
    first = walk.hops[0]
    problem = _problem(first, http.host, params)
    facts: dict[str, Fact] = {
        "url": first.url,
        "status": first.status,
        "location": first.header("location"),
    }
    if problem:
        return Outcome.failed(problem=problem, **facts)
    return Outcome.passed(port_closed=False, **facts)


def _problem(first: Exchange, host: str, params: HttpsRedirectParams) -> str | None:
    if not first.redirects:
        return "no_redirect"
    target = urlsplit(first.target or "")
    if target.scheme != "https":
        return "not_to_https"
    if not _is_same(target.hostname or "", host, params):
        return "other_host"
    return None if first.status in params.permanent_statuses else "not_permanent"


def _is_same(target: str, host: str, params: HttpsRedirectParams) -> bool:
    if params.www_is_other_host:
        return same_host(target, host)
    return same_host(target.lower().removeprefix("www."), host.lower().removeprefix("www."))
