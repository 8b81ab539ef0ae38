"""Does every cookie say whether other sites' requests may carry it?"""

from spbe_audit.check import About, Outcome, Params, check
from spbe_audit.evidence import Cookie, HttpEvidence, cookies_set


class SameSiteParams(Params):
    """Which values limit a cookie enough."""

    accepted: tuple[str, ...] = ("Strict", "Lax")
    none_with_secure: bool = True


@check(
    "cookie.same_site",
    needs=HttpEvidence,
    params=SameSiteParams,
    about=About.PAGE,
    subject="lacking",
)
def same_site(http: HttpEvidence, params: SameSiteParams) -> Outcome:
    """Pass when SameSite is Strict or Lax on every cookie, or None together with Secure."""
    cookies = cookies_set(http)
    if not cookies:
        failure = http.front_failure
        return Outcome.unknown(failure) if failure else Outcome.not_applicable("no_cookies")
    names = tuple(dict.fromkeys(cookie.name for cookie in cookies))
    open_ones = (cookie.name for cookie in cookies if not _is_limited(cookie, params))
    lacking = tuple(dict.fromkeys(open_ones))
    if lacking:
        return Outcome.failed(cookies=names, lacking=lacking)
    return Outcome.passed(cookies=names)


def _is_limited(cookie: Cookie, params: SameSiteParams) -> bool:
    value = (cookie.attribute("samesite") or "").lower()
    if value == "none":
        return params.none_with_secure and cookie.attribute("secure") is not None
    return value in {word.lower() for word in params.accepted}
