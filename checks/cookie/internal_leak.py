"""Do cookies keep the inside of the service to themselves?"""

import re

from spbe_audit.check import About, Fact, Outcome, Params, check
from spbe_audit.evidence import Cookie, HttpEvidence, cookies_set, named_like


class InternalLeakParams(Params):
    """Names that a load balancer or a framework gives its cookies. They are patterns, in any case.

    ``marks`` are what a value was seen to hold before it was replaced by its digest.
    """

    balancer_names: tuple[str, ...] = ("BIGipServer*",)
    technology_names: tuple[str, ...] = (
        "PHPSESSID",
        "JSESSIONID*",
        "ASP.NET_SessionId",
        "ASPSESSIONID*",
        ".ASPXAUTH",
        ".AspNetCore.*",
        "CFID",
        "CFTOKEN",
        "laravel_session",
        "ci_session*",
        "cakephp*",
        "connect.sid",
        "django*",
        "rack.session",
        "play_session",
        "symfony*",
        "wordpress_*",
        "wp-settings-*",
        "fe_typo_user",
        "MoodleSession*",
        "OJSSID",
        "phpMyAdmin*",
        "roundcube_*",
        "grafana_session*",
    )
    marks: tuple[str, ...] = ("bigip_address",)


_PREFIX = re.compile(r"^__(Host|Secure)-", re.IGNORECASE)
"""What binds a cookie to its origin (RFC 6265bis 4.1.3): no part of the name proper."""


@check(
    "cookie.internal_leak",
    needs=HttpEvidence,
    params=InternalLeakParams,
    about=About.PAGE,
    subject="telling",
)
def internal_leak(http: HttpEvidence, params: InternalLeakParams) -> Outcome:
    """Pass when no cookie holds an inner address or bears the name of the technology behind it."""
    cookies = cookies_set(http)
    if not cookies:
        failure = http.front_failure
        return Outcome.unknown(failure) if failure else Outcome.not_applicable("no_cookies")
    names = tuple(dict.fromkeys(cookie.name for cookie in cookies))
    told = {cookie.name: problem for cookie in cookies if (problem := _problem(cookie, params))}
    if not told:
        return Outcome.passed(cookies=names)
    facts: dict[str, Fact] = {"cookies": names, "telling": tuple(told)}
    return Outcome.failed(problems=tuple(dict.fromkeys(told.values())), **facts)


def _problem(cookie: Cookie, params: InternalLeakParams) -> str | None:
    if not set(params.marks).isdisjoint(cookie.marks):
        return "inner_address"
    name = _PREFIX.sub("", cookie.name)
    if named_like(name, params.balancer_names):
        return "balancer_name"
    return "technology_name" if named_like(name, params.technology_names) else None
