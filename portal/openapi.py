"""The portal API in the OpenAPI document: what a customer's own client can do. Contract: portal-links section 5."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from core.api.openapi import PAGE_PARAMETERS, PAGINATION_EXAMPLE, Schema, body, flag, operation, page_of, record
from endpoints import serializers
from endpoints.openapi import (
    CREATED_EXAMPLE,
    ENDPOINT,
    ENDPOINT_ID,
    EXAMPLE,
    PAUSED_EXAMPLE,
    ROTATED_EXAMPLE,
    UPDATED_EXAMPLE,
    VERSION,
)
from portal_links.openapi import EXAMPLE as LINK_EXAMPLE
from portal_links.openapi import LINK

TAG = "Portal API"
UNSEEN = {401: {"No such endpoint, or not the customer's": "unauthorized"}}
BODY = {400: {"Something is missing or not allowed": "Invalid input provided"}}
FEATURES = ("portal_links", "endpoint_management", "advanced_signatures", "mtls", "oauth2")

own_portal_link = operation(
    "GetOwnPortalLink",
    "Retrieve the caller's portal link",
    tag=TAG,
    description="The link that the token opens, or its session in the shape of a link.",
    message="Portal link fetched successfully",
    data=LINK,
    examples={"Link": LINK_EXAMPLE},
)
license_features = operation(
    "GetLicenseFeatures",
    "List the features of this server",
    tag=TAG,
    description="What the server can do. Nothing is kept for those who pay.",
    message="Retrieved license features successfully",
    data=record({name: flag() for name in FEATURES}),
    examples={"Features": dict.fromkeys(FEATURES, True)},
)
list_endpoints = operation(
    "GetPortalEndpoints",
    "List the customer's endpoints",
    tag=TAG,
    description="A page of the endpoints that the token opens, newest first.",
    parameters=[*(parameter for parameter in PAGE_PARAMETERS if parameter.name != "ownerId"), VERSION],
    message="Endpoints fetched successfully",
    data=page_of(ENDPOINT),
    examples={"One endpoint": {"content": [EXAMPLE], "pagination": PAGINATION_EXAMPLE}},
)
create_endpoint = operation(
    "CreatePortalEndpoint",
    "Create an endpoint of the customer's",
    tag=TAG,
    description="Creates an active endpoint of the token's owner, whatever `owner_id` is sent, with the session's "
    "metadata.",
    parameters=[VERSION],
    request=body(serializers.CreateEndpoint, {"Orders": {"url": "https://hooks.example.com/orders", "name": "Orders"}}),
    status=201,
    message="Endpoint created successfully",
    data=ENDPOINT,
    examples={"Created": CREATED_EXAMPLE},
    refused=BODY,
)
get_endpoint = operation(
    "GetPortalEndpoint",
    "Retrieve an endpoint of the customer's",
    tag=TAG,
    description="The endpoint; its secrets only for those who may see them.",
    parameters=[ENDPOINT_ID, VERSION],
    message="Endpoint fetched successfully",
    data=ENDPOINT,
    examples={"Endpoint": EXAMPLE},
    refused=UNSEEN,
)
update_endpoint = operation(
    "UpdatePortalEndpoint",
    "Update an endpoint of the customer's",
    tag=TAG,
    description="Changes what is sent and keeps the rest. The owner stays, whatever `owner_id` is sent.",
    parameters=[ENDPOINT_ID, VERSION],
    request=body(
        serializers.UpdateEndpoint,
        {"Another name": {"url": "https://hooks.example.com/orders", "name": "Orders, Europe"}},
    ),
    status=202,
    message="Endpoint updated successfully",
    data=ENDPOINT,
    examples={"Renamed": UPDATED_EXAMPLE},
    refused=UNSEEN | {400: {"Something is missing": "url:please provide a url for your endpoint"}},
)
delete_endpoint = operation(
    "DeletePortalEndpoint",
    "Delete an endpoint of the customer's",
    tag=TAG,
    description="Deletes the endpoint.",
    parameters=[ENDPOINT_ID],
    message="Endpoint deleted successfully",
    examples={"Deleted": None},
    refused=UNSEEN,
)
pause_endpoint = operation(
    "PausePortalEndpoint",
    "Pause an endpoint of the customer's",
    tag=TAG,
    description="Pauses an active endpoint, and makes a paused one active. A body is ignored.",
    parameters=[ENDPOINT_ID, VERSION],
    status=202,
    message="endpoint status updated successfully",
    data=ENDPOINT,
    examples={"Paused": PAUSED_EXAMPLE},
    refused=UNSEEN,
)
activate_endpoint = operation(
    "ActivatePortalEndpoint",
    "Activate an endpoint of the customer's",
    tag=TAG,
    description="Makes an endpoint active that is not. A body is ignored.",
    parameters=[ENDPOINT_ID, VERSION],
    status=202,
    message="endpoint status successfully activated",
    data=ENDPOINT,
    examples={"Active": EXAMPLE},
    refused=UNSEEN,
)
expire_secret = operation(
    "ExpirePortalSecret",
    "Roll the secret of an endpoint of the customer's",
    tag=TAG,
    description="Adds a new secret. Deliveries are signed with the old one too until its time is over.",
    parameters=[ENDPOINT_ID],
    request=body(serializers.ExpireSecret, {"A day for the old one": {"expiration": 24}}),
    message="endpoint secret expired successfully",
    data=ENDPOINT,
    examples={"Two secrets": ROTATED_EXAMPLE},
    refused=UNSEEN | {400: {"A wrong time": 'body contains incorrect JSON type for field "expiration"'}},
)


class PortalScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The credential of the portal API."""

    target_class = "portal.api.PortalCredential"
    name = "PortalToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        described = "A portal link's token, `PRT.…`, or the token of a portal session; or an API key, to look."
        return {"type": "http", "scheme": "bearer", "description": described}
