"""Try out an OAuth2 configuration before an endpoint has it. Contract: docs/contract/endpoints.md#oauth2-test."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any, NotRequired, TypedDict

from django.conf import settings
from django.utils import timezone

from core.api.bodies import BadInput
from core.api.documents import Example, component
from core.api.values import ZERO_TIME, wire_time
from core.waiting import the_place_to_wait
from endpoints import authentication
from endpoints.authentication import OAUTH2
from outbound.oauth2 import Token, TokenUnavailable, fetch

#: A request waits for it, so it is shorter than that of a delivery.
SECONDS = 10
CONNECTED = "OAuth2 connection successful"


@component("models.TestOAuth2Response")
class OAuth2TestDocument(TypedDict):
    """The outcome of a trial: a token, or the error."""

    success: Annotated[bool, "Whether there is a token."]
    access_token: NotRequired[Annotated[str, "The token."]]
    token_type: NotRequired[Annotated[str, "The type of the token.", Example("Bearer")]]
    expires_at: Annotated[str, f"`{ZERO_TIME}` where there is no token."]
    message: NotRequired[Annotated[str, "The outcome, as a text for people."]]
    error: NotRequired[Annotated[str, "Why there is no token."]]


def try_oauth2(config: dict[str, Any] | None) -> OAuth2TestDocument:
    """Ask the token server of a validated `oauth2` object for a token, and return the outcome.

    No token is kept, so that no caller sees another's. Raises InvalidInput, PlaceTaken.
    """
    if not config:
        raise BadInput(errors=[{"field": "oauth2", "message": "This field is required."}])
    checked = authentication.checked({"type": OAUTH2, OAUTH2: config}, None) or {}
    try:
        with the_place_to_wait():
            token = asyncio.run(_fetch(checked[OAUTH2]))
    except (TokenUnavailable, TimeoutError) as problem:
        error = str(problem) or f"oauth2: the token server did not answer in {SECONDS} seconds"
        return {"success": False, "error": error, "expires_at": ZERO_TIME}
    return {
        "success": True,
        "access_token": token.access_token,
        "token_type": token.token_type,
        "expires_at": wire_time(timezone.now() + timedelta(seconds=token.life_seconds)),
        "message": CONNECTED,
    }


async def _fetch(config: dict[str, Any]) -> Token:
    # Not imported with the module: it needs aiohttp, which most web processes never load.
    from outbound.client import Outbound

    async with (
        asyncio.timeout(SECONDS),
        Outbound(allowed_networks=settings.DELIVERY_ALLOWED_NETWORKS, ca_file=settings.DELIVERY_CA_FILE) as outbound,
    ):
        return await fetch(outbound, config)
