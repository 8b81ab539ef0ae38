"""Does the service keep its answers from the scripts of foreign sites?"""

from spbe_audit.check import Fact, NoParams, Outcome, check
from spbe_audit.evidence import CorsAnswer, SurfaceEvidence


@check("http.cors", needs=SurfaceEvidence, params=NoParams)
def cors(surface: SurfaceEvidence, params: NoParams) -> Outcome:
    """Pass when no foreign origin is reflected, null is not allowed, nor `*` with credentials."""
    del params
    problems = tuple(dict.fromkeys(word for one in surface.cors if (word := _problem(one))))
    answers: tuple[Fact, ...] = tuple(
        {
            "name": one.origin,
            "allowed": one.allow_origin,
            "credentials": one.allow_credentials,
        }
        for one in surface.cors
        if one.allow_origin
    )
    if problems:
        return Outcome.failed(origin=surface.origin, problems=problems, answers=answers)
    failure = surface.failure("cors")
    if failure == "not_asked_at_this_intensity":
        return Outcome.not_applicable(failure)
    if failure:
        return Outcome.unknown(failure)
    return Outcome.passed(origin=surface.origin, answers=answers)


def _problem(answer: CorsAnswer) -> str:
    if answer.allow_origin == "null":
        return "null_allowed"
    if answer.allow_origin == "*":
        return "any_with_credentials" if answer.allow_credentials else ""
    if answer.allow_origin == answer.origin:
        return "reflected_with_credentials" if answer.allow_credentials else "reflected"
    return ""
