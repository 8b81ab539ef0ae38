"""sslyze's own command, with other numbers of connections and of servers at once.

    python -m benchmarks.sslyze_at 10 20 [sslyze's arguments]

Its command line has no option for them; its API has.
"""

from __future__ import annotations

import sys
from typing import Any

from sslyze import __main__
from sslyze.scanner.scanner import Scanner


def main() -> None:
    """Take the two numbers off the arguments and be sslyze."""
    connections, servers = int(sys.argv.pop(1)), int(sys.argv.pop(1))

    def scanner(**settings: Any) -> Scanner:
        settings["per_server_concurrent_connections_limit"] = connections
        settings["concurrent_server_scans_limit"] = servers
        return Scanner(**settings)

    vars(__main__)["Scanner"] = scanner
    __main__.main()


if __name__ == "__main__":
    main()
