"""Does the server prove that its certificate has not been revoked?"""

from datetime import datetime, timedelta

from pydantic import Field

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import (
    NoLeaf,
    RevocationStatus,
    Staple,
    StapleProblem,
    TlsEvidence,
    read_chain,
    read_staple,
    utc_text,
)


class RevocationParams(Params):
    """How long an answer without an end counts, and how far two clocks may be apart."""

    longest_days: int = Field(default=10, ge=1)
    clock_tolerance_seconds: int = Field(default=300, ge=0)


_NOT_OUR_CALL = frozenset({StapleProblem.ISSUER_NOT_KNOWN, StapleProblem.UNVERIFIABLE})


@check("certificate.revocation", needs=TlsEvidence, params=RevocationParams)
def revocation(tls: TlsEvidence, params: RevocationParams) -> Outcome:
    """Pass when the stapled OCSP answer is genuine, fresh and good."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    must_staple = chain.leaf.parts.must_staple
    if tls.ocsp_staple is None:
        return _without_staple(tls, must_staple=must_staple)
    sent = tls.chains[0].certificates
    staple = read_staple(tls.ocsp_staple, sent, anchors=tls.trust_anchors, at=tls.collected_at)
    if staple.problem in _NOT_OUR_CALL:
        return Outcome.unknown(staple.problem.value)
    problems = _problems(staple, tls.collected_at, params)
    facts: dict[str, Fact] = {
        "must_staple": must_staple,
        "status": staple.status.value if staple.status else None,
        "signer": staple.signer.value if staple.signer else None,
        "this_update": utc_text(staple.this_update) if staple.this_update else None,
        "next_update": utc_text(staple.next_update) if staple.next_update else None,
        "revoked_at": utc_text(staple.revoked_at) if staple.revoked_at else None,
    }
    return Outcome.failed(problems=problems, **facts) if problems else Outcome.passed(**facts)


def _without_staple(tls: TlsEvidence, *, must_staple: bool) -> Outcome:
    if "ocsp_staple" in tls.unknown:
        return Outcome.unknown("fact_unknown", fact="ocsp_staple")
    if not must_staple:
        return Outcome.not_applicable("no_staple")
    nothing: dict[str, Fact] = dict.fromkeys(
        ("status", "signer", "this_update", "next_update", "revoked_at")
    )
    return Outcome.failed(problems=("must_staple_not_obeyed",), must_staple=True, **nothing)


def _problems(staple: Staple, now: datetime, params: RevocationParams) -> tuple[str, ...]:
    if staple.problem or staple.this_update is None:
        return ((staple.problem or StapleProblem.MALFORMED).value,)
    tolerance = timedelta(seconds=params.clock_tolerance_seconds)
    ends = staple.next_update or staple.this_update + timedelta(days=params.longest_days)
    amiss = {
        "revoked": staple.status is RevocationStatus.REVOKED,
        "status_unknown": staple.status is RevocationStatus.UNKNOWN,
        "not_fresh": now > ends + tolerance,
        "from_the_future": now < staple.this_update - tolerance,
    }
    return tuple(code for code, is_so in amiss.items() if is_so)
