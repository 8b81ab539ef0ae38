"""Do headers and redirects keep addresses and names of the inner network to themselves?"""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import Exchange, HttpEvidence, same_host


class InternalAddressParams(Params):
    """What belongs to an inner network; ``left_out_headers`` are not looked at."""

    networks: tuple[str, ...] = (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
    name_endings: tuple[str, ...] = (
        "corp",
        "home.arpa",
        "internal",
        "intranet",
        "lan",
        "local",
        "localdomain",
    )
    single_label_names: bool = True
    left_out_headers: tuple[str, ...] = ("set-cookie",)


_IPV4 = re.compile(r"(?<![\w.-])(?<!\w/)\d{1,3}(?:\.\d{1,3}){3}(?![\w-])(?!\.\w)")
"""Four numbers that are no part of a longer number, a name, or a product's version."""

_IPV6 = re.compile(
    r"(?<![\w:.])\[?((?:f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):[0-9a-f:]{1,40})\]?", re.IGNORECASE
)
_NAME = re.compile(
    r"(?<![\w.-])[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){1,10}(?![\w-])", re.IGNORECASE
)
_HOST_OF_URL = re.compile(r"\bhttps?://([a-z0-9_-]{1,63})(?=[:/?#\s;,\"']|$)", re.IGNORECASE)


@check(
    "http.internal_address",
    needs=HttpEvidence,
    params=InternalAddressParams,
    subject="leaks.name",
)
def internal_address(http: HttpEvidence, params: InternalAddressParams) -> Outcome:
    """Pass when no header of any answer of the service names an inner address or host."""
    answers = http.own_exchanges()
    leaks = [leak for answer in answers for leak in _leaks(answer, http.host, params)]
    if leaks:
        distinct = dict.fromkeys(leaks)
        told: tuple[Fact, ...] = tuple(
            {"name": header, "value": value, "url": url} for header, value, url in distinct
        )
        return Outcome.failed(leaks=told)
    if not answers or http.front_failure:
        return Outcome.unknown(http.front_failure or "fact_unknown", fact="response")
    return Outcome.passed(answers=len(answers))


def _leaks(
    answer: Exchange, host: str, params: InternalAddressParams
) -> Iterator[tuple[str, str, str]]:
    for name, text in answer.headers:
        if name.lower() in params.left_out_headers:
            continue
        for value in (*_addresses(text, params), *_names(text, params)):
            # Whoever asked for it, or reached it there, learns nothing from it.
            if not same_host(value, host) and value != answer.address:
                yield name, value, answer.url


def _addresses(text: str, params: InternalAddressParams) -> Iterator[str]:
    networks = [ip_network(one) for one in params.networks]
    found = (*_IPV4.findall(text), *_IPV6.findall(text))
    for written in found:
        try:
            address = ip_address(written.rstrip(":"))
        except ValueError:  # 999.1.1.1, fd00:::
            continue
        if any(address in network for network in networks):
            yield str(address)


def _names(text: str, params: InternalAddressParams) -> Iterator[str]:
    endings = tuple(f".{ending}" for ending in params.name_endings)
    yield from (name.lower() for name in _NAME.findall(text) if name.lower().endswith(endings))
    if params.single_label_names:
        labels = (label.lower() for label in _HOST_OF_URL.findall(text))
        yield from (label for label in labels if not label.isdigit())
