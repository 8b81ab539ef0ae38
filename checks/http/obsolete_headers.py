"""Does the service send fields that browsers gave up, or contradict itself?"""

from collections.abc import Sequence

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import Exchange, HttpEvidence


class ObsoleteHeadersParams(Params):
    """Fields that are obsolete whatever they say, and fields that may say one thing only."""

    obsolete: tuple[str, ...] = (
        "Public-Key-Pins",
        "Public-Key-Pins-Report-Only",
        "Expect-CT",
    )
    xss_protection_accepted: tuple[str, ...] = ("0",)
    single_valued: tuple[str, ...] = (
        "Strict-Transport-Security",
        "X-Frame-Options",
        "X-Content-Type-Options",
        "X-XSS-Protection",
        "Cross-Origin-Opener-Policy",
        "Cross-Origin-Resource-Policy",
        "Cross-Origin-Embedder-Policy",
    )


@check(
    "http.obsolete_headers",
    needs=HttpEvidence,
    params=ObsoleteHeadersParams,
    subject="headers.name",
)
def obsolete_headers(http: HttpEvidence, params: ObsoleteHeadersParams) -> Outcome:
    """Pass when no obsolete field is sent, and none twice with different values."""
    front = http.front
    if front is None:
        return Outcome.unknown(http.front_failure or "fact_unknown", fact="response")
    obsolete = (*_sent(front, params.obsolete), *_active_filter(front, params))
    conflicting = [name for name in params.single_valued if len(_values(front, name)) > 1]
    problems = [
        *(["obsolete"] if obsolete else []),
        *(["conflicting"] if conflicting else []),
    ]
    if problems:
        return Outcome.failed(
            url=front.url,
            problems=tuple(problems),
            headers=_told(front, [*obsolete, *conflicting]),
        )
    return Outcome.passed(url=front.url)


def _sent(front: Exchange, names: Sequence[str]) -> list[str]:
    return [name for name in names if front.header(name) is not None]


def _active_filter(front: Exchange, params: ObsoleteHeadersParams) -> list[str]:
    """X-XSS-Protection, where it says anything but off."""
    values = _values(front, "X-XSS-Protection")
    return [] if values <= {*params.xss_protection_accepted} else ["X-XSS-Protection"]


def _values(front: Exchange, name: str) -> set[str]:
    """The different values of a field; some proxies put repeated ones on one line."""
    parts = (part for value in front.header_values(name) for part in value.split(","))
    return {part.strip().lower() for part in parts if part.strip()}


def _told(front: Exchange, names: Sequence[str]) -> tuple[Fact, ...]:
    return tuple(
        {"name": name, "value": value}
        for name in dict.fromkeys(names)
        for value in front.header_values(name)
    )
