"""Does the server offer a key exchange group that every client of today has?"""

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import SuiteListing, TlsEvidence, is_hybrid


class KeyExchangeGroupsParams(Params):
    """The groups of which at least one must be offered."""

    wanted: tuple[str, ...] = ("x25519", "secp256r1")


@check("tls.key_exchange_groups", needs=TlsEvidence, params=KeyExchangeGroupsParams)
def key_exchange_groups(tls: TlsEvidence, params: KeyExchangeGroupsParams) -> Outcome:
    """Pass when one of the wanted groups is offered; hybrid groups are noted."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    if tls.groups is None:
        if "groups" in tls.unknown:
            return Outcome.unknown("fact_unknown", fact="groups")
        return Outcome.not_applicable("not_asked_at_this_intensity")
    hybrid = tuple(name for name in tls.groups if is_hybrid(name))
    if set(params.wanted).isdisjoint(tls.groups):
        if tls.suite_listing is SuiteListing.EACH_KIND:  # nor were the groups all listed
            return Outcome.not_applicable("not_asked_at_this_intensity")
        return Outcome.failed(groups=tls.groups, wanted=params.wanted, hybrid=hybrid)
    return Outcome.passed(groups=tls.groups, hybrid=hybrid)
