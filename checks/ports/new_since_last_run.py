"""Is a port open that was closed in the last run?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import PORT_NAMES, PortsEvidence


class NewSinceLastRunParams(Params):
    """When a host answers on too many ports to be believed."""

    guard_asked: int = 50
    guard_open_share: float = 0.5


@check(
    "ports.new_since_last_run",
    needs=PortsEvidence,
    params=NewSinceLastRunParams,
    subject="new.port",
)
def new_since_last_run(ports: PortsEvidence, params: NewSinceLastRunParams) -> Outcome:
    """Pass when every open port was open in the last run too, or was not asked then."""
    if ports.previous_open is None:
        return Outcome.not_applicable("no_earlier_run")
    if ports.seems_all_open(asked=params.guard_asked, share=params.guard_open_share):
        return Outcome.unknown("all_ports_open", open_count=len(ports.open), asked=ports.asked)
    new: tuple[Fact, ...] = tuple(
        {"port": port, "service": PORT_NAMES.get(port)} for port in ports.newly_open()
    )
    facts: dict[str, Fact] = {"address": ports.address, "earlier": ports.previous_open}
    if new:
        return Outcome.failed(new=new, **facts)
    return Outcome.passed(open=tuple(one.port for one in ports.open), **facts)
