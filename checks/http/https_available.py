"""Is the service served over https?"""

from collections.abc import Mapping

from spbe_audit.check import About, Fact, Outcome, Params, check
from spbe_audit.evidence import Exchange, FailureKind, HttpEvidence, Walk, WalkEnd, same_host


class HttpsAvailableParams(Params):
    """Statuses that count as a page beside the successful ones."""

    accepted_statuses: tuple[int, ...] = (401, 403)


_ANSWERED_NO: Mapping[str, str] = {
    FailureKind.REFUSED: "connection_refused",
    FailureKind.TLS_REFUSED: "handshake_refused",
    FailureKind.PROTOCOL_BROKEN: "not_tls",
}
"""Failures that are the server's own answer; any other leaves the question open."""


@check("http.https_available", needs=HttpEvidence, params=HttpsAvailableParams, about=About.PAGE)
def https_available(http: HttpEvidence, params: HttpsAvailableParams) -> Outcome:
    """Pass when https on the service's own host gives a page, and nothing falls back to http."""
    walk, failure = http.entry, http.entry_failure
    own = [hop for hop in walk.hops if same_host(hop.host, http.host)]
    last = own[-1] if own else None
    facts: dict[str, Fact] = {
        "url": last.url if last else walk.start,
        "status": last.status if last else None,
        "leaves_to": last.target if last else None,
    }
    if failure:
        problem = _ANSWERED_NO.get(failure)
        return Outcome.failed(problem=problem, **facts) if problem else Outcome.unknown(failure)
    problem = _problem(walk, own, params)
    if problem:
        return Outcome.failed(problem=problem, **facts)
    return Outcome.passed(demands_login=facts["status"] in params.accepted_statuses, **facts)


def _problem(walk: Walk, own: list[Exchange], params: HttpsAvailableParams) -> str | None:
    schemes = [hop.scheme for hop in walk.hops]
    if not any(hop.scheme == "https" for hop in own):
        return "plain_http"
    after = schemes[schemes.index("https") :]
    if "http" in after or (walk.hops[-1].target or "").startswith("http://"):
        return "falls_back"
    if walk.end in {WalkEnd.LOOP, WalkEnd.TOO_MANY_HOPS, WalkEnd.BAD_LOCATION}:
        return "endless_redirect" if walk.end is not WalkEnd.BAD_LOCATION else "bad_redirect"
    last = own[-1]
    if last.target or 200 <= last.status < 300:  # noqa: PLR2004 - the class of successful answers
        return None
    return None if last.status in params.accepted_statuses else "no_page"
