"""Are session cookies kept from scripts?"""

from spbe_audit.check import About, Outcome, Params, check
from spbe_audit.evidence import Cookie, HttpEvidence, cookies_set, looks_like_session


class HttpOnlyParams(Params):
    """Which cookies look like a session. Names are patterns, in any case."""

    session_names: tuple[str, ...] = ("*sess*", "*sid", "*auth*", "*token*", "remember*")
    excluded_names: tuple[str, ...] = ("*csrf*", "*xsrf*")
    session_value_length: int = 16


@check(
    "cookie.http_only",
    needs=HttpEvidence,
    params=HttpOnlyParams,
    about=About.PAGE,
    subject="lacking",
)
def http_only(http: HttpEvidence, params: HttpOnlyParams) -> Outcome:
    """Pass when every cookie that looks like a session carries HttpOnly."""
    cookies = cookies_set(http)
    if not cookies:
        failure = http.front_failure
        return Outcome.unknown(failure) if failure else Outcome.not_applicable("no_cookies")
    sessions = [cookie for cookie in cookies if _looks_like_session(cookie, params)]
    if not sessions:
        return Outcome.not_applicable("no_session_cookie")
    names = tuple(dict.fromkeys(cookie.name for cookie in sessions))
    bare = (cookie.name for cookie in sessions if cookie.attribute("httponly") is None)
    lacking = tuple(dict.fromkeys(bare))
    if lacking:
        return Outcome.failed(cookies=names, lacking=lacking)
    return Outcome.passed(cookies=names)


def _looks_like_session(cookie: Cookie, params: HttpOnlyParams) -> bool:
    return looks_like_session(
        cookie,
        names=params.session_names,
        excluded=params.excluded_names,
        value_length=params.session_value_length,
    )
