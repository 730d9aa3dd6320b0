"""The base of Nahook's operations: the credential, the application in the path, the body, and errors in Nahook's shape.

Contract: docs/contract/portal-sessions.md#nahook. A workspace is a project and an application is an `owner_id`.
"""

from typing import Annotated, Any, TypedDict

from django.http import HttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core.api.bodies import failures_of, parse_object
from core.api.documents import Schema, component, schema_of
from core.api.envelope import bare
from core.api.fields import Shape
from core.exceptions import Forbidden, InvalidInput, Unauthenticated
from portal_links.owners import checked_owner_id, owner_of
from projects.authentication import authenticate_key
from projects.convoy_view import ConvoyView, UnknownPath
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


class NahookView(ConvoyView):
    """The base of Nahook's operations: the token, the application and the errors."""

    authentication_classes = [ManagementToken]
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    for_owner_keys = True
    is_body_optional = True
    error_schema = schema_of(ErrorDocument)

    def owner(self, app_id: str) -> str:
        """Return the owner of the path's application, by its id or its external id. Raises InvalidInput, Forbidden."""
        owner_id = owner_of(self.project_id, checked_owner_id(app_id))
        if self.caller.owner_id not in ("", owner_id):
            raise OtherApplication
        return owner_id

    @staticmethod
    def body(request: Request, serializer: type[Shape]) -> dict[str, Any]:
        """Return the validated body; no body counts as an empty one. Raises InvalidInput, which names the field."""
        value = parse_object(request, detailed=True) if request.body.strip() else {}
        values, failures = failures_of(serializer, value)
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
    error = staticmethod(NahookView.error)
