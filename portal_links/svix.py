"""Svix's application portal access, in Svix's paths, credential and errors.

Contract: docs/contract/portal-sessions.md#svix.

An application is an `owner_id` in the project of the API key.
"""

from datetime import timedelta
from typing import Annotated, Any, TypedDict
from urllib.parse import unquote

from django.http import HttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core.api.bodies import NotJSON, failures_of, parse_object
from core.api.checks import check_body
from core.api.documents import Example, Schema, component, example, schema_of
from core.api.envelope import bare
from core.api.errors import NO_SUCH_PATH
from core.api.fields import Shape
from core.api.openapi import Operation, Outcome, Refusal, body, describe
from core.exceptions import DomainError, Forbidden, InvalidInput, NotFound, Unauthenticated
from portal_links import sessions
from portal_links.capabilities import of_svix
from portal_links.exceptions import IdempotentSessionEnded
from portal_links.models import PortalSession, session_url
from portal_links.openapi import APPLICATION_ID, CLIENTS_TAG, PORTAL_URL, SESSION_TOKEN
from portal_links.owners import checked_owner_id
from portal_links.serializers import WEEK, ApplicationTokenExpireIn, AppPortalAccessIn
from projects.authentication import authenticate_key
from projects.convoy_view import ConvoyView, UnknownPath
from projects.exceptions import ReadOnlyKey
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
    detail: Annotated[str, "For people."]


@component("svix.AppPortalAccessOut")
class AccessDocument(TypedDict):
    """Access to the portal in Svix's shape."""

    url: Annotated[str, "Opens the portal until the session expires.", Example(f"{PORTAL_URL}#token={SESSION_TOKEN}")]
    token: Annotated[str, "The token of the session, which is in the URL.", Example(SESSION_TOKEN)]


class WrongFields(DomainError):
    """Fields of the body are missing or not allowed; `details` lists them."""

    status = 422
    message = "invalid fields"

    def __init__(self, details: list[FailureDocument]) -> None:
        super().__init__()
        self.details = details


describe(
    AppPortalAccessIn,
    "svix.AppPortalAccessIn",
    featureFlags={"items": {"type": "string", "pattern": r"^[a-zA-Z0-9\-_.]{1,256}$"}},
)
describe(ApplicationTokenExpireIn, "svix.ApplicationTokenExpireIn")
IDEMPOTENCY_KEY = OpenApiParameter(
    "idempotency-key",
    {"type": "string"},
    location=OpenApiParameter.HEADER,
    description="The same key with the same body returns the same session again.",
)
REFUSED: list[Refusal] = [NotJSON(where=" (at character 2)"), TokenNotValid, OtherApplication]
WRONG_FIELDS = Outcome(
    "Fields of the body are missing or not allowed.",
    {"A wrong type": example(FailuresDocument)},
    WrongFields.status,
    FailuresDocument,
)
get_access = Operation(
    "v1.authentication.app-portal-access",
    "Get access to the portal (Svix)",
    tag=CLIENTS_TAG,
    description="Returns a URL and a token that open the portal until they expire.",
    parameters=[APPLICATION_ID, IDEMPOTENCY_KEY],
    request=body(
        AppPortalAccessIn,
        {"Defaults": {}, "To look, for a day": {"readOnly": True, "expiry": 86_400, "sessionId": "user_1FB8"}},
    ),
    message="The access.",
    data=AccessDocument,
    examples={"Access": example(AccessDocument)},
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED, IdempotentSessionEnded],
    envelope=False,
)
expire_all = Operation(
    "v1.authentication.expire-all",
    "End all access of an application (Svix)",
    tag=CLIENTS_TAG,
    description="Ends all sessions of the owner, or those of `sessionIds`, now or in `expiry` seconds.",
    parameters=[APPLICATION_ID],
    request=body(
        ApplicationTokenExpireIn, {"All, now": {}, "One, in an hour": {"expiry": 3600, "sessionIds": ["user_1FB8"]}}
    ),
    status=204,
    message="Ended.",
    data=type(None),
    examples={},
    outcomes=[WRONG_FIELDS],
    refused=REFUSED,
    envelope=False,
)
logout = Operation(
    "v1.authentication.logout",
    "End the session of the token (Svix)",
    tag=CLIENTS_TAG,
    description="Ends the session whose token makes the call.",
    status=204,
    message="Ended.",
    data=type(None),
    examples={},
    refused=REFUSED,
    envelope=False,
)


#: The beginnings of Svix's paths, but for auth/.
RESOURCES = (
    *("app", "background-task", "connector", "environment", "event-type", "health", "ingest", "message"),
    *("operational-webhook", "stats", "stream"),
)


class BearerKey(BaseAuthentication):
    """`Authorization: Bearer CO.…`."""

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        """Return (None, the caller). Raises Unauthenticated."""
        return None, authenticate_key(request, bearer(request, f"{PREFIX}."), TokenNotValid.message)


class SvixScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The credential of a logout in the OpenAPI document: the other operations take the key of the Convoy API."""

    target_class = BearerKey
    name = "SvixToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return {"type": "http", "scheme": "bearer", "description": "The token of the portal session that ends."}


def bearer(request: Request, prefix: str) -> str:
    """Return the bearer token of a request. Raises Unauthenticated where there is none with this prefix."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not token.startswith(prefix):
        raise TokenNotValid
    return str(token)


class SvixView(ConvoyView):
    """The base of Svix's operations: the key, the application and the errors."""

    authentication_classes = [BearerKey]
    documented_security: list[dict[str, list[str]]] | None = [{"ApiKeyAuth": []}]
    http_method_names = ["post"]
    for_owner_keys = True
    is_body_optional = True
    error_schema = schema_of(ErrorDocument)

    def application(self, app_id: str) -> tuple[str, str]:
        """Return (project, owner) of the application in the path. Raises InvalidInput, Forbidden."""
        # Svix's clients do not escape the id, so that a "?" in it begins a query, which no operation has.
        query = self.request.META.get("QUERY_STRING", "")
        return self.project_and_owner(f"{app_id}?{unquote(query)}" if query else app_id)

    def project_and_owner(self, app_id: str) -> tuple[str, str]:
        """Return (project, owner) of an application. Raises InvalidInput, Forbidden."""
        owner_id = checked_owner_id(app_id)
        if self.caller.key_project_id is None:
            raise InstanceKey
        if self.caller.owner_id not in ("", owner_id):
            raise OtherApplication
        return self.caller.key_project_id, owner_id

    def body(self, request: Request, serializer: type[Shape]) -> dict[str, Any]:
        """Return the validated body; no body counts as an empty one. Raises InvalidInput, WrongFields."""
        value = parse_object(request, detailed=True) if request.body.strip() else {}
        values, failures = failures_of(serializer, value)
        if failures:
            raise WrongFields(
                [
                    {"loc": ["body", field] if field else ["body"], "msg": str(failure), "type": "value_error"}
                    for field, failure in failures
                ]
            )
        return values

    def handle_exception(self, exc: Exception) -> Any:
        """Answer 422 with the list of the refused fields."""
        if isinstance(exc, WrongFields):
            document: FailuresDocument = {"detail": exc.details}
            return bare(document, exc.status)
        return super().handle_exception(exc)

    @staticmethod
    def error(message: str, status: int) -> HttpResponse:
        """Return a refusal in Svix's shape."""
        document: ErrorDocument = {"code": CODES.get(status, "error"), "detail": message}
        return bare(document, status)


class SvixUnknownPath(UnknownPath, SvixView):
    """Answers 404 on every path of Svix's API that has no route, to a caller with a key."""


class AppPortalAccess(SvixView):
    """Access to an application's portal."""

    @get_access
    def post(self, request: Request, ownerID: str) -> AccessDocument:  # noqa: N803
        """Mint a session; the same idempotency key returns the same one again."""
        project_id, owner_id = self.application(ownerID)
        sent = self.body(request, AppPortalAccessIn)
        _, token = sessions.mint_session(
            project_id,
            owner_id=owner_id,
            surface=PortalSession.Surface.SVIX,
            capabilities=of_svix(sent.get("capabilities"), read_only=sent.get("readOnly", False)),
            lifetime=timedelta(seconds=sent.get("expiry", WEEK)),
            single_use=False,
            minted_by=self.caller,
            reference=sent.get("sessionId", ""),
            idempotency_key=request.META.get("HTTP_IDEMPOTENCY_KEY", ""),
        )
        return {"url": session_url(project_id, token=token), "token": token}


class ExpireAll(SvixView):
    """The sessions of an application."""

    @expire_all
    def post(self, request: Request, ownerID: str) -> None:  # noqa: N803
        """End all sessions, or those of `sessionIds`, now or in `expiry` seconds. Raises Forbidden."""
        project_id, owner_id = self.application(ownerID)
        if not self.caller.manages:
            raise ReadOnlyKey
        sent = self.body(request, ApplicationTokenExpireIn)
        sessions.expire_sessions(project_id, owner_id, seconds=sent.get("expiry", 0), references=sent.get("sessionIds"))


class ExpireAllInQuery(SvixUnknownPath, ExpireAll):
    """The same, where an unescaped "?" in the application's id puts the rest of the path into the query."""

    def application(self, app_id: str) -> tuple[str, str]:
        """Return (project, owner). Raises NotFound where the query does not end like the operation's path."""
        path, end = f"{app_id}?{unquote(self.request.META.get('QUERY_STRING', ''))}", "/expire-all"
        if not path.endswith(end):
            raise NotFound(NO_SUCH_PATH)
        return self.project_and_owner(path.removesuffix(end))


class Logout(SvixView):
    """The session whose token makes the call."""

    documented_security = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the body only: the caller has no API key, but the session's token."""
        check_body(request)

    @logout
    def post(self, request: Request) -> None:
        """End the session."""
        if not sessions.end_own_session(bearer(request, sessions.TOKEN_PREFIX)):
            raise TokenNotValid
