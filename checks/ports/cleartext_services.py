"""Is a service within reach that sends passwords or data unencrypted?"""

from collections.abc import Mapping

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import (
    CLEARTEXT_PORTS,
    FoundProgram,
    PortsEvidence,
    ServicesEvidence,
    find_programs,
)


class CleartextServicesParams(Params):
    """What marks an unencrypted service.

    ``upgradable`` are the protocols that are no fault where they offer to go over to TLS, or no
    login without it; ``upgradable_ports`` say where they are expected when the port said nothing.
    """

    cleartext_ports: Mapping[int, str] = dict(CLEARTEXT_PORTS)
    cleartext_programs: tuple[str, ...] = (
        *("amqp", "ftp", "imap", "ldap", "pop3", "rsync", "smtp", "telnet"),
    )
    upgradable: tuple[str, ...] = ("imap", "pop3", "smtp")
    upgradable_ports: tuple[int, ...] = (110, 143)
    guard_asked: int = 50
    guard_open_share: float = 0.5


@check(
    "ports.cleartext_services",
    needs=(PortsEvidence, ServicesEvidence),
    params=CleartextServicesParams,
    subject="exposed.port",
    among="asked",
)
def cleartext_services(
    ports: PortsEvidence, services: ServicesEvidence, params: CleartextServicesParams
) -> Outcome:
    """Pass when no open port belongs to a protocol without encryption, or it offers TLS."""
    if ports.seems_all_open(asked=params.guard_asked, share=params.guard_open_share):
        return Outcome.unknown("all_ports_open", open_count=len(ports.open), asked=ports.asked)
    found = find_programs(
        ports, services, numbers=params.cleartext_ports, programs=params.cleartext_programs
    )
    # TLS from the first byte: what is inside it is not in the clear, whatever the number says.
    found = tuple(one for one in found if not (one.told and one.told.protocol == "tls"))
    judged = [(one, _is_cleartext(one, params)) for one in found]
    exposed = tuple(one.as_fact() for one, cleartext in judged if cleartext)
    if exposed:
        return Outcome.failed(address=ports.address, exposed=exposed, asked=ports.asked)
    doubtful = tuple(one.port for one, cleartext in judged if cleartext is None)
    if doubtful:
        return Outcome.unknown("tls_offer_unknown", address=ports.address, ports=doubtful)
    return Outcome.passed(
        address=ports.address, asked=ports.asked, upgradable=tuple(one.port for one in found)
    )


def _is_cleartext(found: FoundProgram, params: CleartextServicesParams) -> bool | None:
    """Whether a login or data cross the network unencrypted; None where that was not learned."""
    told = found.told
    if told is None or not told.protocol:
        return None if found.port in params.upgradable_ports else True
    if told.protocol not in params.upgradable:
        return True
    if told.starttls or told.clear_login is False:
        return False
    return None if told.starttls is None or told.clear_login is None else True
