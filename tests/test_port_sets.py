"""Which ports are asked, and what their numbers stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.evidence import (
    CLEARTEXT_PORTS,
    DATABASE_PORTS,
    FILE_SHARING_PORTS,
    ORCHESTRATION_PORTS,
    PORT_NAMES,
    REMOTE_ADMINISTRATION_PORTS,
    WEB_PORTS,
)
from spbe_audit.probes.ports.port_sets import PURPOSE_PORTS, ports_to_ask, range_notation
from spbe_audit.targets import Intensity

PORTS = st.integers(min_value=1, max_value=65535)


def parsed(notation: str) -> list[int]:
    ports: list[int] = []
    for part in notation.split(","):
        first, _, last = part.partition("-")
        ports += range(int(first), int(last or first) + 1)
    return ports


@given(st.sets(PORTS, min_size=1, max_size=300))
def test_range_notation_says_every_port_once(ports: set[int]) -> None:
    assert parsed(range_notation(ports)) == sorted(ports)


def test_range_notation_folds_neighbours() -> None:
    assert range_notation([8001, 22, 80, 8000, 8002, 22]) == "22,80,8000-8002"
    assert range_notation([]) == ""
    assert range_notation(range(1, 65536)) == "1-65535"


def test_each_intensity_asks_more_than_the_one_below() -> None:
    light, standard, thorough = (set(ports_to_ask(i, ())) for i in Intensity)
    assert light < standard < thorough
    assert 100 <= len(light) <= 150
    assert 1_100 <= len(standard) <= 1_300
    assert thorough == set(range(1, 65536))
    assert set(range(1, 1025)) <= standard
    assert set(PORT_NAMES) <= standard


@pytest.mark.parametrize("intensity", Intensity)
def test_declared_ports_are_asked_at_every_intensity(intensity: Intensity) -> None:
    ports = ports_to_ask(intensity, (443, 54321))
    assert 54321 in ports
    assert len(ports) == len(set(ports))


@pytest.mark.parametrize("number", [0, -1, 65536, 10**9])
def test_a_number_that_is_no_port_is_left_out(number: int) -> None:
    assert number not in ports_to_ask(Intensity.LIGHT, (number,))


@pytest.mark.parametrize("intensity", Intensity)
def test_the_telling_ports_come_first(intensity: Intensity) -> None:
    ports = ports_to_ask(intensity, (54321,))
    assert set(ports[: len(PURPOSE_PORTS) + 1]) == PURPOSE_PORTS | {54321}


@pytest.mark.parametrize(
    ("port", "table"),
    [
        (1433, DATABASE_PORTS),
        (1521, DATABASE_PORTS),
        (3306, DATABASE_PORTS),
        (5432, DATABASE_PORTS),
        (5984, DATABASE_PORTS),
        (6379, DATABASE_PORTS),
        (8086, DATABASE_PORTS),
        (9042, DATABASE_PORTS),
        (9200, DATABASE_PORTS),
        (11211, DATABASE_PORTS),
        (27017, DATABASE_PORTS),
        (22, REMOTE_ADMINISTRATION_PORTS),
        (23, REMOTE_ADMINISTRATION_PORTS),
        (3389, REMOTE_ADMINISTRATION_PORTS),
        (5900, REMOTE_ADMINISTRATION_PORTS),
        (5985, REMOTE_ADMINISTRATION_PORTS),
        (6000, REMOTE_ADMINISTRATION_PORTS),
        (8291, REMOTE_ADMINISTRATION_PORTS),
        (21, CLEARTEXT_PORTS),
        (23, CLEARTEXT_PORTS),
        (110, CLEARTEXT_PORTS),
        (389, CLEARTEXT_PORTS),
        (513, CLEARTEXT_PORTS),
        (873, FILE_SHARING_PORTS),
        (445, FILE_SHARING_PORTS),
        (548, FILE_SHARING_PORTS),
        (2049, FILE_SHARING_PORTS),
        (2375, ORCHESTRATION_PORTS),
        (6443, ORCHESTRATION_PORTS),
        (2379, ORCHESTRATION_PORTS),
        (8500, ORCHESTRATION_PORTS),
        (443, WEB_PORTS),
    ],
)
def test_the_programs_that_the_checks_name_are_known(port: int, table: dict[int, str]) -> None:
    assert table[port] == PORT_NAMES[port] != ""
    assert port in PURPOSE_PORTS


def test_no_port_is_both_a_web_site_and_an_accusation() -> None:
    accusing = {*DATABASE_PORTS, *REMOTE_ADMINISTRATION_PORTS, *FILE_SHARING_PORTS}
    assert not accusing & set(WEB_PORTS)
