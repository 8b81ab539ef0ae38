"""Does the page carry a content security policy that browsers enforce?"""

from spbe_audit.check import About, Fact, NoParams, Outcome, check
from spbe_audit.evidence import HttpEvidence, enforced_policies


@check("http.csp", needs=HttpEvidence, params=NoParams, about=About.PAGE)
def csp(http: HttpEvidence, _: NoParams) -> Outcome:
    """Pass when a policy with at least one known directive is enforced, by header or meta."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    page = http.front_page
    if page is None:
        return Outcome.not_applicable("not_a_page")
    policies = enforced_policies(page)
    report_only = page.header_values("content-security-policy-report-only")
    facts: dict[str, Fact] = {
        "url": page.url,
        "policies": tuple(policy.text for policy in policies),
        "sources": tuple(str(policy.source) for policy in policies),
        "unknown_directives": tuple(name for policy in policies for name in policy.unknown),
        "report_only": report_only,
    }
    if any(policy.known for policy in policies):
        return Outcome.passed(**facts)
    problem = "report_only" if report_only else "missing"
    return Outcome.failed(problem="no_known_directive" if policies else problem, **facts)
