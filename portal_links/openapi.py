"""Declare the operations on portal links and portal sessions. Contract: docs/contract/portal-links.md.

The operations of other products' contracts are declared beside their views: feather.py, nahook_api/ and svix_api/.
"""

from types import NoneType

from core.api.bodies import HIDDEN
from core.api.documents import PageOf, example
from core.api.openapi import (
    PAGE_PARAMETERS,
    TEXTS,
    Outcome,
    Refusal,
    Tag,
    body,
    name_in_path,
    page_example,
    page_parameters,
    path_parameter,
    query,
    version_parameter,
)
from endpoints.documents import NestedEndpointDocument
from endpoints.exceptions import TooManyEndpoints
from portal_links import exceptions as refusals
from portal_links import serializers
from portal_links.documents import TOKEN, PortalLinkDocument, PortalSessionDocument
from portal_links.models import PortalLink, PortalSession
from projects.models import OWNER_ENDPOINTS

TAG = Tag("Portal Links")
#: The refusal of endpoints that a link would give to its owner.
TOO_MANY = TooManyEndpoints(most=OWNER_ENDPOINTS)
SESSIONS_TAG = Tag("Portal Sessions")

# Examples

AUTH_KEY = f"PRT.0123456789abcdef.{'x' * 64}"
EXAMPLE = example(PortalLinkDocument)
REFRESH_EXAMPLE = example(
    PortalLinkDocument,
    auth_type=PortalLink.AuthType.REFRESH_TOKEN.value,
    auth_key=AUTH_KEY,
    url=f"https://webhooks.example.com/portal?token={TOKEN}&auth_token={AUTH_KEY}",
)
UPDATED_EXAMPLE = example(PortalLinkDocument, can_manage_endpoint=False, updated_at="2026-07-04T08:00:00.5Z")

_OPENED = {"opened_at": "2026-11-22T09:00:05Z", "opened_from": "203.0.113.7"}
SESSION_EXAMPLE = example(
    PortalSessionDocument, _OPENED, last_used_at=_OPENED["opened_at"], last_used_from=_OPENED["opened_from"]
)
#: A `PRT.` token that has not been used.
LINK_SESSION_EXAMPLE = example(
    PortalSessionDocument,
    uid="01M80J5M6K7V3QX1ZB8YF4D2NT",
    portal_link_id=EXAMPLE["uid"],
    surface=PortalSession.Surface.CONVOY.value,
    metadata={},
)

# Portal links

CUSTOMER = {"name": "Acme webhooks", "owner_id": "acme", "can_manage_endpoint": True}
ENDPOINT_ID = example(NestedEndpointDocument)["uid"]
REFUSED_BODY: list[Refusal] = [
    *HIDDEN,
    refusals.EndpointMissing(uid=ENDPOINT_ID),
    refusals.EndpointOfAnother(uid=ENDPOINT_ID, owner_id="globex"),
]
name_in_path(portalLinkID="The id of the portal link.", sessionID="The id of the session.")

list_portal_links = TAG.operation(
    "LoadPortalLinksPaged",
    "List all portal links",
    description="A page of the project's portal links that are not revoked, newest first.",
    parameters=[
        *PAGE_PARAMETERS,
        query(
            "endpointId",
            "Only links that open one of these endpoints; `endpoints_metadata` shows only these. Can be repeated.",
            TEXTS,
        ),
    ],
    success=Outcome("Portal links fetched successfully", PageOf[PortalLinkDocument], "One link"),
)
create_portal_link = TAG.operation(
    "CreatePortalLink",
    "Create a portal link",
    description="Creates a portal link for a customer (`owner_id`), for a list of endpoints, or for both: "
    "one of the two is needed.",
    parameters=[version_parameter("Before 2025-11-24 a body without `owner_id` and `endpoints` gets another message.")],
    request=body(
        serializers.CreatePortalLinkRequest,
        {
            "For a customer": CUSTOMER,
            "With refresh tokens": CUSTOMER | {"auth_type": "refresh_token"},
            "For some endpoints": {"name": "Two of them", "endpoints": [ENDPOINT_ID]},
        },
    ),
    success=Outcome(
        "Portal link created successfully",
        PortalLinkDocument,
        {"Static token": EXAMPLE, "Refresh token": REFRESH_EXAMPLE},
        status=201,
    ),
    refused=[*REFUSED_BODY, TOO_MANY],
)
get_portal_link = TAG.operation(
    "GetPortalLink",
    "Retrieve a portal link",
    description="The portal link with the endpoints that it opens now.",
    success=Outcome("Portal link fetched successfully", PortalLinkDocument, "Link"),
    not_found=refusals.PortalLinkNotThere,
)
update_portal_link = TAG.operation(
    "UpdatePortalLink",
    "Update a portal link",
    description="Replaces the link's name, scope and right to manage. A field that is not sent is emptied, "
    "except `auth_type`. The token stays.",
    request=body(serializers.UpdatePortalLinkRequest, {"Read only": CUSTOMER | {"can_manage_endpoint": False}}),
    success=Outcome("Portal link updated successfully", PortalLinkDocument, {"Updated": UPDATED_EXAMPLE}, status=202),
    refused=[*REFUSED_BODY, TOO_MANY],
    not_found=refusals.PortalLinkNotThere,
)
revoke_portal_link = TAG.operation(
    "RevokePortalLink",
    "Revoke a portal link",
    description="Revokes the link for good: every token that opens it stops working at once. A body is ignored.",
    success=Outcome("Portal link revoked successfully", NoneType, "Revoked"),
    not_found=refusals.PortalLinkNotThere,
)
refresh_token = TAG.operation(
    "RefreshPortalLinkAuthToken",
    "Get a portal link auth token",
    description="Creates a token that opens a refresh_token link for an hour. Earlier tokens keep working until they "
    "expire. Needs a key that may write.",
    success=Outcome("Portal link fetched successfully", str, {"Token": AUTH_KEY}, schema={"description": "The token."}),
    refused=[refusals.StaticLink],
    not_found=refusals.PortalLinkUnknown,
)

# Portal sessions, which Convoy does not have

list_portal_sessions = SESSIONS_TAG.operation(
    "LoadPortalSessionsPaged",
    "List all portal sessions",
    description="A page of the project's portal sessions, newest first: who has access, since when, and from where.",
    parameters=[
        *page_parameters(without=["q", "ownerId"]),
        query("ownerId", "Only sessions of this owner, those of the owner's links included."),
        query("portalLinkId", "Only sessions of this portal link."),
        query("active", "`true`: only sessions that give access now; `false`: only the others."),
    ],
    success=Outcome(
        "Portal sessions fetched successfully",
        PageOf[PortalSessionDocument],
        {
            "One session": page_example(SESSION_EXAMPLE),
            "Two of a link": page_example(
                LINK_SESSION_EXAMPLE,
                example(PortalSessionDocument, LINK_SESSION_EXAMPLE, uid="01M80J4W2C9R5TE7GA0HN6P8SV"),
            ),
        },
    ),
)
revoke_portal_session = SESSIONS_TAG.operation(
    "RevokePortalSession",
    "Revoke a portal session",
    description="Revokes the session: its next request is refused. A body is ignored.",
    success=Outcome("Portal session revoked successfully", NoneType, "Revoked"),
    not_found=refusals.PortalSessionNotThere,
)

# Common to the contracts of other products

CLIENTS_TAG = Tag("Portal Sessions of other clients", envelope=False)
APPLICATION_ID = path_parameter("ownerID", "The application, which here is an `owner_id`.")
PORTAL_URL = f"https://webhooks.example.com/portal/{EXAMPLE['project_id']}/"
SESSION_TOKEN = f"PST.{'x' * 64}"
