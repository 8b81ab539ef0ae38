"""Is every open port one that the agency declared?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import PortsEvidence


class UnexpectedOpenParams(Params):
    """When a host answers on too many ports to be believed."""

    guard_asked: int = 50
    guard_open_share: float = 0.5


@check(
    "ports.unexpected_open",
    needs=PortsEvidence,
    params=UnexpectedOpenParams,
    subject="unexpected.port",
    among="asked",
)
def unexpected_open(ports: PortsEvidence, params: UnexpectedOpenParams) -> Outcome:
    """Pass when no port is open but those declared in the target list."""
    if ports.seems_all_open(asked=params.guard_asked, share=params.guard_open_share):
        return Outcome.unknown("all_ports_open", open_count=len(ports.open), asked=ports.asked)
    unexpected = [one for one in ports.open if one.port not in ports.declared]
    facts: dict[str, Fact] = {
        "address": ports.address,
        "asked": ports.asked,
        "filtered": ports.filtered,
        "declared": ports.declared,
    }
    if unexpected:
        named = tuple({"port": one.port, "service": one.service or None} for one in unexpected)
        return Outcome.failed(unexpected=named, **facts)
    return Outcome.passed(open=tuple(one.port for one in ports.open), **facts)
