"""TLS servers of many makes, old and new, for scanners to be held against.

Each module has its ``STACKS``; here are all of them.
"""

from tests.servers.stacks import (
    apache,
    gnutls,
    haproxy,
    hitch,
    jsse,
    lighttpd,
    nginx,
    nss,
    openssl,
    openssl_legacy,
    stunnel,
    tlslite,
)
from tests.servers.stacks.stack import Stack

_MODULES = (
    *(openssl_legacy, openssl, nginx, apache, lighttpd, haproxy, hitch, stunnel),
    *(gnutls, nss, jsse, tlslite),
)

ALL: tuple[Stack, ...] = tuple(stack for module in _MODULES for stack in module.STACKS)
