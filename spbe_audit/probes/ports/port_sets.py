"""Which TCP ports each intensity asks, by purpose; the same ones whichever engine asks."""

from __future__ import annotations

from collections.abc import Iterable

from spbe_audit.evidence import (
    CLEARTEXT_PORTS,
    DATABASE_PORTS,
    FILE_SHARING_PORTS,
    ORCHESTRATION_PORTS,
    PORT_NAMES,
    REMOTE_ADMINISTRATION_PORTS,
    WEB_PORTS,
)
from spbe_audit.targets import Intensity

LOWEST_PORT, HIGHEST_PORT = 1, 65535
HIGHEST_SYSTEM_PORT = 1024

PURPOSE_PORTS = frozenset(
    {
        *WEB_PORTS,
        *DATABASE_PORTS,
        *REMOTE_ADMINISTRATION_PORTS,
        *CLEARTEXT_PORTS,
        *FILE_SHARING_PORTS,
        *ORCHESTRATION_PORTS,
    }
)
"""The ports that a check names."""

ALTERNATE_PORTS = frozenset(
    {
        *(2000, 2001, 2052, 2053, 2077, 2078, 2080, 2121, 2323, 3001, 3002, 3003, 3333),
        *(3307, 3308, 3390, 4000, 4200, 4433, 4443, 4444, 4567, 5001, 5002, 5003, 5050),
        *(5080, 5173, 5357, 5443, 5500, 5550, 5678, 5903, 6081, 6381, 6666, 6667, 7000),
        *(7070, 7077, 7443, 7547, 7777, 7778, 8001, 8002, 8003, 8004, 8005, 8006, 8007),
        *(8010, 8020, 8030, 8042, 8069, 8082, 8083, 8084, 8085, 8087, 8089, 8091, 8092),
        *(8095, 8099, 8100, 8111, 8118, 8123, 8138, 8139, 8180, 8181, 8222, 8280, 8282),
        *(8333, 8444, 8445, 8448, 8449, 8484, 8585, 8686, 8765, 8787, 8800, 8834, 8843),
        *(8887, 8889, 8899, 8999, 9001, 9002, 9003, 9009, 9010, 9043, 9060, 9080, 9081),
        *(9091, 9093, 9095, 9100, 9101, 9110, 9111, 9191, 9201, 9418, 9444, 9500, 9600),
        *(9800, 9870, 9877, 9898, 9999, 10001, 10080, 10081, 10443, 11443, 12443, 18080),
        *(18081, 20443, 30000, 32400, 49152, 50070, 60000),
    }
)
"""Where web sites, their consoles and second copies of a program are often put instead."""


def ports_to_ask(intensity: Intensity, declared: Iterable[int]) -> tuple[int, ...]:
    """The ports to ask, each once, the telling ones first in case the time runs out.

    Declared ports are asked at every intensity; numbers outside 1 to 65535 are left out.
    """
    named = sorted(PURPOSE_PORTS | {port for port in declared if _is_port(port)})
    return tuple(dict.fromkeys((*named, *_further_ports(intensity))))


def range_notation(ports: Iterable[int]) -> str:
    """Ports as "22,80,8000-8010", ascending."""
    runs: list[tuple[int, int]] = []
    for port in sorted(set(ports)):
        if runs and port == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], port)
        else:
            runs.append((port, port))
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)


def _further_ports(intensity: Intensity) -> Iterable[int]:
    if intensity is Intensity.LIGHT:
        return ()
    if intensity is Intensity.THOROUGH:
        return range(LOWEST_PORT, HIGHEST_PORT + 1)
    system = range(LOWEST_PORT, HIGHEST_SYSTEM_PORT + 1)
    return (*system, *sorted({*PORT_NAMES, *ALTERNATE_PORTS}))


def _is_port(number: int) -> bool:
    return LOWEST_PORT <= number <= HIGHEST_PORT
