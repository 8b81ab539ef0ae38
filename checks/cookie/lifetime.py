"""Do session cookies end when the session ought to?"""

from collections.abc import Iterator

from spbe_audit.check import About, Fact, Outcome, Params, check
from spbe_audit.evidence import (
    Cookie,
    HttpEvidence,
    cookies_set,
    http_date,
    is_deletion,
    lifetime_seconds,
    looks_like_session,
)


class LifetimeParams(Params):
    """Which cookies look like a session, and how many seconds they may last.

    Names are patterns, in any case. ``tolerance_seconds`` covers clocks and rounding.
    """

    session_names: tuple[str, ...] = ("*sess*", "*sid", "*auth*", "*token*", "remember*")
    excluded_names: tuple[str, ...] = ("*csrf*", "*xsrf*")
    session_value_length: int = 16
    longest_seconds: int = 86_400
    tolerance_seconds: int = 60


@check(
    "cookie.lifetime",
    needs=HttpEvidence,
    params=LifetimeParams,
    about=About.PAGE,
    subject="lacking.name",
)
def lifetime(http: HttpEvidence, params: LifetimeParams) -> Outcome:
    """Pass when no cookie that looks like a session outlasts the longest time."""
    if not cookies_set(http):
        failure = http.front_failure
        return Outcome.unknown(failure) if failure else Outcome.not_applicable("no_cookies")
    sessions = list(_sessions(http, params))
    if not sessions:
        return Outcome.not_applicable("no_session_cookie")
    limit = params.longest_seconds + params.tolerance_seconds
    lasting = [(cookie, age) for cookie, age in sessions if age is not None and age > limit]
    facts: dict[str, Fact] = {
        "cookies": tuple(dict.fromkeys(cookie.name for cookie, _ in sessions)),
        "longest_seconds": params.longest_seconds,
    }
    if lasting:
        told = {(cookie.name, round(age)) for cookie, age in lasting}
        lacking: tuple[Fact, ...] = tuple(
            {"name": name, "seconds": age} for name, age in sorted(told)
        )
        return Outcome.failed(lacking=lacking, **facts)
    return Outcome.passed(**facts)


def _sessions(http: HttpEvidence, params: LifetimeParams) -> Iterator[tuple[Cookie, float | None]]:
    """Each session cookie and how long it lasts, by the clock of the server that set it."""
    for exchange in http.own_exchanges():
        set_at = http_date(exchange.header("date") or "") or exchange.requested_at
        for cookie in exchange.cookies:
            if is_deletion(cookie, http.collected_at):
                continue
            if looks_like_session(
                cookie,
                names=params.session_names,
                excluded=params.excluded_names,
                value_length=params.session_value_length,
            ):
                yield cookie, lifetime_seconds(cookie, set_at)
