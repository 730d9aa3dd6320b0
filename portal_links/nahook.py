"""Nahook's portal sessions, in Nahook's paths, credential and errors.

Contract: docs/contract/portal-sessions.md#nahook.

Here a workspace is a project and an application is an `owner_id`.
"""

from datetime import timedelta
from typing import Annotated, Any, TypedDict

from django.http import HttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core.api.bodies import failures_of, parse_object
from core.api.documents import Example, Schema, Time, component, example, schema_of
from core.api.envelope import bare
from core.api.openapi import Operation, body, describe, path_parameter
from core.api.values import wire_time
from core.exceptions import Forbidden, InvalidInput, Unauthenticated
from portal_links import sessions
from portal_links.capabilities import ROLES
from portal_links.models import PortalSession, session_url
from portal_links.openapi import APPLICATION_ID, CLIENTS_TAG, PORTAL_URL
from portal_links.owners import checked_owner_id
from portal_links.serializers import MAX_METADATA_KEYS, MAX_METADATA_VALUE, CreatePortalSession
from projects.authentication import authenticate_key
from projects.convoy_view import ConvoyView, UnknownPath
from projects.exceptions import ProjectNotFound
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


class TokenMissing(Unauthenticated):
    """No management token."""

    message = "send a management token: Authorization: Bearer nhm_…"


class TokenNotValid(Unauthenticated):
    """Not valid."""

    message = "the management token is not valid"


class OtherApplication(Forbidden):
    """Another application."""

    message = "this token speaks for another application"


class FieldRefused(InvalidInput):
    """A field is not allowed."""

    message = "{name}: {failure}"


class ErrorMembers(TypedDict):
    """The members of an error."""

    code: Annotated[str, "The kind of error."]
    message: Annotated[str, "For people."]


@component("nahook.Error")
class ErrorDocument(TypedDict):
    """An error in Nahook's shape."""

    error: ErrorMembers


@component("nahook.PortalSession")
class SessionDocument(TypedDict):
    """A new portal session in Nahook's shape."""

    url: Annotated[str, "Opens the portal once.", Example(f"{PORTAL_URL}#code={'c' * 43}")]
    code: Annotated[str, "The code in the URL.", Example("c" * 43)]
    expiresAt: Annotated[Time, "When the session ends by itself.", Example("2026-11-22T10:00:00Z")]


describe(
    CreatePortalSession,
    "nahook.CreatePortalSession",
    metadata={
        "type": "object",
        "additionalProperties": {"type": "string", "maxLength": MAX_METADATA_VALUE},
        "maxProperties": MAX_METADATA_KEYS,
    },
)
create_portal_session = Operation(
    "CreateNahookPortalSession",
    "Create a portal session (Nahook)",
    tag=CLIENTS_TAG,
    description="Returns a URL that opens the portal once. The workspace is a project, the application an `owner_id`, "
    "which needs no endpoints yet.",
    parameters=[path_parameter("projectID", "The workspace, which here is a project."), APPLICATION_ID],
    request=body(
        CreatePortalSession,
        {
            "Defaults": {},
            "In full": {
                "role": "editor",
                "expiresInMinutes": 30,
                "metadata": {"userId": "usr_456", "email": "jo@acme.example"},
            },
        },
    ),
    status=201,
    message="The session.",
    data=SessionDocument,
    examples={"Session": example(SessionDocument)},
    refused=[
        FieldRefused(name="role", failure=f"must be one of {', '.join(ROLES)}"),
        TokenMissing,
        TokenNotValid,
        OtherApplication,
        ProjectNotFound,
    ],
    envelope=False,
)


class ManagementToken(BaseAuthentication):
    """`Authorization: Bearer nhm_…`, or an API key in its place."""

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        """Return (None, the caller). Raises Unauthenticated."""
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer" or not token.startswith((MANAGEMENT_PREFIX, f"{PREFIX}.")):
            raise TokenMissing
        return None, authenticate_key(request, token, TokenNotValid.message)


class NahookScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The credential of Nahook's clients in the OpenAPI document."""

    target_class = ManagementToken
    name = "NahookToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return {"type": "http", "scheme": "bearer", "description": "A management token: `nhm_…`, or an API key."}


class NahookPortal(ConvoyView):
    """The portal sessions of an application."""

    authentication_classes = [ManagementToken]
    http_method_names = ["post"]
    for_owner_keys = True
    is_body_optional = True
    error_schema = schema_of(ErrorDocument)

    @create_portal_session
    def post(self, request: Request, projectID: str, ownerID: str) -> SessionDocument:  # noqa: N803
        """Mint a session whose URL opens the portal once."""
        owner_id = checked_owner_id(ownerID)
        if self.caller.owner_id not in ("", owner_id):
            raise OtherApplication
        sent = self.body(request)
        session, code = sessions.mint_session(
            projectID,
            owner_id=owner_id,
            surface=PortalSession.Surface.NAHOOK,
            capabilities=ROLES[sent.get("role", "editor")],
            lifetime=timedelta(minutes=sent.get("expiresInMinutes", 60)),
            single_use=True,
            minted_by=self.caller,
            metadata=sent.get("metadata"),
        )
        return {"url": session_url(projectID, code=code), "code": code, "expiresAt": wire_time(session.expires_at)}

    @staticmethod
    def body(request: Request) -> dict[str, Any]:
        """Return the validated body; no body counts as an empty one. Raises InvalidInput, which names the field."""
        if not request.body.strip():
            return {}
        values, failures = failures_of(CreatePortalSession, parse_object(request, detailed=True))
        for field, failure in failures:
            raise FieldRefused(name=field, failure=failure)
        return values

    @staticmethod
    def error(message: str, status: int) -> HttpResponse:
        """Return a refusal in Nahook's shape."""
        document: ErrorDocument = {"error": {"code": CODES.get(status, "error"), "message": message}}
        return bare(document, status)


class NahookUnknownPath(UnknownPath):
    """Answers 404 on every path below /management/v1 that has no route, to a caller with a token."""

    authentication_classes = [ManagementToken]
    for_owner_keys = True
    error = staticmethod(NahookPortal.error)
