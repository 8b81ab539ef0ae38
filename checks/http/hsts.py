"""Does the service tell browsers to use https only?"""

from ipaddress import ip_address

from spbe_audit.check import About, Outcome, Params, check
from spbe_audit.evidence import Exchange, FailureKind, HttpEvidence, parse_hsts


class HstsParams(Params):
    """How long, in seconds, and how widely the policy must hold."""

    minimum_max_age: int = 15_768_000
    include_subdomains: bool = False
    judge_ip_literals: bool = True


_NO_HTTPS = {FailureKind.REFUSED, FailureKind.TLS_REFUSED, FailureKind.PROTOCOL_BROKEN}


@check("http.hsts", needs=HttpEvidence, params=HstsParams, about=About.PAGE)
def hsts(http: HttpEvidence, params: HstsParams) -> Outcome:
    """Pass when the first https answer and the front page both carry a lasting policy."""
    secure = http.secure_exchanges()
    if not secure:
        if http.entry_failure and http.entry_failure not in _NO_HTTPS:
            return Outcome.unknown(http.entry_failure)
        return Outcome.not_applicable("no_https")
    if _is_address(http.host) and not params.judge_ip_literals:
        return Outcome.not_applicable("ip_literal")
    front = http.front if http.front in secure else None
    for response in (secure[0], front or secure[0]):
        problem = _problem(response, params)
        if problem:
            return Outcome.failed(
                problem=problem,
                url=response.url,
                received=response.header_values("strict-transport-security"),
                minimum_max_age=params.minimum_max_age,
            )
    if http.entry_failure:
        return Outcome.unknown(http.entry_failure)
    received = secure[0].header_values("strict-transport-security")
    policy = parse_hsts(received[0])
    return Outcome.passed(
        url=secure[0].url,
        received=received,
        max_age=policy.max_age,
        include_subdomains=policy.include_subdomains,
        preload=policy.preload,
    )


def _problem(response: Exchange, params: HstsParams) -> str | None:
    values = response.header_values("strict-transport-security")
    if len(values) != 1:
        return "repeated" if values else "missing"
    policy = parse_hsts(values[0])
    if policy.problem or policy.max_age is None:
        return str(policy.problem)
    if policy.max_age < params.minimum_max_age:
        return "max_age_short" if policy.max_age else "max_age_zero"
    if params.include_subdomains and not policy.include_subdomains:
        return "no_subdomains"
    return None


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
