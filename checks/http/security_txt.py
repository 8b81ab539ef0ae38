"""Does the service say where vulnerabilities can be reported?"""

from datetime import datetime
from urllib.parse import urlsplit

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import SecurityTxt, SurfaceEvidence, parse_security_txt


class SecurityTxtParams(Params):
    """For how many days the file may claim to hold (RFC 9116 2.5.5: less than a year)."""

    longest_days: int = 366


_WELL_KNOWN = "/.well-known/"


@check("http.security_txt", needs=SurfaceEvidence, params=SecurityTxtParams)
def security_txt(surface: SurfaceEvidence, params: SecurityTxtParams) -> Outcome:
    """Pass when the file is where RFC 9116 wants it, over https, with contact and expiry."""
    if not surface.security_txt:
        failure = surface.failure("security_txt")
        if failure:
            return Outcome.unknown(failure)
        return Outcome.failed(url=surface.origin, problems=("missing",), expires=(), contacts=())
    file = parse_security_txt(surface.security_txt)
    problems = (*_place_problems(surface), *_problems(file, surface.collected_at, params))
    outcome = Outcome.failed if problems else Outcome.passed
    return outcome(
        url=surface.security_txt_url,
        problems=problems,
        contacts=file.contacts,
        expires=file.expires,
        signed=file.signed,
    )


def _place_problems(surface: SurfaceEvidence) -> list[str]:
    parts = urlsplit(surface.security_txt_url)
    media_type, _, rest = surface.security_txt_type.lower().replace('"', "").partition(";")
    charset = rest.partition("charset=")[2].strip()
    found = (
        ("not_https", parts.scheme != "https"),
        ("old_place", _WELL_KNOWN not in parts.path),
        ("not_plain_text", media_type.strip() != "text/plain" or charset not in {"", "utf-8"}),
    )
    return [problem for problem, holds in found if holds]


def _problems(file: SecurityTxt, now: datetime, params: SecurityTxtParams) -> list[str]:
    expiry = file.expiry
    days = (expiry - now).total_seconds() / 86_400 if expiry else None
    found = (
        ("no_contact", not file.contacts),
        ("bad_contact", bool(file.bad_contacts)),
        ("no_expiry", not file.expires),
        ("expiry_repeated", len(file.expires) > 1),
        ("expiry_malformed", len(file.expires) == 1 and expiry is None),
        ("expired", days is not None and days < 0),
        ("expires_too_late", days is not None and days > params.longest_days),
        ("languages_repeated", len(file.languages) > 1),
        ("malformed_lines", bool(file.malformed)),
    )
    return [problem for problem, holds in found if holds]
