"""The base of Svix's operations: the credential, the application in the path, the body, and errors in Svix's shape.

Contract: docs/contract/svix.md#conventions.
"""

from typing import Annotated, Any, TypedDict

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.bodies import BAD_JSON, MALFORMED, parse_object, validated
from core.api.documents import Example, component, example, schema_of
from core.api.envelope import bare
from core.api.errors import OTHER, WORDS
from core.api.fields import Shape
from core.api.openapi import Outcome, Refusal
from core.api.security import BearerScheme
from core.exceptions import DomainError, Forbidden, InvalidInput, Unauthenticated
from portal_links.owners import checked_owner_id, owner_of
from projects.authentication import KeyAuthentication, bearer_token
from projects.convoy_view import ConvoyView, UnknownPath
from projects.exceptions import OwnerKey
from projects.keys import PREFIX

CODES = WORDS | {401: "authentication_failed", 403: "permission_denied", 429: "rate_limit"}


class TokenNotValid(Unauthenticated):
    """Not valid."""

    message = "Invalid authentication token."


class OtherApplication(Forbidden):
    """Another application."""

    message = "this key speaks for another application"


class InstanceKey(InvalidInput):
    """A key of no project."""

    message = "an instance key has no applications: use the key of a project"


class FailureDocument(TypedDict):
    """A field of the body that is refused, and why."""

    loc: Annotated[list[str], "The path of the field, from `body` on.", Example(["body", "expiry"])]
    msg: Annotated[str, "Why the field is refused.", Example("must be a whole number")]
    type: Annotated[str, "The kind of failure.", Example("value_error")]


@component("svix.HTTPValidationError")
class FailuresDocument(TypedDict):
    """An error about fields in Svix's shape."""

    detail: Annotated[list[FailureDocument], "The fields that are refused.", Example([example(FailureDocument)])]


@component("svix.HttpErrorOut")
class ErrorDocument(TypedDict):
    """An error in Svix's shape."""

    code: Annotated[str, "The kind of error."]
    detail: Annotated[str, "A text for people."]


class WrongFields(DomainError):
    """Fields of the body or parameters of the query are missing or not allowed; `details` lists them."""

    status = 422
    message = "invalid fields"

    def __init__(self, details: list[FailureDocument]) -> None:
        super().__init__()
        self.details = details


#: The refusals of every operation on one application, of one that reads a body, and of one that may be without it.
REFUSED_ALWAYS: list[Refusal] = [InstanceKey, TokenNotValid, OtherApplication]
REFUSED_BODY: list[Refusal] = [*MALFORMED, InstanceKey, TokenNotValid]
REFUSED: list[Refusal] = [BAD_JSON, TokenNotValid, OtherApplication]
WRONG_FIELDS = Outcome(
    "Fields of the body or parameters of the query are missing or not allowed.",
    FailuresDocument,
    "A wrong type",
    status=WrongFields.status,
)


def wrong_field(place: str, name: str, failure: str) -> WrongFields:
    """Return the refusal of one field of the body, or of a parameter: `place` is body, path or query."""
    return WrongFields([{"loc": [place, name], "msg": failure, "type": "value_error"}])


class BearerKey(KeyAuthentication):
    """`Authorization: Bearer CO.…`."""

    refusal = TokenNotValid.message

    def key(self, request: Request) -> str:
        """Return the key. Raises Unauthenticated."""
        return bearer(request, f"{PREFIX}.")


class SvixScheme(BearerScheme):  # type: ignore[no-untyped-call]
    """The credential of a logout in the OpenAPI document: the other operations take the key of the Convoy API."""

    target_class = BearerKey
    name = "SvixToken"
    description = "The token of the portal session that ends."


def bearer(request: Request, prefix: str) -> str:
    """Return the bearer token of a request. Raises Unauthenticated where there is none with this prefix."""
    token = bearer_token(request)
    if not token.startswith(prefix):
        raise TokenNotValid
    return token


class SvixView(ConvoyView):
    """The base of Svix's operations: the key, the application and the errors."""

    authentication_classes = [BearerKey]
    documented_security: list[dict[str, list[str]]] | None = [{"ApiKeyAuth": []}]
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    for_owner_keys = True
    is_body_optional = False
    error_schema = schema_of(ErrorDocument)

    def project_and_owner(self, app_id: str) -> tuple[str, str]:
        """Return (project, owner) of an application, by its id or its uid. Raises InvalidInput, Forbidden."""
        project_id = self.key_project
        owner_id = owner_of(project_id, checked_owner_id(app_id))
        if self.only_owner not in ("", owner_id):
            raise OtherApplication
        return project_id, owner_id

    @property
    def only_owner(self) -> str:
        """Return the owner to which the credential is bound; "" where it acts for all."""
        return self.caller.owner_id

    @property
    def key_project(self) -> str:
        """Return the id of the key's project, in which all applications are. Raises InvalidInput."""
        if self.caller.key_project_id is None:
            raise InstanceKey
        return self.caller.key_project_id

    def check_whole_project(self) -> None:
        """Refuse a credential that is bound to one owner. Raises Forbidden."""
        if self.only_owner:
            raise OwnerKey

    def body(self, request: Request, serializer: type[Shape], *, text: bytes | None = None) -> dict[str, Any]:
        """Return the validated body; an optional one that is not sent is empty. Raises InvalidInput, WrongFields.

        `text` takes the place of the request's own.
        """
        is_left_out = self.is_body_optional and not request.body.strip()
        value = {} if is_left_out else parse_object(request, detailed=True, body=text)
        values, failures = validated(serializer, value)
        if failures:
            raise WrongFields(
                [
                    {"loc": ["body", *filter(None, path.split("."))], "msg": str(failure), "type": "value_error"}
                    for path, failure in failures
                ]
            )
        return values

    def refuse(self, exc: Exception) -> Any:
        """Answer 422 with the list of the refused fields."""
        if isinstance(exc, WrongFields):
            document: FailuresDocument = {"detail": exc.details}
            return bare(document, exc.status)
        return super().refuse(exc)

    @staticmethod
    def error(message: str, status: int) -> HttpResponse:
        """Return a refusal in Svix's shape."""
        document: ErrorDocument = {"code": CODES.get(status, OTHER), "detail": message}
        return bare(document, status)


class SvixUnknownPath(UnknownPath, SvixView):
    """Answers 404 on every path of Svix's API that has no route, to a caller with a key."""
