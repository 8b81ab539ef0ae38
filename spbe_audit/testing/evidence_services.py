"""Services for cases: by default nothing is open beside the web service.

Short forms, in each of ``services``:

    ssh: {macs: [hmac-md5]}         laid over the lists of a good SSH server; null for none
    tls: {versions: [TLS 1.0]}      the short forms of kind tls; null for none
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict

from spbe_audit.evidence import ServicesEvidence

Json = dict[str, Any]

_GOOD_SSH = {
    "key_exchange": ["curve25519-sha256", "ecdh-sha2-nistp256", "diffie-hellman-group16-sha512"],
    "host_key": ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"],
    "ciphers": ["aes256-gcm@openssh.com", "aes256-ctr"],
    "macs": ["hmac-sha2-512-etm@openssh.com", "hmac-sha2-256"],
    "compression": ["none"],
}


class ServicesForm(BaseModel):
    """Reads the evidence from JSON and refuses a field that it does not have."""

    model_config = ConfigDict(extra="forbid", strict=True, val_json_bytes="base64")

    evidence: ServicesEvidence


def services(
    overrides: Json, *, address: str, collected_at: str, tls: Callable[[Json], Json]
) -> Json:
    """The evidence as JSON; ``tls`` builds that of a TLS endpoint."""
    given = overrides.pop("services", [])
    return {
        "address": address,
        "collected_at": collected_at,
        "services": [_service(one, tls) for one in given],
        **overrides,
    }


def _service(given: Json, tls: Callable[[Json], Json]) -> Json:
    service = dict(given)
    protocol = service.get("protocol")
    if protocol == "ssh":
        offer = service.get("ssh", {})
        service["ssh"] = None if offer is None else {**_GOOD_SSH, **offer}
    if protocol == "tls" or service.get("starttls"):
        told = service.get("tls", {})
        begun = {"port": service["port"], "starttls": None if protocol == "tls" else protocol}
        service["tls"] = None if told is None else tls({**begun, **told})
    return service
