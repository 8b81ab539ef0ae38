"""Could the service be put on the browsers' list of https-only sites?"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from spbe_audit.check import About, Fact, Outcome, Params, check
from spbe_audit.evidence import Exchange, FailureKind, HttpEvidence, parse_hsts, same_host


class HstsPreloadParams(Params):
    """What the list asks for; ``required`` makes a failure of a service that does not ask for it.

    ``minimum_max_age`` is in seconds.
    """

    minimum_max_age: int = 31_536_000
    required: bool = False


_NO_HTTPS = {FailureKind.REFUSED, FailureKind.TLS_REFUSED, FailureKind.PROTOCOL_BROKEN}


@check("http.hsts_preload", needs=HttpEvidence, params=HstsPreloadParams, about=About.PAGE)
def hsts_preload(http: HttpEvidence, params: HstsPreloadParams) -> Outcome:
    """Pass when the service is eligible, or does not ask for the list: then it is only noted."""
    secure = http.secure_exchanges()
    if not secure:
        if http.entry_failure and http.entry_failure not in _NO_HTTPS:
            return Outcome.unknown(http.entry_failure)
        return Outcome.not_applicable("no_https")
    if _is_address(http.host):
        return Outcome.not_applicable("ip_literal")
    response = secure[0]
    received = response.header_values("strict-transport-security")
    asks = bool(received) and parse_hsts(received[0]).preload
    lacking = (*_lacking_in_header(response, params), *_lacking_redirect(http))
    facts: dict[str, Fact] = {
        "url": response.url,
        "received": received,
        "asks_for_it": asks,
        "eligible": not lacking,
        "minimum_max_age": params.minimum_max_age,
    }
    if lacking and (asks or params.required):
        return Outcome.failed(problems=lacking, lacking=lacking, **facts)
    return Outcome.passed(lacking=lacking, **facts)


def _lacking_in_header(response: Exchange, params: HstsPreloadParams) -> list[str]:
    values = response.header_values("strict-transport-security")
    policy = parse_hsts(values[0]) if values else None
    if policy is None or policy.problem or policy.max_age is None:
        return ["no_valid_header"]
    return [
        *(["max_age_short"] if policy.max_age < params.minimum_max_age else []),
        *([] if policy.include_subdomains else ["no_subdomains"]),
        *([] if policy.preload else ["no_preload"]),
    ]


def _lacking_redirect(http: HttpEvidence) -> list[str]:
    """Where plain http answers, it has to redirect to https on the same host first."""
    first = http.plain.hops[0] if http.plain and http.plain.hops else None
    if first is None:
        return []
    target = urlsplit(first.target or "")
    redirected = target.scheme == "https" and same_host(target.hostname or "", http.host)
    return [] if redirected else ["no_redirect"]


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
