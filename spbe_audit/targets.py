"""Who is audited, and who allowed it: agencies, services, engagement."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

from spbe_audit.evidence.availability import MaintenanceWindow


class Intensity(StrEnum):
    """How much is sent to a service; see docs for what each level sends."""

    LIGHT = "light"
    STANDARD = "standard"
    THOROUGH = "thorough"


class Kind(StrEnum):
    """Whom a service is for, and so from where it can be reached."""

    PUBLIC_SERVICE = "public-service"
    INTERNAL = "internal"
    INTRANET = "intranet"
    API = "api"
    STAGING = "staging"


@dataclass(frozen=True, slots=True)
class Engagement:
    """The assignment letter (surat tugas) under which services are scanned.

    ``valid_from`` and ``valid_until`` are inclusive instants with a zone (a bare date in the file
    means the whole day in the file's zone). ``names`` are patterns ("*.babelprov.go.id" matches
    every name below it, not the name itself), lower case and ASCII; ``networks`` are the listed
    networks. Both may be empty, but not together.
    """

    letter: str
    issued_by: str
    valid_from: datetime
    valid_until: datetime
    names: tuple[str, ...]
    networks: tuple[IPv4Network | IPv6Network, ...]
    contact: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a healthy answer looks like: status codes (empty: any below 500) and a keyword."""

    statuses: tuple[int, ...] = ()
    keyword: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """One web service.

    ``url`` is normalised: lower-case scheme and host, IDNA host, explicit path, port only where it
    is not the scheme's own. ``display_url`` is as the user wrote it, ``kind`` a value of Kind.
    ``expected_ports`` are those the agency declares beside the service's own. ``http_port`` is
    where plain http is expected to redirect to https: 80 for a service on 443, None for one on
    another port unless declared. ``sla`` is the share of time, in percent, that the service is
    promised to be up; None where the list promises none. ``maintenance`` are announced periods.
    """

    id: str
    name: str
    url: str
    display_url: str
    agency: str
    kind: str = "public-service"
    expected_ports: tuple[int, ...] = (80, 443)
    http_port: int | None = None
    expectation: Expectation = field(default_factory=Expectation)
    sla: float | None = None
    maintenance: tuple[MaintenanceWindow, ...] = ()

    @property
    def scheme(self) -> str:
        """The word http or https."""
        return urlsplit(self.url).scheme

    @property
    def host(self) -> str:
        """ASCII host name or IP literal, without brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port of the URL, explicit or implied."""
        return urlsplit(self.url).port or (443 if self.scheme == "https" else 80)


@dataclass(frozen=True, slots=True)
class Agency:
    """A ministry, office or unit that answers for services."""

    id: str
    name: str
    services: tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class TargetList:
    """A whole target list.

    ``policy`` is the list's default policy; ``trust_anchors`` are DER certificates of the agency's
    own CAs; ``name_servers`` are (address, port) asked instead of the system's for DNS facts;
    ``source`` is the file that it was read from, or ''.
    """

    agencies: tuple[Agency, ...]
    engagement: Engagement | None = None
    policy: str = "spbe"
    trust_anchors: tuple[bytes, ...] = ()
    name_servers: tuple[tuple[str, int], ...] = ()
    time_zone: str = "Asia/Jakarta"
    source: str = ""

    @property
    def services(self) -> tuple[Service, ...]:
        """Every service of every agency, in file order."""
        return tuple(service for agency in self.agencies for service in agency.services)
