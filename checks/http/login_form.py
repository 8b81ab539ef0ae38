"""Do forms that ask for a password stand on https and send to https on the same site?"""

from urllib.parse import urlsplit

from spbe_audit.check import About, Fact, Outcome, Params, check
from spbe_audit.evidence import Exchange, Form, HttpEvidence, NoHtml, host_in, same_site


class LoginFormParams(Params):
    """Which foreign hosts may receive passwords, and whether an address may carry them."""

    own_hosts: tuple[str, ...] = ()
    allow_get: bool = False


@check("http.login_form", needs=HttpEvidence, params=LoginFormParams, about=About.PAGE)
def login_form(http: HttpEvidence, params: LoginFormParams) -> Outcome:
    """Pass when every password form of every page that was seen is safe all the way."""
    found = [(page, form) for page in http.own_exchanges() for form in _password_forms(page)]
    problems = [problem for page, form in found for problem in _problems(page, form, http, params)]
    forms: tuple[Fact, ...] = tuple(
        {"name": page.url, "value": "script" if form.scripted else form.action}
        for page, form in dict.fromkeys(found)
    )
    if problems:
        return Outcome.failed(problems=tuple(dict.fromkeys(problems)), forms=forms)
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    front = http.front_html
    if isinstance(front, NoHtml) and not found:
        refuse = Outcome.not_applicable if front.does_not_apply else Outcome.unknown
        return refuse(front.value)
    if not isinstance(front, NoHtml) and not front.whole:
        return Outcome.unknown("page_cut_off")
    return Outcome.passed(forms=forms) if found else Outcome.not_applicable("no_password_form")


def _password_forms(answer: Exchange) -> tuple[Form, ...]:
    return tuple(form for form in answer.page.forms if form.has_password) if answer.page else ()


def _problems(
    answer: Exchange, form: Form, http: HttpEvidence, params: LoginFormParams
) -> list[str]:
    problems = [] if answer.scheme == "https" else ["page_over_http"]
    targets = () if form.scripted else (form.action, *form.other_actions)
    for target in targets:
        scheme = urlsplit(target).scheme
        if scheme == "http" and answer.scheme == "https":
            problems.append("sends_over_http")
        if scheme in {"http", "https"} and not _is_own(host_in(target), http.host, params):
            problems.append("sends_elsewhere")
    if form.method == "get" and not params.allow_get:
        problems.append("sends_in_address")
    return problems


def _is_own(target: str, host: str, params: LoginFormParams) -> bool:
    return any(same_site(target, own) for own in (host, *params.own_hosts))
