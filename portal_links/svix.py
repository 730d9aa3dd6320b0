"""Svix's application portal access. Contract: portal-sessions, "Svix".

An application is an `owner_id` in the project of the API key.
"""

from datetime import timedelta
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core.api.bodies import failures_of, parse_object
from core.api.checks import check_body
from core.api.envelope import JSON
from core.api.fields import Shape
from core.exceptions import DomainError, Forbidden, InvalidInput, Unauthenticated
from portal_links import openapi, sessions
from portal_links.capabilities import of_svix
from portal_links.models import PortalSession, session_url
from portal_links.owners import checked_owner_id
from portal_links.serializers import WEEK, ApplicationTokenExpireIn, AppPortalAccessIn
from projects.authentication import authenticate_key
from projects.convoy_view import ConvoyView
from projects.keys import PREFIX, Caller

CODES = {
    400: "bad_request",
    401: "authentication_failed",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    411: "length_required",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "rate_limit",
    500: "internal_error",
    503: "unavailable",
}


class InvalidFields(DomainError):
    """Fields of the body are not as they should be; `details` says each."""

    status = 422

    def __init__(self, details: list[dict[str, Any]]) -> None:
        super().__init__("invalid fields")
        self.details = details


class BearerKey(BaseAuthentication):
    """`Authorization: Bearer CO.…`."""

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        """Return (None, the caller). Raises Unauthenticated."""
        return None, authenticate_key(request, bearer(request, f"{PREFIX}."), "Invalid authentication token.")


def bearer(request: Request, prefix: str) -> str:
    """The bearer token of a request. Raises Unauthenticated where there is none with this prefix."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not token.startswith(prefix):
        raise Unauthenticated("Invalid authentication token.")
    return str(token)


class SvixView(ConvoyView):
    """What Svix's operations share: the key, the application and the errors."""

    authentication_classes = [BearerKey]
    http_method_names = ["post"]
    for_owner_keys = True
    is_body_optional = True
    error_schema = openapi.SVIX_ERROR
    refusals = openapi.SVIX_REFUSALS

    def application(self, app_id: str) -> tuple[str, str]:
        """(project, owner) of the application in the path. Raises InvalidInput, Forbidden."""
        owner_id = checked_owner_id(app_id)
        if self.caller.key_project_id is None:
            raise InvalidInput("an instance key has no applications: use the key of a project")
        if self.caller.owner_id not in ("", owner_id):
            raise Forbidden("this key speaks for another application")
        return self.caller.key_project_id, owner_id

    def body(self, request: Request, serializer: type[Shape]) -> dict[str, Any]:
        """The validated body; none counts as an empty one. Raises InvalidInput, InvalidFields."""
        value = parse_object(request, detailed=True) if request.body.strip() else {}
        values, failures = failures_of(serializer, value)
        if failures:
            raise InvalidFields(
                [
                    {"loc": ["body", field] if field else ["body"], "msg": str(failure), "type": "value_error"}
                    for field, failure in failures
                ]
            )
        return values

    def handle_exception(self, exc: Exception) -> Any:
        """Answer 422 with the list of what is wrong."""
        if isinstance(exc, InvalidFields):
            return HttpResponse(orjson.dumps({"detail": exc.details}), status=422, content_type=JSON)
        return super().handle_exception(exc)

    @staticmethod
    def error(message: str, status: int) -> HttpResponse:
        """A refusal in Svix's shape."""
        body = {"code": CODES.get(status, "error"), "detail": message}
        return HttpResponse(orjson.dumps(body), status=status, content_type=JSON)


class AppPortalAccess(SvixView):
    """Access to an application's portal."""

    refusals = openapi.SVIX_REFUSALS | {
        "409": {"Its session has ended": "the session of this idempotency key has ended: use another key"}
    }

    @openapi.svix_access
    def post(self, request: Request, ownerID: str) -> HttpResponse:  # noqa: N803
        """Mint a session; the same idempotency key gives the same one again."""
        project_id, owner_id = self.application(ownerID)
        sent = self.body(request, AppPortalAccessIn)
        _, token = sessions.mint_session(
            project_id,
            owner_id=owner_id,
            surface=PortalSession.Surface.SVIX,
            capabilities=of_svix(sent.get("capabilities"), read_only=sent.get("readOnly", False)),
            lifetime=timedelta(seconds=sent.get("expiry", WEEK)),
            single_use=False,
            minted_by=self.caller.key_id,
            reference=sent.get("sessionId", ""),
            idempotency_key=request.META.get("HTTP_IDEMPOTENCY_KEY", ""),
        )
        data = {"url": session_url(project_id, token=token), "token": token}
        return HttpResponse(orjson.dumps(data), content_type=JSON)


class ExpireAll(SvixView):
    """The end of an application's sessions."""

    @openapi.svix_expire_all
    def post(self, request: Request, ownerID: str) -> HttpResponse:  # noqa: N803
        """End all sessions, or those of `sessionIds`, now or in `expiry` seconds."""
        project_id, owner_id = self.application(ownerID)
        sent = self.body(request, ApplicationTokenExpireIn)
        sessions.expire_sessions(project_id, owner_id, seconds=sent.get("expiry", 0), references=sent.get("sessionIds"))
        return HttpResponse(status=204)


class Logout(SvixView):
    """The end of the session whose token makes the call."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Only what concerns every request: the caller has no API key, but the session's token."""
        check_body(request)

    @openapi.svix_logout
    def post(self, request: Request) -> HttpResponse:
        """End the session."""
        if not sessions.end_own_session(bearer(request, sessions.TOKEN_PREFIX)):
            raise Unauthenticated("Invalid authentication token.")
        return HttpResponse(status=204)
