"""Does the server see to it that the best suite in common is used?"""

from typing import Literal

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import Suite, TlsEvidence, TlsQuestion, suites_that, unsettled_suites


class ServerPreferenceParams(Params):
    """What a suite needs to be a good one."""

    good: tuple[Literal["aead", "forward_secret"], ...] = ("aead", "forward_secret")


@check(
    "tls.server_preference",
    needs=TlsEvidence,
    params=ServerPreferenceParams,
    asks=(TlsQuestion.PREFERENCE,),
)
def server_preference(tls: TlsEvidence, params: ServerPreferenceParams) -> Outcome:
    """Pass when the server chooses, good suites first, or when all accepted suites are good."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    good = suites_that(tls, lambda suite: _is_good(suite, params))
    poor = suites_that(tls, lambda suite: not _is_good(suite, params))
    if poor and tls.server_preference is False:
        return Outcome.failed(problem="client_chooses", suites=poor)
    early = [name for names in tls.suites.values() for name in _before_good(names, good, poor)]
    if early and tls.server_preference:
        return Outcome.failed(problem="poor_first", suites=tuple(dict.fromkeys(early)))
    doubtful = unsettled_suites(tls)
    if doubtful:
        return Outcome.unknown("fact_unknown", fact=", ".join(doubtful))
    if poor and tls.server_preference is None:
        return _no_answer(tls)
    return Outcome.passed(good=len(good), poor=len(poor), own_order=tls.server_preference)


def _no_answer(tls: TlsEvidence) -> Outcome:
    if "server_preference" in tls.unknown:
        return Outcome.unknown("fact_unknown", fact="server_preference")
    has_choice = any(len(names) > 1 for names in tls.suites.values())
    return Outcome.not_applicable("not_asked_at_this_intensity" if has_choice else "one_suite")


def _is_good(suite: Suite, params: ServerPreferenceParams) -> bool:
    return not suite.anonymous and all(getattr(suite, quality) for quality in params.good)


def _before_good(
    names: tuple[str, ...], good: tuple[str, ...], poor: tuple[str, ...]
) -> tuple[str, ...]:
    """The poor suites that are taken although a good one would come after them."""
    last = max((place for place, name in enumerate(names) if name in good), default=0)
    return tuple(name for name in names[:last] if name in poor)
