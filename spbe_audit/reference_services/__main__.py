"""Runs the reference services (`python -m`) until standard input closes.

The first line on standard output is JSON: where each service is, and the root that signs them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime

from spbe_audit.reference_services.server import serve


async def main() -> None:
    """Serve until whoever started us closes our standard input, or ends."""
    async with serve(datetime.now(UTC)) as (running, authority):
        document = {
            "authority": authority.decode("ascii"),
            "services": [
                {
                    "id": one.service.id,
                    "url": one.url,
                    "address": one.address,
                    "http_port": one.http_port,
                    "database_port": one.database_port,
                }
                for one in running
            ],
        }
        print(json.dumps(document), flush=True)  # noqa: T201 - the answer to who started us
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
