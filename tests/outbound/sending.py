"""Sending one request from a test that has no event loop."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from outbound.client import Exchange, Outbound

#: The networks on which the tests' receivers listen.
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
HEADERS = [("Content-Type", "application/json"), ("Accept-Encoding", "gzip")]
#: The most bytes of a response's body that are kept.
LIMIT = 51_200


def post(
    url: str,
    *,
    headers: Sequence[tuple[str, str]] = HEADERS,
    body: bytes = b"{}",
    timeout: float = 30,
    client_certificate: tuple[str, str] | None = None,
    **settings: Any,
) -> Exchange:
    """Return the exchange of one POST by a client of its own; `settings` are those of Outbound."""

    async def one() -> Exchange:
        async with Outbound(**{"allowed_networks": LOOPBACK} | settings) as outbound:
            return await outbound.post(
                url, headers=headers, body=body, timeout=timeout, client_certificate=client_certificate
            )

    return asyncio.run(one())
