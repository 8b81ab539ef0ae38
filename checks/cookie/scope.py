"""Is every cookie kept to the host that sets it?"""

from collections.abc import Sequence

from spbe_audit.check import About, Fact, Outcome, Params, check
from spbe_audit.evidence import Cookie, HttpEvidence, cookies_set, same_host


class ScopeParams(Params):
    """Domains that many parties share; * stands for one label."""

    shared_domains: tuple[str, ...] = (
        "id",
        "go.id",
        "*.go.id",
        "ac.id",
        "biz.id",
        "co.id",
        "desa.id",
        "mil.id",
        "my.id",
        "net.id",
        "or.id",
        "ponpes.id",
        "sch.id",
        "web.id",
    )


@check(
    "cookie.scope",
    needs=HttpEvidence,
    params=ScopeParams,
    about=About.PAGE,
    subject="lacking.name",
)
def scope(http: HttpEvidence, params: ScopeParams) -> Outcome:
    """Pass when no Domain reaches beyond the host, and the rules of name prefixes are kept."""
    cookies = cookies_set(http)
    if not cookies:
        failure = http.front_failure
        return Outcome.unknown(failure) if failure else Outcome.not_applicable("no_cookies")
    names = tuple(dict.fromkeys(cookie.name for cookie in cookies))
    faults = [(cookie, problem) for cookie in cookies if (problem := _problem(cookie, params))]
    if faults:
        return Outcome.failed(
            cookies=names,
            problems=tuple(dict.fromkeys(problem for _, problem in faults)),
            lacking=_told([cookie for cookie, _ in faults]),
        )
    return Outcome.passed(cookies=names)


def _problem(cookie: Cookie, params: ScopeParams) -> str | None:
    name = cookie.name.lower()
    domain = _domain(cookie)
    is_secure = cookie.attribute("secure") is not None and cookie.secure_origin
    if name.startswith("__host-") and not (
        is_secure and cookie.attribute("path") == "/" and not domain
    ):
        return "host_prefix"
    if name.startswith("__secure-") and not is_secure:
        return "secure_prefix"
    if any(_fits(domain, pattern) for pattern in params.shared_domains) and _covers(domain, cookie):
        return "shared_domain"
    reaches_up = not same_host(domain, cookie.host) and _covers(domain, cookie)
    return "parent_domain" if domain and reaches_up else None


def _domain(cookie: Cookie) -> str:
    """The Domain attribute as browsers take it; '' for none (RFC 6265 5.2.3)."""
    return (cookie.attribute("domain") or "").lower().removeprefix(".").rstrip(".")


def _covers(domain: str, cookie: Cookie) -> bool:
    """Whether the host lies in the domain; where it does not, browsers drop the cookie."""
    host = cookie.host.lower().rstrip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _fits(domain: str, pattern: str) -> bool:
    """Whether the labels are those of a pattern, in which * is one label of any text."""
    labels, wanted = domain.split("."), pattern.lower().split(".")
    if not domain or len(labels) != len(wanted):
        return False
    return all(want in {"*", label} for label, want in zip(labels, wanted, strict=True))


def _told(cookies: Sequence[Cookie]) -> tuple[Fact, ...]:
    told = {
        (cookie.name, cookie.attribute("domain"), cookie.attribute("path")) for cookie in cookies
    }
    in_order = sorted(told, key=lambda one: tuple(part or "" for part in one))
    return tuple({"name": name, "domain": domain, "path": path} for name, domain, path in in_order)
