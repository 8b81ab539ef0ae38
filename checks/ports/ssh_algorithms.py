"""Does SSH offer algorithms that are broken?"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import PortService, ServicesEvidence

_SSH_PORT = 22


class SshAlgorithmsParams(Params):
    """What must not be offered; "*" stands for any characters.

    ``refused_protocols`` are how the identification of an obsolete protocol begins.
    """

    refused_key_exchange: tuple[str, ...] = (
        "diffie-hellman-group1-sha1",
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group-exchange-sha1",
        "gss-*-sha1-*",
        "rsa1024-sha1",
    )
    refused_host_keys: tuple[str, ...] = (
        "null",
        "ssh-dss*",
        "ssh-rsa*",
        "x509v3-ssh-dss",
        "x509v3-ssh-rsa",
    )
    refused_ciphers: tuple[str, ...] = ("*-cbc", "*-cbc@*", "arcfour*", "des", "none")
    refused_macs: tuple[str, ...] = ("hmac-md5*", "hmac-sha1-96*", "none")
    refused_protocols: tuple[str, ...] = ("SSH-1.",)


@check(
    "ports.ssh_algorithms",
    needs=ServicesEvidence,
    params=SshAlgorithmsParams,
    subject="weak.port",
)
def ssh_algorithms(services: ServicesEvidence, params: SshAlgorithmsParams) -> Outcome:
    """Pass when no SSH server offers a key exchange, host key, cipher or MAC that is refused."""
    servers = [one for one in services.services if one.protocol == "ssh"]
    faults = {one.port: _faults(one, params) for one in servers}
    weak: tuple[Fact, ...] = tuple(
        {"port": port, **found} for port, found in faults.items() if found
    )
    if weak:
        return Outcome.failed(address=services.address, weak=weak)
    unread = tuple(one.port for one in servers if one.ssh is None)
    unread += tuple(port for port in services.left_out if port == _SSH_PORT)
    if unread:
        return Outcome.unknown("ssh_offer_unknown", address=services.address, ports=unread)
    if services.left_out and not servers:
        return Outcome.unknown("ports_not_asked", address=services.address, ports=services.left_out)
    if not servers:
        return Outcome.not_applicable("no_ssh")
    return Outcome.passed(address=services.address, ports=tuple(one.port for one in servers))


def _faults(server: PortService, params: SshAlgorithmsParams) -> Mapping[str, Fact]:
    """What one server offers and should not, by kind; empty where all is well."""
    found: dict[str, tuple[Fact, ...]] = {}
    if server.banner.startswith(params.refused_protocols):
        found["protocol"] = (server.banner,)
    if server.ssh:
        found["key_exchange"] = _refused(server.ssh.key_exchange, params.refused_key_exchange)
        found["host_key"] = _refused(server.ssh.host_key, params.refused_host_keys)
        found["ciphers"] = _refused(server.ssh.ciphers, params.refused_ciphers)
        found["macs"] = _refused(server.ssh.macs, params.refused_macs)
    return {kind: names for kind, names in found.items() if names}


def _refused(offered: tuple[str, ...], patterns: tuple[str, ...]) -> tuple[Fact, ...]:
    return tuple(name for name in offered if any(fnmatchcase(name, one) for one in patterns))
