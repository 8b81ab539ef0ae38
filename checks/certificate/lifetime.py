"""Is the certificate valid for no longer than public CAs may make it?"""

from collections.abc import Mapping
from datetime import UTC, date, timedelta
from math import ceil

from pydantic import Field

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import (
    Authority,
    NoLeaf,
    TlsEvidence,
    authority_of,
    read_chain,
    utc_text,
)


class LifetimeParams(Params):
    """The longest lifetime, in days, by the day from which it holds for new certificates.

    The limits are those of the CA/Browser Forum's Baseline Requirements, section 6.3.2.
    """

    limits: Mapping[date, int] = Field(
        default={
            date(2018, 3, 1): 825,
            date(2020, 9, 1): 398,
            date(2026, 3, 15): 200,
            date(2027, 3, 15): 100,
            date(2029, 3, 15): 47,
        },
        min_length=1,
    )
    public_roots: tuple[str, ...] = ()


@check("certificate.lifetime", needs=TlsEvidence, params=LifetimeParams)
def lifetime(tls: TlsEvidence, params: LifetimeParams) -> Outcome:
    """Pass when the lifetime is within the limit for the day of issue."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    authority = authority_of(tls, params.public_roots)
    if authority is Authority.UNVERIFIABLE:
        return Outcome.unknown("unverifiable_signature")
    if authority is not Authority.PUBLIC:
        return Outcome.not_applicable("private_authority")
    leaf = chain.leaf
    issued = leaf.not_before.astimezone(UTC).date()
    since = max((day for day in params.limits if day <= issued), default=None)
    if since is None:
        return Outcome.not_applicable("issued_before_limits", issued=issued.isoformat())
    facts: dict[str, Fact] = {
        "not_before": utc_text(leaf.not_before),
        "not_after": utc_text(leaf.not_after),
        # A part of a day counts as a day, and both ends belong to the period.
        "lifetime_days": ceil(leaf.lifetime / timedelta(days=1)),
        "limit_days": params.limits[since],
        "limit_since": since.isoformat(),
    }
    too_long = leaf.lifetime > timedelta(days=params.limits[since])
    return Outcome.failed(**facts) if too_long else Outcome.passed(**facts)
