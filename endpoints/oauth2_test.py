"""Trying out an OAuth2 configuration before an endpoint has it. Contract: endpoints rules 30 to 32."""

import asyncio
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from core.api.values import ZERO_TIME, wire_time
from core.exceptions import InvalidInput
from endpoints import authentication
from endpoints.authentication import OAUTH2
from outbound.client import Outbound
from outbound.oauth2 import Token, TokenUnavailable, fetch

#: A request waits for it, so it is shorter than that of a delivery.
SECONDS = 10


def try_oauth2(config: dict[str, Any] | None) -> dict[str, Any]:
    """Ask the token server of a validated `oauth2` object for a token: the data of the answer.

    Nothing is remembered, so that no caller sees a token of another's. Raises InvalidInput.
    """
    if not config:
        raise InvalidInput("OAuth2 configuration is required")
    checked = authentication.checked({"type": OAUTH2, OAUTH2: config}, None) or {}
    try:
        token = asyncio.run(_fetch(checked[OAUTH2]))
    except (TokenUnavailable, TimeoutError) as problem:
        error = str(problem) or f"oauth2: the token server did not answer in {SECONDS} seconds"
        return {"success": False, "error": error, "expires_at": ZERO_TIME}
    return {
        "success": True,
        "access_token": token.access_token,
        "token_type": token.token_type,
        "expires_at": wire_time(timezone.now() + timedelta(seconds=token.life_seconds)),
        "message": "OAuth2 connection successful",
    }


async def _fetch(config: dict[str, Any]) -> Token:
    async with (
        asyncio.timeout(SECONDS),
        Outbound(allowed_networks=settings.DELIVERY_ALLOWED_NETWORKS, ca_file=settings.DELIVERY_CA_FILE) as outbound,
    ):
        return await fetch(outbound, config)
