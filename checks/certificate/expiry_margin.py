"""Is there time enough to renew the certificate?"""

from datetime import timedelta

from pydantic import Field

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import NoLeaf, TlsEvidence, read_chain, utc_text


class ExpiryMarginParams(Params):
    """How much must be left: days, or a part of the lifetime of a short-lived certificate."""

    minimum_days: int = 30
    short_lived_below_days: int = 90
    short_lived_parts: int = Field(default=3, ge=1)


@check("certificate.expiry_margin", needs=TlsEvidence, params=ExpiryMarginParams)
def expiry_margin(tls: TlsEvidence, params: ExpiryMarginParams) -> Outcome:
    """Pass when enough days are left, or enough of the lifetime of a short-lived certificate."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    leaf = chain.leaf
    left = leaf.not_after - tls.collected_at
    needed = timedelta(days=params.minimum_days)
    if leaf.lifetime < timedelta(days=params.short_lived_below_days):
        needed = leaf.lifetime / params.short_lived_parts
    facts: dict[str, Fact] = {
        "days_left": left.days,
        "days_needed": -(-needed // timedelta(days=1)),
        "lifetime_days": leaf.lifetime.days,
        "not_after": utc_text(leaf.not_after),
    }
    return Outcome.passed(**facts) if left >= needed else Outcome.failed(**facts)
