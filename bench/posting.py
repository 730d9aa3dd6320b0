"""Post the same bytes repeatedly in a bare aiohttp loop: the floor of a delivery, in a process of its own.

Reads JSON from standard input: `urls`, `headers` as pairs, `body`, `count` and `in_flight`. Writes the seconds and the
CPU seconds that posting took, as JSON.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import orjson
from multidict import CIMultiDict

WARM_UP = 500


async def main() -> None:
    """Post the requests, and print how long they took."""
    order = orjson.loads(sys.stdin.buffer.read())
    headers, body = CIMultiDict(order["headers"]), order["body"].encode()
    connector = aiohttp.TCPConnector(limit=0)
    automatic = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
    async with aiohttp.ClientSession(connector=connector, skip_auto_headers=automatic) as session:

        async def post(urls: Iterator[str]) -> None:
            for url in urls:
                async with session.post(url, data=body, headers=headers) as response:
                    await response.read()

        async def run(count: int) -> None:
            urls = (order["urls"][number % len(order["urls"])] for number in range(count))
            await asyncio.gather(*(post(urls) for _ in range(order["in_flight"])))

        await run(WARM_UP)
        cpu, started = time.process_time(), time.perf_counter()
        await run(order["count"])
        took: dict[str, Any] = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    print(orjson.dumps(took).decode())


if __name__ == "__main__":
    asyncio.run(main())
