"""Feather's hosted portal link. Contract: portal-sessions, "Feather".

The caller's organisation is the `owner_id` that its API key is bound to.
"""

from datetime import timedelta

import orjson
from django.http import HttpResponse
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core.api.envelope import JSON
from core.exceptions import InvalidInput, Unauthenticated
from portal_links import openapi, sessions
from portal_links.capabilities import EVERYTHING, READ_ONLY
from portal_links.models import PortalSession, session_url
from projects.authentication import authenticate_key
from projects.convoy_view import ConvoyView
from projects.keys import Caller

MANAGE = "webhooks:manage"
LIFETIME = timedelta(hours=1)
ERRORS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    411: "length_required",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    500: "internal_error",
    503: "unavailable",
}


class APIKeyHeader(BaseAuthentication):
    """`x-api-key: CO.…`."""

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        """Return (None, the caller). Raises Unauthenticated."""
        key = request.META.get("HTTP_X_API_KEY", "")
        if not key:
            raise Unauthenticated("send an API key in the header x-api-key")
        return None, authenticate_key(request, key, "the API key is not valid")


class FeatherPortal(ConvoyView):
    """Portal links in Feather's words."""

    authentication_classes = [APIKeyHeader]
    http_method_names = ["post"]
    reads = ("POST",)
    for_owner_keys = True
    error_schema = openapi.FEATHER_ERROR
    refusals = openapi.FEATHER_REFUSALS

    @openapi.feather_portal
    def post(self, request: Request) -> HttpResponse:
        """Mint a session of the key's owner, with the rights that the key has. A body is ignored."""
        caller = self.caller
        if not caller.owner_id or caller.key_project_id is None:
            raise InvalidInput(
                "this API key belongs to no organisation: create one with an owner_id, "
                "for example manage.py create_api_key --owner-id"
            )
        manages = MANAGE in caller.scopes and caller.can_write
        session, token = sessions.mint_session(
            caller.key_project_id,
            owner_id=caller.owner_id,
            surface=PortalSession.Surface.FEATHER,
            capabilities=EVERYTHING if manages else READ_ONLY,
            lifetime=LIFETIME,
            single_use=False,
            minted_by=caller.key_id,
        )
        data = {
            "url": session_url(session.project_id, token=token),
            "expires_in_s": int(LIFETIME.total_seconds()),
            "read_only": not manages,
        }
        return HttpResponse(orjson.dumps(data), content_type=JSON)

    @staticmethod
    def error(message: str, status: int) -> HttpResponse:
        """A refusal in Feather's shape."""
        body = {"error": ERRORS.get(status, "error"), "message": message}
        return HttpResponse(orjson.dumps(body), status=status, content_type=JSON)
