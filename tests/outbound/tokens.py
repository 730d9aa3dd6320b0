"""Ask a token server for access tokens from a test that has no event loop."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from outbound.client import Outbound
from outbound.oauth2 import Token, Tokens, TokenUnavailable, fetch
from tests.outbound.receivers import Receiver
from tests.outbound.sending import LOOPBACK

ANSWER = {"access_token": "t0k3n", "token_type": "Bearer", "expires_in": 3600}


def answer(server: Receiver, body: Any, status: int = 200) -> None:
    server.answer("/token", status=status, body=orjson.dumps(body))


def shared_secret(server: Receiver, **more: Any) -> dict[str, Any]:
    return {
        "url": server.url("/token"),
        "client_id": "client",
        "grant_type": "client_credentials",
        "authentication_type": "shared_secret",
        "client_secret": "s3cr3t &=ü",
        "expiry_time_unit": "seconds",
    } | more


def asking(ask: Callable[[Tokens], Awaitable[Any]], **settings: Any) -> Any:
    """Return what `ask` returns, given the tokens of a worker."""

    async def run() -> Any:
        async with Outbound(**{"allowed_networks": LOOPBACK} | settings) as outbound:
            return await ask(Tokens(outbound))

    return asyncio.run(run())


def let_pass(tokens: Tokens) -> float:
    """Let the time be over for which the one answer is remembered. Returns how many seconds that would have taken."""
    [known] = tokens._known.values()
    now = time.monotonic()
    seconds, known.until = known.until - now, now
    return seconds


def fetched(config: dict[str, Any]) -> Token:
    async def run() -> Token:
        async with Outbound(allowed_networks=LOOPBACK) as outbound:
            return await fetch(outbound, config)

    return asyncio.run(run())


def attempted(config: dict[str, Any]) -> Callable[[Tokens], Awaitable[str]]:
    """The header, or why there is none."""

    async def ask(tokens: Tokens) -> str:
        try:
            return await tokens.header("endpoint", config)
        except TokenUnavailable as refusal:
            return str(refusal)

    return ask


def problem(config: dict[str, Any], **settings: Any) -> str:
    """Why there is no token."""
    with pytest.raises(TokenUnavailable) as refusal:
        asking(lambda tokens: tokens.header("endpoint", config), **settings)
    return str(refusal.value)
