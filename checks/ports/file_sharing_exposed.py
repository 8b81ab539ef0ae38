"""Is file sharing within reach of the network?"""

from collections.abc import Mapping

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import (
    FILE_SHARING_PORTS,
    PortsEvidence,
    ServicesEvidence,
    find_programs,
)

_FTP_OVER_TLS = 990  # what it shares, and with whom, its number does not tell


class FileSharingExposedParams(Params):
    """What marks file sharing; FTP counts only where it lets anybody in."""

    sharing_ports: Mapping[int, str] = {
        port: name for port, name in FILE_SHARING_PORTS.items() if port != _FTP_OVER_TLS
    }
    sharing_programs: tuple[str, ...] = ("afp", "nfs", "rsync", "smb")
    ftp_ports: Mapping[int, str] = {21: "FTP", _FTP_OVER_TLS: "FTP (TLS)"}
    guard_asked: int = 50
    guard_open_share: float = 0.5


@check(
    "ports.file_sharing_exposed",
    needs=(PortsEvidence, ServicesEvidence),
    params=FileSharingExposedParams,
    subject="exposed.port",
    among="asked",
)
def file_sharing_exposed(
    ports: PortsEvidence, services: ServicesEvidence, params: FileSharingExposedParams
) -> Outcome:
    """Pass when no file sharing is open, and no FTP that could let anybody in."""
    if ports.seems_all_open(asked=params.guard_asked, share=params.guard_open_share):
        return Outcome.unknown("all_ports_open", open_count=len(ports.open), asked=ports.asked)
    shares = find_programs(
        ports, services, numbers=params.sharing_ports, programs=params.sharing_programs
    )
    servers = find_programs(ports, services, numbers=params.ftp_ports, programs=("ftp",))
    open_to_all = [one for one in servers if one.told and one.told.anonymous_login]
    exposed: tuple[Fact, ...] = tuple(one.as_fact() for one in (*shares, *open_to_all))
    if exposed:
        return Outcome.failed(address=ports.address, exposed=exposed, asked=ports.asked)
    untried = tuple(
        one.port for one in servers if one.told is None or one.told.anonymous_login is None
    )
    if untried:
        return Outcome.unknown("anonymous_ftp_not_tried", address=ports.address, ports=untried)
    return Outcome.passed(address=ports.address, asked=ports.asked, filtered=ports.filtered)
