"""Do all addresses of the service's name speak TLS alike?"""

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import AddressAnswer, AddressesEvidence

Aspect = Literal["tls", "certificate"]


class AddressConsistencyParams(Params):
    """What must be equal, and which failures are an answer that differs.

    Other failures (no answer in time, no route from here) say nothing about the server.
    """

    compared: tuple[Aspect, ...] = Field(default=("tls", "certificate"), min_length=1)
    telling_failures: tuple[str, ...] = ("refused", "reset", "tls_refused")


@check("tls.address_consistency", needs=AddressesEvidence, params=AddressConsistencyParams)
def address_consistency(found: AddressesEvidence, params: AddressConsistencyParams) -> Outcome:
    """Pass when every address gives the same version, suite and certificate."""
    own = found.own_answers
    if len(own) < 2:  # noqa: PLR2004 - it takes two to differ
        return Outcome.not_applicable("one_address")
    spoke = tuple(answer for answer in own if answer.tls)
    refused = tuple(a for a in own if not a.tls and a.failure in params.telling_failures)
    silent = tuple(a for a in own if not a.tls and a.failure and a not in refused)
    if not spoke and not silent and not refused:
        return Outcome.not_applicable("no_tls")
    facts: dict[str, Fact] = {
        "answers": {answer.address: _shown(answer, params.compared) for answer in own},
        "addresses": tuple(answer.address for answer in own),
        "left_out": found.left_out,
    }
    differing = tuple(aspect for aspect in params.compared if _differ(spoke, aspect))
    problems = (*differing, *(("refusing",) if spoke and refused else ()))
    if problems:
        return Outcome.failed(problems=problems, **facts)
    if silent or not spoke:
        return Outcome.unknown((*silent, *refused)[0].failure or "timeout", **facts)
    return Outcome.passed(**facts)


def _differ(answers: Iterable[AddressAnswer], aspect: Aspect) -> bool:
    return len({_aspects(answer)[aspect] for answer in answers}) > 1


def _aspects(answer: AddressAnswer) -> Mapping[Aspect, str]:
    return {"tls": answer.tls, "certificate": answer.certificate}


def _shown(answer: AddressAnswer, compared: tuple[Aspect, ...]) -> str:
    if not answer.tls:
        return answer.failure or "-"
    shown = {"tls": answer.tls, "certificate": answer.certificate[:16]}
    return ", ".join(shown[aspect] for aspect in compared)
