"""The base of Nahook's operations: the credential, the application in the path, the body, and errors in Nahook's shape.

Contract: docs/contract/nahook.md#conventions. A workspace is a project and an application is an `owner_id`.
"""

from typing import Annotated, Any, TypedDict

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from core.api.bodies import failures_of, parse_object
from core.api.documents import component, schema_of
from core.api.envelope import bare
from core.api.errors import OTHER, WORDS
from core.api.fields import Shape
from core.api.openapi import Refusal, path_parameter
from core.api.security import BearerScheme
from core.exceptions import Forbidden, InvalidInput, NotFound, Unauthenticated
from portal_links.owners import checked_owner_id, owner_of
from projects.authentication import KeyAuthentication, bearer_token
from projects.convoy_view import ConvoyView, UnknownPath
from projects.exceptions import OwnerKey, ProjectNotFound, ReadOnlyKey
from projects.keys import MANAGEMENT_PREFIX, PREFIX, SENDING_PREFIX
from subscriptions import exceptions as subscriptions

CODES = WORDS | {400: "validation_error", 504: "timeout"}


class TokenMissing(Unauthenticated):
    """No management token."""

    message = "send a management token: Authorization: Bearer nhm_…"


class TokenNotValid(Unauthenticated):
    """Not valid."""

    message = "the management token is not valid"


class KeyMissing(TokenMissing):
    """No key that sends."""

    message = "send an API key: Authorization: Bearer nhk_…"


class KeyNotValid(TokenNotValid):
    """Not valid."""

    message = "the API key is not valid"


class InstanceKey(InvalidInput):
    """A key of no project."""

    message = "an instance key has no workspace to send from: use the key of a project"


class EventTypeNotFound(NotFound):
    """No such event type."""

    message = subscriptions.EventTypeNotFound.message


class OtherApplication(Forbidden):
    """Another application."""

    message = "this token speaks for another application"


class FieldRefused(InvalidInput):
    """A field is not allowed."""

    message = "{name}: {failure}"


class ErrorMembers(TypedDict):
    """The members of an error."""

    code: Annotated[str, "The kind of error."]
    message: Annotated[str, "A text for people."]


@component("nahook.Error")
class ErrorDocument(TypedDict):
    """An error in Nahook's shape."""

    error: ErrorMembers


def error_members(message: str, status: int) -> ErrorMembers:
    """Return the members of an error that is answered, or would be, with a status."""
    return {"code": CODES.get(status, OTHER), "message": message}


class Strict(Shape):
    """A body that may have known members only: one that is misspelt, or that this server lacks, is refused by name.

    `lacking` holds the members of Nahook's that this server has not, each with the reason of its refusal. Null and an
    empty object count as not sent.
    """

    lacking: dict[str, str] = {}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            return super().to_internal_value(data)
        for name in data.keys() & self.lacking.keys():
            if data[name] not in (None, {}):
                raise serializers.ValidationError({name: [self.lacking[name]]})
        known = {name: value for name, value in data.items() if name not in self.lacking}
        if unknown := known.keys() - self.fields.keys():
            raise serializers.ValidationError({sorted(unknown)[0]: ["is not a known field"]})
        return super().to_internal_value(known)


class ManagementToken(KeyAuthentication):
    """`Authorization: Bearer nhm_…`, or an API key in its place."""

    prefix = MANAGEMENT_PREFIX
    missing: type[TokenMissing] = TokenMissing
    refusal = TokenNotValid.message

    def key(self, request: Request) -> str:
        """Return the token. Raises Unauthenticated."""
        token = bearer_token(request)
        if not token.startswith((self.prefix, f"{PREFIX}.")):
            raise self.missing
        return token


class SendingKey(ManagementToken):
    """`Authorization: Bearer nhk_…`, or an API key in its place."""

    prefix = SENDING_PREFIX
    missing = KeyMissing
    refusal = KeyNotValid.message


class NahookScheme(BearerScheme):  # type: ignore[no-untyped-call]
    """The credential of Nahook's clients in the OpenAPI document."""

    target_class = ManagementToken
    name = "NahookToken"
    description = "A management token: `nhm_…`, or an API key."


class SendingScheme(BearerScheme):  # type: ignore[no-untyped-call]
    """The key of Nahook's clients that sends, in the OpenAPI document."""

    target_class = SendingKey
    name = "NahookKey"
    description = "A key that sends: `nhk_…`, or an API key."


WORKSPACE = path_parameter("projectID", "The workspace, which here is a project.")
#: The refusals of every operation on a workspace, and of one that changes it.
REFUSED: list[Refusal] = [TokenMissing, TokenNotValid, OwnerKey, ProjectNotFound]
REFUSED_WRITE: list[Refusal] = [*REFUSED, ReadOnlyKey]


class NahookView(ConvoyView):
    """The base of Nahook's operations: the token, the application and the errors."""

    authentication_classes = [ManagementToken]
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    for_owner_keys = True
    is_body_optional = False
    error_schema = schema_of(ErrorDocument)

    def owner(self, app_id: str) -> str:
        """Return the owner of the path's application, by its id or its external id. Raises InvalidInput, Forbidden."""
        owner_id = owner_of(self.project_id, checked_owner_id(app_id))
        if self.caller.owner_id not in ("", owner_id):
            raise OtherApplication
        return owner_id

    def body(self, request: Request, serializer: type[Shape], *, text: bytes | None = None) -> dict[str, Any]:
        """Return the validated body; an optional one that is not sent is empty. Raises InvalidInput with the field.

        `text` takes the place of the request's own.
        """
        is_left_out = self.is_body_optional and not request.body.strip()
        value = {} if is_left_out else parse_object(request, detailed=True, body=text)
        values, failures = failures_of(serializer, value)
        for field, failure in failures:
            raise FieldRefused(name=field or "body", failure=failure)
        return values

    @staticmethod
    def error(message: str, status: int) -> HttpResponse:
        """Return a refusal in Nahook's shape."""
        document: ErrorDocument = {"error": error_members(message, status)}
        return bare(document, status)


class WorkspaceView(NahookView):
    """The base of the operations on a whole workspace, which a key that is bound to an owner cannot call."""

    for_owner_keys = False


class NahookUnknownPath(UnknownPath, NahookView):
    """Answers 404 on every path below /management/v1 that has no route, to a caller with a token."""


class IngestUnknownPath(NahookUnknownPath):
    """Answers 404 on every path below /api/ingest that has no route, to a caller with a key that sends."""

    authentication_classes = [SendingKey]
