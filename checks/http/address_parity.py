"""Do all addresses of the service, and its name with or without www, give the same site?"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from spbe_audit.check import About, Fact, Outcome, Params, check
from spbe_audit.evidence import AddressAnswer, AddressesEvidence, same_host


class AddressParityParams(Params):
    """What counts as the same site, and which failures are an answer that differs.

    Other failures (no answer in time, no route from here) say nothing about the server.
    """

    compare_titles: bool = True
    telling_failures: tuple[str, ...] = ("refused", "reset", "tls_refused", "protocol_broken")


@check("http.address_parity", needs=AddressesEvidence, params=AddressParityParams, about=About.PAGE)
def address_parity(found: AddressesEvidence, params: AddressParityParams) -> Outcome:
    """Pass when every address answers with the same page, or leads to the same place."""
    if len(found.answers) < 2:  # noqa: PLR2004 - it takes two to differ
        lone = next((answer.failure for answer in found.answers if answer.failure), None)
        return Outcome.unknown(lone) if lone else Outcome.not_applicable("one_address")
    answered = tuple(answer for answer in found.answers if not answer.failure)
    refused = tuple(a for a in found.answers if a.failure in params.telling_failures)
    silent = tuple(a for a in found.answers if a.failure and a not in refused)
    own = tuple(answer for answer in answered if answer in found.own_answers)
    twins = tuple(answer for answer in answered if answer not in found.own_answers)
    facts: dict[str, Fact] = {
        "answers": {f"{one.host} [{one.address}]": _shown(one) for one in found.answers},
        "host": found.host,
        "twin": found.twin,
        "left_out": found.left_out,
    }
    amiss = {
        "addresses_differ": _differ(own, params),
        "twin_differs": bool(own) and not all(_same(own[0], twin, params) for twin in twins),
        "refusing": bool(answered) and bool(refused),
    }
    if any(amiss.values()):
        return Outcome.failed(
            problems=tuple(code for code, is_so in amiss.items() if is_so), **facts
        )
    if silent or not own:
        return Outcome.unknown((*silent, *refused)[0].failure or "timeout", **facts)
    return Outcome.passed(**facts)


def _differ(answers: tuple[AddressAnswer, ...], params: AddressParityParams) -> bool:
    return not all(_same(answers[0], other, params) for other in answers[1:])


def _same(left: AddressAnswer, right: AddressAnswer, params: AddressParityParams) -> bool:
    """Whether two answers are of one site: same page, same goal, or one leads to the other."""
    if left.location and right.location:
        goals = {_goal(left.location), _goal(right.location)}
        return len(goals) == 1 or _leads(left, right) or _leads(right, left)
    if left.location or right.location:
        return _leads(left, right) or _leads(right, left)
    titles_agree = left.title == right.title or not params.compare_titles
    return _status_class(left) == _status_class(right) and titles_agree


def _leads(one: AddressAnswer, other: AddressAnswer) -> bool:
    """Whether a redirect sends the client from one name to the other."""
    target = urlsplit(one.location).hostname or ""
    return not same_host(one.host, other.host) and same_host(target, other.host)


def _goal(location: str) -> str:
    """Where a redirect leads; a session in the path, and a slash at its end, do not count."""
    parts = urlsplit(location)
    path = parts.path.partition(";")[0].rstrip("/")
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"


def _status_class(answer: AddressAnswer) -> int | None:
    return None if answer.status is None else answer.status // 100


def _shown(answer: AddressAnswer) -> str:
    said: Iterable[str] = (answer.location or answer.title,)
    return answer.failure or " ".join((str(answer.status), *(text for text in said if text)))
