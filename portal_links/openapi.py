"""The portal-link operations in the OpenAPI document. Contract: portal-links sections 1 to 4."""

from collections.abc import Callable, Sequence
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from core.api.documents import Schema
from core.api.openapi import (
    DELETED_AT,
    NOT_ONLY_SPACES,
    PAGE_PARAMETERS,
    PAGINATION_EXAMPLE,
    PROJECT_ID,
    TIME,
    UID,
    Handler,
    array,
    body,
    define,
    describe,
    flag,
    integer,
    nullable,
    operation,
    page_of,
    path_parameter,
    query,
    record,
    text,
    texts,
    version_parameter,
)
from core.api.values import REDACTED
from endpoints.openapi import CREATED_EXAMPLE as ENDPOINT_EXAMPLE
from endpoints.openapi import NESTED_ENDPOINT
from portal_links import serializers
from portal_links.capabilities import WORDS
from portal_links.models import PortalLink, PortalSession

TAG = "Portal Links"

# Shapes of answers

LINK = define(
    "datastore.PortalLinkResponse",
    record(
        {
            "uid": UID,
            "name": text(),
            "project_id": UID,
            "owner_id": text("The customer whose endpoints the link opens; empty: those in `endpoints`."),
            "endpoints": array(text(), "The ids of the last create or update that are in the link's scope."),
            "endpoint_count": integer("How many endpoints the link opens now."),
            "can_manage_endpoint": flag("Whether the customer may change endpoints, or only see them."),
            "token": text(f"Opens a static_token link. `{REDACTED}` where the key may only read."),
            "endpoints_metadata": array(NESTED_ENDPOINT, "The endpoints that the link opens now, newest first."),
            "url": text("The portal's address, for the customer."),
            "auth_type": define("datastore.PortalAuthType", text(enum=list(PortalLink.AuthType.values))),
            "auth_key": text("A token that opens a refresh_token link for an hour; only in the answer that made it."),
            "created_at": TIME,
            "updated_at": TIME,
            "deleted_at": DELETED_AT,
        }
    ),
)

# Request bodies

describe(
    serializers.CreatePortalLinkRequest,
    "datastore.CreatePortalLinkRequest",
    name={"pattern": NOT_ONLY_SPACES},
    owner_id={
        "description": "The customer. The link opens all of their endpoints, now and later.",
        "pattern": r"^$|\S",
    },
    endpoints={
        "description": "Ids of endpoints. With `owner_id` they become that customer's, if nobody's; "
        "without it they are what the link opens."
    },
    auth_type={"description": "Empty or not sent: static_token in a new link, as it is in an update."},
    can_manage_endpoint={"description": "False where it is not sent, also in an update."},
)
describe(serializers.UpdatePortalLinkRequest, "datastore.UpdatePortalLinkRequest")

# Examples

TOKEN = "aB3dE6gH9jK2mN5pQ8sT1vW4"
AUTH_KEY = f"PRT.0123456789abcdef.{'x' * 64}"
EXAMPLE: dict[str, Any] = {
    "uid": "01JZ8QP7B2E4G6J8M0Q2S4V6X8",
    "name": "Acme webhooks",
    "project_id": "01JZ8QK3V7M2N4P6R8T0W2Y4A6",
    "owner_id": "acme",
    "endpoints": [],
    "endpoint_count": 1,
    "can_manage_endpoint": True,
    "token": TOKEN,
    "endpoints_metadata": [ENDPOINT_EXAMPLE],
    "url": f"https://webhooks.example.com/portal?token={TOKEN}",
    "auth_type": "static_token",
    "auth_key": "",
    "created_at": "2026-07-03T09:30:00.123456Z",
    "updated_at": "2026-07-03T09:30:00.123456Z",
    "deleted_at": None,
}
REFRESH_EXAMPLE = EXAMPLE | {
    "auth_type": "refresh_token",
    "auth_key": AUTH_KEY,
    "url": f"https://webhooks.example.com/portal?token={TOKEN}&auth_token={AUTH_KEY}",
}
UPDATED_EXAMPLE = EXAMPLE | {"can_manage_endpoint": False, "updated_at": "2026-07-04T08:00:00.5Z"}
REFUSED_BODY = {
    "Not JSON, or of a wrong type": "Invalid request format",
    "Something is missing or not allowed": "Invalid input provided",
    "An unknown endpoint": "failed to find endpoint 01JZ8QM5X9C1D3F5G7H9J1K3M5",
    "Another customer's endpoint": "endpoint 01JZ8QM5X9C1D3F5G7H9J1K3M5 already has owner_id globex",
}
REFUSED_ID = {404: {"Project": "project not found", "Portal link": "Resource not found"}}

# Operations

ONE = [PROJECT_ID, path_parameter("portalLinkID", "The id of the portal link.")]

list_portal_links = operation(
    "LoadPortalLinksPaged",
    "List all portal links",
    tag=TAG,
    description="A page of the project's portal links that are not revoked, newest first.",
    parameters=[
        PROJECT_ID,
        *PAGE_PARAMETERS,
        query(
            "endpointId",
            {"type": "array", "items": {"type": "string"}},
            "Only those that open one of these endpoints; `endpoints_metadata` has only these. Can be repeated.",
        ),
    ],
    message="Portal links fetched successfully",
    data=page_of(LINK),
    examples={
        "One link": {
            "content": [EXAMPLE],
            "pagination": PAGINATION_EXAMPLE | {"prev_page_cursor": EXAMPLE["uid"]},
        }
    },
)
create_portal_link = operation(
    "CreatePortalLink",
    "Create a portal link",
    tag=TAG,
    description="Creates a portal link for a customer (`owner_id`), for a list of endpoints, or for both: "
    "one of the two is needed.",
    parameters=[
        PROJECT_ID,
        version_parameter("Before 2025-11-24 the refusal of a body without a scope has another message."),
    ],
    request=body(
        serializers.CreatePortalLinkRequest,
        {
            "For a customer": {"name": "Acme webhooks", "owner_id": "acme", "can_manage_endpoint": True},
            "With refresh tokens": {
                "name": "Acme webhooks",
                "owner_id": "acme",
                "can_manage_endpoint": True,
                "auth_type": "refresh_token",
            },
            "For some endpoints": {"name": "Two of them", "endpoints": ["01JZ8QM5X9C1D3F5G7H9J1K3M5"]},
        },
    ),
    status=201,
    message="Portal link created successfully",
    data=LINK,
    examples={"Static token": EXAMPLE, "Refresh token": REFRESH_EXAMPLE},
    refused={400: REFUSED_BODY},
)
get_portal_link = operation(
    "GetPortalLink",
    "Retrieve a portal link",
    tag=TAG,
    description="The portal link with the endpoints that it opens now.",
    parameters=ONE,
    message="Portal link fetched successfully",
    data=LINK,
    examples={"Link": EXAMPLE},
    refused=REFUSED_ID,
)
update_portal_link = operation(
    "UpdatePortalLink",
    "Update a portal link",
    tag=TAG,
    description="Replaces the link's name, scope and right to manage: what is not sent is emptied, "
    "except `auth_type`. The token stays.",
    parameters=ONE,
    request=body(
        serializers.UpdatePortalLinkRequest,
        {"Read only": {"name": "Acme webhooks", "owner_id": "acme", "can_manage_endpoint": False}},
    ),
    status=202,
    message="Portal link updated successfully",
    data=LINK,
    examples={"Updated": UPDATED_EXAMPLE},
    refused={400: REFUSED_BODY} | REFUSED_ID,
)
revoke_portal_link = operation(
    "RevokePortalLink",
    "Revoke a portal link",
    tag=TAG,
    description="Ends the link for good: every token that opens it stops at once. A body is ignored.",
    parameters=ONE,
    message="Portal link revoked successfully",
    examples={"Revoked": None},
    refused=REFUSED_ID,
)
refresh_token = operation(
    "RefreshPortalLinkAuthToken",
    "Get a portal link auth token",
    tag=TAG,
    description="Makes a token that opens a refresh_token link for an hour. Earlier tokens live on until their own "
    "end. Needs a key that may write.",
    parameters=ONE,
    message="Portal link fetched successfully",
    data=text("The token."),
    examples={"Token": AUTH_KEY},
    refused={
        400: {
            "No such link": "portal link not found",
            "A static link": "portal link has auth_type static_token: only a refresh_token link has refresh tokens",
        }
    },
)


# Portal sessions, which are our own

SESSION = define(
    "models.PortalSession",
    record(
        {
            "uid": UID,
            "project_id": UID,
            "owner_id": text("Whose endpoints it opens now."),
            "portal_link_id": nullable(text(), "The link that it was minted for; null where it names an owner itself."),
            "surface": text("The client by whose contract it was minted.", enum=list(PortalSession.Surface.values)),
            "capabilities": array(text(enum=sorted(WORDS)), "What it allows now."),
            "metadata": texts("What it was minted with."),
            "reference": text("The caller's own name for it, which is Svix's sessionId."),
            "minted_by": nullable(text(), "The id of the API key that minted it."),
            "created_at": TIME,
            "expires_at": TIME,
            "opened_at": nullable(TIME),
            "opened_from": nullable(text(), "The IP address that opened it."),
            "last_used_at": nullable(TIME, "Exact to a minute."),
            "last_used_from": nullable(text()),
            "revoked_at": nullable(TIME),
        }
    ),
)
SESSION_EXAMPLE: dict[str, Any] = {
    "uid": "01M80JSD0V2HXXF6RJSD6XSV5Q",
    "project_id": EXAMPLE["project_id"],
    "owner_id": "acme",
    "portal_link_id": None,
    "surface": "nahook",
    "capabilities": sorted(WORDS),
    "metadata": {"userId": "usr_456"},
    "reference": "",
    "minted_by": "01M80HQEK749HVST8A6GW0K8E2",
    "created_at": "2026-11-22T09:00:00Z",
    "expires_at": "2026-11-22T10:00:00Z",
    "opened_at": "2026-11-22T09:00:05Z",
    "opened_from": "203.0.113.7",
    "last_used_at": "2026-11-22T09:00:05Z",
    "last_used_from": "203.0.113.7",
    "revoked_at": None,
}
#: A `PRT.` token that nobody has used.
LINK_SESSION_EXAMPLE = SESSION_EXAMPLE | {
    "uid": "01M80J5M6K7V3QX1ZB8YF4D2NT",
    "portal_link_id": EXAMPLE["uid"],
    "surface": "convoy",
    "metadata": {},
    **dict.fromkeys(("opened_at", "opened_from", "last_used_at", "last_used_from")),
}
list_portal_sessions = operation(
    "LoadPortalSessionsPaged",
    "List all portal sessions",
    tag="Portal Sessions",
    description="A page of the project's portal sessions, newest first: who has access, since when, from where.",
    parameters=[
        PROJECT_ID,
        *(parameter for parameter in PAGE_PARAMETERS if parameter.name not in ("q", "ownerId")),
        query("ownerId", {"type": "string"}, "Only those of this owner, the owner's links included."),
        query("portalLinkId", {"type": "string"}, "Only those of this portal link."),
        query("active", {"type": "string"}, "`true`: only those that give access now; `false`: only the others."),
    ],
    message="Portal sessions fetched successfully",
    data=page_of(SESSION),
    examples={
        "One session": {
            "content": [SESSION_EXAMPLE],
            "pagination": PAGINATION_EXAMPLE | {"prev_page_cursor": SESSION_EXAMPLE["uid"]},
        },
        "Two of a link": {
            "content": [LINK_SESSION_EXAMPLE, LINK_SESSION_EXAMPLE | {"uid": "01M80J4W2C9R5TE7GA0HN6P8SV"}],
            "pagination": PAGINATION_EXAMPLE | {"prev_page_cursor": LINK_SESSION_EXAMPLE["uid"]},
        },
    },
)
revoke_portal_session = operation(
    "RevokePortalSession",
    "Revoke a portal session",
    tag="Portal Sessions",
    description="Ends the session: its next request is refused. A body is ignored.",
    parameters=[PROJECT_ID, path_parameter("sessionID", "The session's id.")],
    message="Portal session revoked successfully",
    examples={"Revoked": None},
    refused=REFUSED_ID,
)


# Portal sessions in the words of other clients: their paths, their errors, their credentials

CLIENTS_TAG = "Portal Sessions of other clients"
NAHOOK_ERROR = define("nahook.Error", record({"error": record({"code": text(), "message": text("For people.")})}))
FEATHER_ERROR = define("feather.ErrorResponse", record({"error": text(), "message": text("For people.")}))
SVIX_ERROR = define("svix.HttpErrorOut", record({"code": text(), "detail": text("For people.")}))
SVIX_FIELDS = define(
    "svix.HTTPValidationError",
    record({"detail": array(record({"loc": array(text()), "msg": text(), "type": text()}))}),
)
APPLICATION_ID = path_parameter("ownerID", "The application, which here is an `owner_id`.")
#: What each of these operations refuses, as all do.
REFUSED_BY_ALL: dict[str, dict[str, str]] = {code: {} for code in ("411", "413", "415", "429", "503")}
OTHERS = "this key speaks for another application"


def foreign_operation(
    operation_id: str,
    summary: str,
    *,
    description: str,
    parameters: Sequence[OpenApiParameter] = (),
    request: Any = None,
    success: dict[int, OpenApiResponse],
) -> Callable[[Handler], Handler]:
    """A decorator that documents a handler of another contract. What it refuses is its view's `refusals`."""
    decorator: Callable[[Handler], Handler] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        tags=[CLIENTS_TAG],
        description=description,
        request=request,
        parameters=list(parameters),
        responses=success,
    )
    return decorator


def answer(schema: Schema, description: str, example: Any) -> OpenApiResponse:
    """An answer without an envelope."""
    return OpenApiResponse(schema, description, [OpenApiExample("Answer", example)])


describe(
    serializers.CreatePortalSession,
    "nahook.CreatePortalSession",
    role={"description": "editor where it is not sent."},
    expiresInMinutes={"description": "60 where it is not sent."},
    metadata={
        "type": "object",
        "additionalProperties": {"type": "string", "maxLength": serializers.MAX_METADATA_VALUE},
        "maxProperties": serializers.MAX_METADATA_KEYS,
        "description": "Goes to every endpoint that is created in the session.",
    },
)
describe(
    serializers.AppPortalAccessIn,
    "svix.AppPortalAccessIn",
    application={"description": "Accepted and ignored: an owner_id needs no creation."},
    capabilities={"description": "All where they are not sent."},
    featureFlags={
        "items": {"type": "string", "pattern": r"^[a-zA-Z0-9\-_.]{1,256}$"},
        "description": "Accepted and ignored.",
    },
    expiry={"description": "In seconds; a week where it is not sent."},
    sessionId={"description": "The caller's own name for the session."},
)
describe(
    serializers.ApplicationTokenExpireIn,
    "svix.ApplicationTokenExpireIn",
    expiry={"description": "In seconds; at once where it is not sent."},
)
NAHOOK_REFUSALS = REFUSED_BY_ALL | {
    "400": {"A role": "role: must be one of admin, editor, viewer"},
    "401": {"Not valid": "the management token is not valid"},
    "403": {"Another application": OTHERS},
    "404": {"Workspace": "project not found"},
}
FEATHER_REFUSALS = REFUSED_BY_ALL | {
    "400": {"A key of no organisation": "this API key belongs to no organisation: create one with an owner_id"},
    "401": {"Not valid": "the API key is not valid"},
}
SVIX_REFUSALS = REFUSED_BY_ALL | {
    "400": {"Not JSON": "body contains badly-formed JSON (at character 2)"},
    "401": {"Not valid": "Invalid authentication token."},
    "403": {"Another application": OTHERS},
}
SESSION_HOUR = "2026-11-22T10:00:00Z"
PORTAL_AT = f"https://webhooks.example.com/portal/{EXAMPLE['project_id']}/"
PST = f"PST.{'x' * 64}"

nahook_portal = foreign_operation(
    "CreateNahookPortalSession",
    "Create a portal session (Nahook)",
    description="A URL that opens the portal once. The workspace is a project, the application an `owner_id`, which "
    "needs no endpoints yet.",
    parameters=[path_parameter("projectID", "The workspace, which here is a project."), APPLICATION_ID],
    request=body(
        serializers.CreatePortalSession,
        {
            "Defaults": {},
            "In full": {
                "role": "editor",
                "expiresInMinutes": 30,
                "metadata": {"userId": "usr_456", "email": "jo@acme.example"},
            },
        },
    ),
    success={
        201: answer(
            define(
                "nahook.PortalSession",
                record({"url": text("Opens once."), "code": text("The code in the URL."), "expiresAt": TIME}),
            ),
            "The session.",
            {"url": f"{PORTAL_AT}#code={'c' * 43}", "code": "c" * 43, "expiresAt": SESSION_HOUR},
        )
    },
)
feather_portal = foreign_operation(
    "createWebhookPortalLink",
    "Create a portal link for the caller's organisation (Feather)",
    description="The organisation is the `owner_id` of the key. With the scope webhooks:manage the link manages, "
    "otherwise it is for reading only. A body is ignored.",
    success={
        200: answer(
            define(
                "feather.PortalLinkResponse",
                record(
                    {
                        "url": text("Opens the portal until it expires."),
                        "expires_in_s": integer("Seconds until the link expires."),
                        "read_only": flag("Whether the link is for reading only."),
                    }
                ),
            ),
            "The link.",
            {"url": f"{PORTAL_AT}#token={PST}", "expires_in_s": 3600, "read_only": False},
        )
    },
)
WRONG_FIELDS = answer(
    SVIX_FIELDS,
    "Fields of the body are not as they should be.",
    {"detail": [{"loc": ["body", "expiry"], "msg": "must be a whole number", "type": "value_error"}]},
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "idempotency-key",
    {"type": "string"},
    location=OpenApiParameter.HEADER,
    description="The same key with the same body gives the same session again.",
)
svix_access = foreign_operation(
    "v1.authentication.app-portal-access",
    "Get access to the portal (Svix)",
    description="A URL and a token that open the portal until they expire.",
    parameters=[APPLICATION_ID, IDEMPOTENCY_KEY],
    request=body(
        serializers.AppPortalAccessIn,
        {"Defaults": {}, "To look, for a day": {"readOnly": True, "expiry": 86_400, "sessionId": "user_1FB8"}},
    ),
    success={
        200: answer(
            define("svix.AppPortalAccessOut", record({"url": text(), "token": text()})),
            "The access.",
            {"url": f"{PORTAL_AT}#token={PST}", "token": PST},
        ),
        422: WRONG_FIELDS,
    },
)
svix_expire_all = foreign_operation(
    "v1.authentication.expire-all",
    "End all access of an application (Svix)",
    description="Ends all sessions of the owner, or those of `sessionIds`, now or in `expiry` seconds.",
    parameters=[APPLICATION_ID],
    request=body(
        serializers.ApplicationTokenExpireIn,
        {"All, now": {}, "One, in an hour": {"expiry": 3600, "sessionIds": ["user_1FB8"]}},
    ),
    success={204: OpenApiResponse(description="Ended."), 422: WRONG_FIELDS},
)
svix_logout = foreign_operation(
    "v1.authentication.logout",
    "End the session of the token (Svix)",
    description="Ends the session whose token makes the call.",
    success={204: OpenApiResponse(description="Ended.")},
)


class NahookScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The credential of Nahook's clients."""

    target_class = "portal_links.nahook.ManagementToken"
    name = "NahookToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return {"type": "http", "scheme": "bearer", "description": "A management token: `nhm_…`, or an API key."}


class FeatherScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The credential of Feather's clients."""

    target_class = "portal_links.feather.APIKeyHeader"
    name = "FeatherKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key with an owner_id."}


class SvixScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The credential of Svix's clients."""

    target_class = "portal_links.svix.BearerKey"
    name = "SvixToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        described = "An API key of a project: `CO.` and two more parts. For a logout, the session's token."
        return {"type": "http", "scheme": "bearer", "description": described}
