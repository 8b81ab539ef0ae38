"""Are foreign sites kept from showing the page in a frame?"""

from spbe_audit.check import About, Outcome, Params, check
from spbe_audit.evidence import HttpEvidence, parse_csp_header


class ClickjackingParams(Params):
    """Which values of X-Frame-Options forbid foreign frames."""

    accepted_frame_options: tuple[str, ...] = ("DENY", "SAMEORIGIN")


@check("http.clickjacking", needs=HttpEvidence, params=ClickjackingParams, about=About.PAGE)
def clickjacking(http: HttpEvidence, params: ClickjackingParams) -> Outcome:
    """Pass when frame-ancestors is restricted, or in its absence X-Frame-Options is."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    page = http.front_page
    if page is None:
        return Outcome.not_applicable("not_a_page")
    policies = parse_csp_header(page.header_values("content-security-policy"))
    ancestors = [sources for policy in policies if (sources := policy.frame_ancestors) is not None]
    if ancestors:  # browsers then ignore X-Frame-Options
        by = "frame-ancestors"
        received = tuple(" ".join(sources) or "(empty)" for sources in ancestors)
        restricted = any(not any(map(_admits_all, sources)) for sources in ancestors)
        problem = None if restricted else "open_to_all"
    else:
        by = "X-Frame-Options"
        received = page.header_values(by)
        problem = _frame_options_problem(received, params)
    if problem:
        return Outcome.failed(url=page.url, by=by, received=received, problem=problem)
    return Outcome.passed(url=page.url, by=by, received=received)


def _admits_all(source: str) -> bool:
    """Whether a source expression lets any site in: "*", "https:", "https://*", "*:443"."""
    if source.endswith(":"):
        return True
    authority = source.rpartition("://")[2].partition("/")[0]
    return authority.partition(":")[0] == "*"


def _frame_options_problem(received: tuple[str, ...], params: ClickjackingParams) -> str | None:
    if not received:
        return "missing"
    tokens = {token.strip().upper() for value in received for token in value.split(",")}
    if len(tokens) > 1:
        return "conflicting"
    return None if tokens <= {*params.accepted_frame_options} else "ineffective"
