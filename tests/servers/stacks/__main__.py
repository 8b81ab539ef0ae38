"""Fetches what some of the stacks need from PyPI into a cache folder, unless it is there.

python -m tests.servers.stacks

What cannot be had is said, and the exit code is 0 all the same: its servers are left out then.
"""

from __future__ import annotations

import sys

from tests.servers.stacks.fetched import fetch_old_libraries, fetch_tlslite
from tests.servers.stacks.openssl_legacy import OF_0_9_8, OF_1_0_2
from tests.servers.stacks.tlslite import VERSION


def main() -> None:
    """Fetch each, and say which could not be had."""
    for fetch, version, what in (
        (fetch_old_libraries, OF_1_0_2, "OpenSSL 1.0.2l"),
        (fetch_old_libraries, OF_0_9_8, "OpenSSL 0.9.8e"),
        (fetch_tlslite, VERSION, "tlslite-ng"),
    ):
        try:
            fetch(version)
        except OSError as error:
            sys.stderr.write(f"{what} CANNOT BE HAD, its servers are left out: {error}\n")


if __name__ == "__main__":
    main()
