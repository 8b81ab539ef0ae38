"""Target lists in YAML: the whole format with engagement, defaults and agencies, or bare URLs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from spbe_audit.errors import Mistake, TargetError
from spbe_audit.evidence import MaintenanceWindow
from spbe_audit.target_files.agencies import (
    ONLY_AGENCY,
    agencies_of,
    plain_http_port,
    repeated_id,
)
from spbe_audit.target_files.service_url import LARGEST_PORT, service_url
from spbe_audit.target_files.values import (
    END_OF_DAY,
    START_OF_DAY,
    certificates,
    contact,
    identifier,
    instant,
    line_of_text,
    name_server,
    scope_entry,
    time_zone,
)
from spbe_audit.targets import Engagement, Expectation, Kind, Service, TargetList
from spbe_audit.text_file import UnfitError, shown
from spbe_audit.yaml_file import Place, Positions, YamlDocument, fit, parse_yaml

DEFAULT_ZONE = "Asia/Jakarta"


def _checked(parse: Callable[[str], object]) -> AfterValidator:
    """Refuse what ``parse`` refuses, and keep the text as it is written."""

    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


_Line = Annotated[str, AfterValidator(line_of_text)]
_Id = Annotated[str, AfterValidator(identifier)]
_Contact = Annotated[str, AfterValidator(contact)]
_ScopeEntry = Annotated[str, _checked(scope_entry)]
_NameServer = Annotated[str, _checked(name_server)]
_Url = Annotated[str, _checked(service_url)]
_Zone = Annotated[str, _checked(time_zone)]
_Port = Annotated[int, Field(ge=1, le=LARGEST_PORT)]
_Status = Annotated[int, Field(ge=100, le=599)]
_Percent = Annotated[float, Field(gt=0, le=100)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


_Instant = Annotated[str, _checked(lambda text: instant(text, zone=UTC, time_of_day=START_OF_DAY))]


class _Valid(_Section):
    from_: _Instant = Field(alias="from")
    until: _Instant


class _Maintenance(_Valid):
    reason: _Line


class _Engagement(_Section):
    letter: _Line
    issued_by: _Line
    valid: _Valid
    scope: Annotated[tuple[_ScopeEntry, ...], Field(min_length=1)]
    contact: _Contact


class _Ports(_Section):
    expected: tuple[_Port, ...]


class _Expect(_Section):
    status: tuple[_Status, ...] = ()
    keyword: _Line = ""


class _Defaults(_Section):
    policy: _Line = "spbe"
    ports: _Ports = _Ports(expected=(80, 443))
    http_port: _Port | None = None
    kind: Kind = Kind.PUBLIC_SERVICE
    expect: _Expect = _Expect()
    sla: _Percent | None = None
    maintenance: tuple[_Maintenance, ...] = ()


class _Service(_Section):
    url: _Url
    id: _Id = ""
    name: _Line = ""
    kind: Kind | None = None
    ports: _Ports | None = None
    http_port: _Port | None = None
    expect: _Expect | None = None
    sla: _Percent | None = None
    maintenance: tuple[_Maintenance, ...] = ()


class _Agency(_Section):
    id: _Id
    services: Annotated[tuple[_Service, ...], Field(min_length=1)]
    name: _Line = ""


class _TargetFile(_Section):
    agencies: Annotated[tuple[_Agency, ...], Field(min_length=1)]
    engagement: _Engagement | None = None
    defaults: _Defaults = _Defaults()
    time_zone: _Zone = DEFAULT_ZONE
    trust_anchors: tuple[str, ...] = ()
    name_servers: tuple[_NameServer, ...] = ()


def read_yaml_list(text: str, *, source: str, folder: Path) -> TargetList:
    """A target list in YAML; raises TargetError with every mistake. CA files lie in ``folder``."""
    document = parse_yaml(text, source=source, error=TargetError)
    if isinstance(document.data, list):
        bare = replace(document, data=_spelled_out(document.data))
        services = fit(bare, model=list[_Service], error=TargetError, inspect=_mistakes)
        return _bare_list(services, source)
    whole = replace(document, data=_with_services_spelled_out(document.data))
    anchors, anchor_mistakes = _trust_anchors(whole, folder)

    def inspect(data: Any, positions: Positions) -> list[Mistake]:
        return [*_mistakes(data, positions), *anchor_mistakes]

    model = fit(whole, model=_TargetFile, error=TargetError, inspect=inspect)
    return _target_list(model, anchors, source)


def _spelled_out(services: Any) -> Any:
    """A service may be written as its URL alone."""
    if not isinstance(services, list):
        return services
    return [{"url": entry} if isinstance(entry, str) else entry for entry in services]


def _with_services_spelled_out(data: Any) -> Any:
    if not isinstance(data, dict) or not isinstance(data.get("agencies"), list):
        return data
    agencies = [
        agency | {"services": _spelled_out(agency["services"])}
        if isinstance(agency, dict) and "services" in agency
        else agency
        for agency in data["agencies"]
    ]
    return data | {"agencies": agencies}


def _mistakes(data: Any, positions: Positions) -> list[Mistake]:
    """What is wrong between values that are each right."""
    agencies, services = _listed(data)
    return [
        *_repeated("agency", agencies, positions),
        *_repeated("service", services, positions),
        *_reversed_periods(data, services, positions),
    ]


def _listed(data: Any) -> tuple[list[_Entry], list[_Entry]]:
    """The agencies and the services of a list, each with its place."""
    if isinstance(data, list):
        return [], list(_entries(data, ()))
    listed = data.get("agencies") if isinstance(data, dict) else None
    agencies = list(_entries(listed, ("agencies",)))
    services = [
        service
        for place, agency in agencies
        for service in _entries(agency.get("services"), (*place, "services"))
    ]
    return agencies, services


_Entry = tuple[Place, dict[str, Any]]


def _entries(listed: Any, place: Place) -> Iterator[_Entry]:
    for index, entry in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(entry, dict):
            yield (*place, index), entry


def _repeated(kind: str, entries: Iterable[_Entry], positions: Positions) -> Iterator[Mistake]:
    given: dict[str, int] = {}
    for place, entry in entries:
        wanted, at = entry.get("id"), (*place, "id")
        if not isinstance(wanted, str):
            continue
        first = given.get(wanted.casefold())
        if first is None:
            given[wanted.casefold()] = positions.value(at)[0]
        else:
            problem, found = repeated_id(kind, wanted, first)
            yield positions.mistake(at, problem, found=found)


def _reversed_periods(
    data: Any, services: Iterable[_Entry], positions: Positions
) -> Iterator[Mistake]:
    """The engagement and the maintenance that end before they begin."""
    zone = _zone_of(data)
    for kind, place, period in _periods(data, services):
        begin: Any = period.get("from")
        end: Any = period.get("until")
        try:
            if _begin(begin, zone) <= _end(end, zone):
                continue
        except (UnfitError, TypeError):
            continue  # the model tells these
        problem, expected = f"the {kind} ends before it begins", f"after {begin}"
        at = (*place, "until")
        yield positions.mistake(at, problem, found=shown(end), expected=expected)


def _periods(data: Any, services: Iterable[_Entry]) -> Iterator[tuple[str, Place, dict[str, Any]]]:
    """Every period of a list with what it is and where it stands."""
    owners = list(services)
    if isinstance(data, dict):
        engagement, defaults = data.get("engagement"), data.get("defaults")
        if isinstance(engagement, dict) and isinstance(engagement.get("valid"), dict):
            yield "engagement", ("engagement", "valid"), engagement["valid"]
        if isinstance(defaults, dict):
            owners.append((("defaults",), defaults))
    for place, owner in owners:
        for at, period in _entries(owner.get("maintenance"), (*place, "maintenance")):
            yield "maintenance", at, period


def _zone_of(data: Any) -> tzinfo:
    """The zone that a list names, or the default where that is none."""
    name = data.get("time_zone", DEFAULT_ZONE) if isinstance(data, dict) else DEFAULT_ZONE
    try:
        return time_zone(name if isinstance(name, str) else DEFAULT_ZONE)
    except UnfitError:
        return time_zone(DEFAULT_ZONE)  # the model tells it


def _begin(text: str, zone: tzinfo) -> datetime:
    return instant(text, zone=zone, time_of_day=START_OF_DAY)


def _end(text: str, zone: tzinfo) -> datetime:
    return instant(text, zone=zone, time_of_day=END_OF_DAY)


def _trust_anchors(document: YamlDocument, folder: Path) -> tuple[tuple[bytes, ...], list[Mistake]]:
    """The listed CA certificates as DER, each once, and what is wrong with their files."""
    listed = document.data.get("trust_anchors") if isinstance(document.data, dict) else None
    anchors: list[bytes] = []
    mistakes: list[Mistake] = []
    for index, name in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(name, str):
            continue
        try:
            anchors += certificates(folder / name)
        except UnfitError as problem:
            at = ("trust_anchors", index)
            mistakes.append(document.positions.unfit(at, problem))
    return tuple(dict.fromkeys(anchors)), mistakes


def _bare_list(services: Sequence[_Service], source: str) -> TargetList:
    zone = time_zone(DEFAULT_ZONE)
    listed = [_service(service, ONLY_AGENCY, _Defaults(), zone) for service in services]
    return TargetList(agencies=agencies_of(listed, {}), source=source)


def _target_list(model: _TargetFile, anchors: tuple[bytes, ...], source: str) -> TargetList:
    zone = time_zone(model.time_zone)
    services = [
        _service(service, agency.id, model.defaults, zone)
        for agency in model.agencies
        for service in agency.services
    ]
    return TargetList(
        agencies=agencies_of(services, {agency.id: agency.name for agency in model.agencies}),
        engagement=_engagement(model.engagement, zone) if model.engagement else None,
        policy=model.defaults.policy,
        trust_anchors=anchors,
        name_servers=tuple(name_server(text) for text in model.name_servers),
        time_zone=model.time_zone,
        source=source,
    )


def _engagement(engagement: _Engagement, zone: tzinfo) -> Engagement:
    entries = tuple(dict.fromkeys(scope_entry(text) for text in engagement.scope))
    return Engagement(
        letter=engagement.letter,
        issued_by=engagement.issued_by,
        valid_from=_begin(engagement.valid.from_, zone),
        valid_until=_end(engagement.valid.until, zone),
        names=tuple(entry for entry in entries if isinstance(entry, str)),
        networks=tuple(entry for entry in entries if not isinstance(entry, str)),
        contact=engagement.contact,
    )


def _service(service: _Service, agency: str, defaults: _Defaults, zone: tzinfo) -> Service:
    url = service_url(service.url)
    expect = service.expect or defaults.expect
    return Service(
        id=service.id,
        name=service.name,
        url=url,
        display_url=service.url.strip(),
        agency=agency,
        kind=(service.kind or defaults.kind).value,
        expected_ports=(service.ports or defaults.ports).expected,
        http_port=_http_port(service, defaults, url),
        expectation=Expectation(statuses=expect.status, keyword=expect.keyword),
        sla=defaults.sla if service.sla is None else service.sla,
        maintenance=_maintenance((*defaults.maintenance, *service.maintenance), zone),
    )


def _maintenance(announced: Iterable[_Maintenance], zone: tzinfo) -> tuple[MaintenanceWindow, ...]:
    """Periods in the order of time; those of the defaults hold for every service."""
    windows = (
        MaintenanceWindow(
            begins=_begin(one.from_, zone).astimezone(UTC),
            ends=_end(one.until, zone).astimezone(UTC),
            reason=one.reason,
        )
        for one in announced
    )
    return tuple(sorted(windows, key=lambda window: (window.begins, window.ends)))


def _http_port(service: _Service, defaults: _Defaults, url: str) -> int | None:
    """What the service says (null too), else for https what the defaults say, else the rule."""
    if "http_port" in service.model_fields_set:
        return service.http_port
    if "http_port" in defaults.model_fields_set and url.startswith("https:"):
        return defaults.http_port
    return plain_http_port(url)
