"""Agencies put together from the services that a file lists: derived ids, names and ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from spbe_audit.target_files.service_url import DEFAULT_PORTS, bracketed, service_url
from spbe_audit.target_files.values import slug
from spbe_audit.targets import Agency, Service
from spbe_audit.text_file import shown

ONLY_AGENCY = "targets"
"""Id and name of the agency of services that name none."""


def repeated_id(kind: str, wanted: str, first_line: int) -> tuple[str, str]:
    """What to say, as problem and found, of an id that is given a second time."""
    return f"the {kind} id {shown(wanted)} is repeated", f"the first on line {first_line}"


def plain_http_port(url: str) -> int | None:
    """Where http is expected to redirect to a service: 80 beside https on 443, else None."""
    parts = urlsplit(url)
    own_port = parts.port or DEFAULT_PORTS[parts.scheme]
    return DEFAULT_PORTS["http"] if (parts.scheme, own_port) == ("https", 443) else None


def service_of_url(text: str) -> Service:
    """A service of which only the address is known; its id is still empty."""
    url = service_url(text)
    return Service(
        id="",
        name="",
        url=url,
        display_url=text.strip(),
        agency=ONLY_AGENCY,
        http_port=plain_http_port(url),
    )


def agencies_of(services: Iterable[Service], names: dict[str, str]) -> tuple[Agency, ...]:
    """Agencies in the order of their first service; ``names`` are theirs by id."""
    grouped: dict[str, list[Service]] = {}
    for service in with_ids(tuple(services)):
        grouped.setdefault(service.agency, []).append(service)
    return tuple(
        Agency(id=agency, name=names.get(agency) or agency, services=tuple(members))
        for agency, members in grouped.items()
    )


def with_ids(services: Sequence[Service]) -> Iterator[Service]:
    """Services with an id and a name each; what is missing is derived from the host."""
    taken = {service.id.casefold() for service in services}
    next_number: dict[str, int] = {}
    for service in services:
        service_id = service.id or _derived_id(service, taken, next_number)
        yield replace(service, id=service_id, name=service.name or _derived_name(service))


def _derived_id(service: Service, taken: set[str], next_number: dict[str, int]) -> str:
    stem = slug(_derived_name(service)) or "service"
    wanted = stem
    while wanted in taken:
        next_number[stem] = next_number.get(stem, 1) + 1
        wanted = f"{stem}-{next_number[stem]}"
    taken.add(wanted)
    return wanted


def _derived_name(service: Service) -> str:
    own = service.port == DEFAULT_PORTS[service.scheme]
    return service.host if own else f"{bracketed(service.host)}:{service.port}"
