"""The portal-link operations in the OpenAPI document. Contract: portal-links sections 1 to 4."""

from typing import Any

from convoyclone.api.openapi import (
    DELETED_AT,
    NOT_ONLY_SPACES,
    PAGE_PARAMETERS,
    PAGINATION_EXAMPLE,
    PROJECT_ID,
    TIME,
    UID,
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
    version_parameter,
)
from endpoints.authentication import REDACTED
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
            "metadata": record({}, "What it was minted with.") | {"additionalProperties": {"type": "string"}},
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
        }
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
