"""Does the handshake bear versions, extensions and values that the server does not know?"""

from typing import Literal

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import TlsEvidence, TlsQuestion

Strange = Literal["modern_hello", "unknown_version", "grease", "long_hello"]


class VersionToleranceParams(Params):
    """What a server must bear in a hello."""

    required: tuple[Strange, ...] = ("modern_hello", "unknown_version", "grease", "long_hello")


@check(
    "tls.version_tolerance",
    needs=TlsEvidence,
    params=VersionToleranceParams,
    asks=(TlsQuestion.INTOLERANCES,),
)
def version_tolerance(tls: TlsEvidence, params: VersionToleranceParams) -> Outcome:
    """Pass when every hello that must be borne is answered."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    if tls.intolerances is None:
        if "intolerances" in tls.unknown:
            return Outcome.unknown("fact_unknown", fact="intolerances")
        return Outcome.not_applicable("not_asked_at_this_intensity")
    broken = tuple(name for name in params.required if name in tls.intolerances)
    if broken:
        return Outcome.failed(problems=broken)
    return Outcome.passed(tried=len(params.required))
