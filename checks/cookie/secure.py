"""Is every cookie sent over https only?"""

from spbe_audit.check import About, NoParams, Outcome, check
from spbe_audit.evidence import HttpEvidence, cookies_set


@check("cookie.secure", needs=HttpEvidence, params=NoParams, about=About.PAGE, subject="lacking")
def secure(http: HttpEvidence, _: NoParams) -> Outcome:
    """Pass when every cookie carries Secure, those set over http included."""
    cookies = cookies_set(http)
    if not cookies:
        failure = http.front_failure
        return Outcome.unknown(failure) if failure else Outcome.not_applicable("no_cookies")
    names = tuple(dict.fromkeys(cookie.name for cookie in cookies))
    lacking = [cookie for cookie in cookies if cookie.attribute("secure") is None]
    if not lacking:
        return Outcome.passed(cookies=names)
    return Outcome.failed(
        cookies=names,
        lacking=tuple(dict.fromkeys(cookie.name for cookie in lacking)),
        set_over_http=any(not cookie.secure_origin for cookie in lacking),
    )
