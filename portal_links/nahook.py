"""Nahook's portal sessions. Contract: portal-sessions, "Nahook".

Here a workspace is a project and an application is an `owner_id`.
"""

from datetime import timedelta
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core.api.bodies import failures_of, parse_object
from core.api.envelope import JSON
from core.api.values import wire_time
from core.exceptions import Forbidden, InvalidInput, Unauthenticated
from portal_links import openapi, sessions
from portal_links.capabilities import ROLES
from portal_links.models import PortalSession, session_url
from portal_links.owners import checked_owner_id
from portal_links.serializers import CreatePortalSession
from projects.authentication import authenticate_key
from projects.convoy_view import ConvoyView
from projects.keys import MANAGEMENT_PREFIX, PREFIX, Caller

CODES = {
    400: "validation_error",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    411: "length_required",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    500: "internal_error",
    503: "unavailable",
}


class ManagementToken(BaseAuthentication):
    """`Authorization: Bearer nhm_…`, or an API key in its place."""

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        """Return (None, the caller). Raises Unauthenticated."""
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer" or not token.startswith((MANAGEMENT_PREFIX, f"{PREFIX}.")):
            raise Unauthenticated("send a management token: Authorization: Bearer nhm_…")
        return None, authenticate_key(request, token, "the management token is not valid")


class NahookPortal(ConvoyView):
    """Portal sessions in Nahook's words."""

    authentication_classes = [ManagementToken]
    http_method_names = ["post"]
    for_owner_keys = True
    is_body_optional = True
    error_schema = openapi.NAHOOK_ERROR
    refusals = openapi.NAHOOK_REFUSALS

    @openapi.nahook_portal
    def post(self, request: Request, projectID: str, ownerID: str) -> HttpResponse:  # noqa: N803
        """Mint a session whose URL opens once."""
        owner_id = checked_owner_id(ownerID)
        if self.caller.owner_id not in ("", owner_id):
            raise Forbidden("this token speaks for another application")
        sent = self.body(request)
        session, code = sessions.mint_session(
            projectID,
            owner_id=owner_id,
            surface=PortalSession.Surface.NAHOOK,
            capabilities=ROLES[sent.get("role", "editor")],
            lifetime=timedelta(minutes=sent.get("expiresInMinutes", 60)),
            single_use=True,
            minted_by=self.caller.key_id,
            metadata=sent.get("metadata"),
        )
        data = {"url": session_url(projectID, code=code), "code": code, "expiresAt": wire_time(session.expires_at)}
        return HttpResponse(orjson.dumps(data), status=201, content_type=JSON)

    @staticmethod
    def body(request: Request) -> dict[str, Any]:
        """The validated body; none counts as an empty one. Raises InvalidInput, which names the field."""
        if not request.body.strip():
            return {}
        values, failures = failures_of(CreatePortalSession, parse_object(request, detailed=True))
        for field, failure in failures:
            raise InvalidInput(f"{field}: {failure}")
        return values

    @staticmethod
    def error(message: str, status: int) -> HttpResponse:
        """A refusal in Nahook's shape."""
        body = {"error": {"code": CODES.get(status, "error"), "message": message}}
        return HttpResponse(orjson.dumps(body), status=status, content_type=JSON)
