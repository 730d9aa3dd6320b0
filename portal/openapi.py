"""Declare the portal API's operations on the portal link and on endpoints.

Contract: docs/contract/portal-sessions.md#portal-api.
"""

from typing import Annotated, Any, TypedDict

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from core.api.bodies import HIDDEN
from core.api.documents import Schema
from core.api.openapi import Operation, body
from endpoints import openapi as endpoints
from portal.exceptions import OutOfScope
from portal.serializers import CreatePortalEndpoint
from portal_links.documents import PortalLinkDocument
from portal_links.exceptions import PortalLinkNotThere
from portal_links.openapi import EXAMPLE as LINK_EXAMPLE
from projects.exceptions import ProjectNotFound
from subscriptions.exceptions import EventTypeUnknown, SourceMissing

TAG = "Portal API"
#: The path names no project: the token does.
OF_CUSTOMER: dict[str, Any] = {"tag": TAG, "without": ["projectID", ProjectNotFound]}
UNSEEN: dict[str, Any] = {"not_found": OutOfScope}


class LimitDocument(TypedDict):
    """How many of a kind the licence of the original allows. Here, none is limited or counted."""

    limit: Annotated[int, "-1: any number."]
    allowed: Annotated[bool, "Always true."]
    current: Annotated[int, "Always 0: nothing is counted."]
    available: Annotated[bool, "Always true."]
    limit_reached: Annotated[bool, "Always false."]


class FeaturesDocument(TypedDict):
    """The features for which the original needs a licence, by its names."""

    org_limit: Annotated[LimitDocument, "Organisations."]
    user_limit: Annotated[LimitDocument, "Users."]
    project_limit: Annotated[LimitDocument, "Projects."]
    PortalLinks: Annotated[bool, "Whether there are portal links."]
    AdvancedEndpointMgmt: Annotated[bool, "Whether endpoints have settings such as a rate limit."]
    AdvancedSubscriptions: Annotated[bool, "Whether subscriptions can have conditions."]
    AdvancedWebhookFiltering: Annotated[bool, "Whether filters can use operators."]
    Transformations: Annotated[bool, "Whether JavaScript changes payloads: it does not."]
    EventSearch: Annotated[bool, "Whether events can be searched."]
    MutualTLS: Annotated[bool, "Whether endpoints can have a client certificate."]
    OAuth2EndpointAuth: Annotated[bool, "Whether endpoints can use OAuth 2."]
    BasicAuthEndpointAuth: Annotated[bool, "Whether endpoints can use basic authentication."]
    CircuitBreaking: Annotated[bool, "Whether a circuit breaker leaves failing endpoints alone."]


UNLIMITED: LimitDocument = {"limit": -1, "allowed": True, "current": 0, "available": True, "limit_reached": False}
FEATURES: FeaturesDocument = {
    "org_limit": UNLIMITED,
    "user_limit": UNLIMITED,
    "project_limit": UNLIMITED,
    "PortalLinks": True,
    "AdvancedEndpointMgmt": True,
    "AdvancedSubscriptions": True,
    "AdvancedWebhookFiltering": True,
    # No JavaScript of customers is run.
    "Transformations": False,
    "EventSearch": True,
    "MutualTLS": True,
    "OAuth2EndpointAuth": True,
    "BasicAuthEndpointAuth": True,
    "CircuitBreaking": True,
}

own_portal_link = Operation(
    "GetOwnPortalLink",
    "Retrieve the caller's portal link",
    tag=TAG,
    description="The link that the token opens, or its session in the shape of a link.",
    message="Portal link fetched successfully",
    data=PortalLinkDocument,
    examples={"Link": LINK_EXAMPLE},
    not_found=PortalLinkNotThere,
)
license_features = Operation(
    "GetLicenseFeatures",
    "List the features of this server",
    tag=TAG,
    description="The features of the server, by the names of Convoy's licence. None needs a licence here.",
    message="Retrieved license features successfully",
    data=FeaturesDocument,
    examples={"Features": FEATURES},
)
list_endpoints = endpoints.list_endpoints.twin(
    "GetPortalEndpoints",
    "List the customer's endpoints",
    description="A page of the endpoints that the token opens, newest first.",
    without=["projectID", "ownerId"],
    tag=TAG,
)
create_endpoint = endpoints.create_endpoint.twin(
    "CreatePortalEndpoint",
    "Create an endpoint of the customer's",
    description="Creates an active endpoint of the token's owner with the session's metadata, and subscribes it to the "
    "`event_types` that are sent. An `owner_id` in the body is ignored.",
    request=body(
        CreatePortalEndpoint,
        {
            "Orders": {"url": "https://hooks.example.com/orders", "name": "Orders"},
            "Subscribed": {"url": "https://hooks.example.com/in", "name": "All events", "event_types": ["*"]},
        },
    ),
    refused=[*HIDDEN, *endpoints.REFUSED_VALUES, SourceMissing, EventTypeUnknown(name="order.lost")],
    **OF_CUSTOMER,
)
get_endpoint = endpoints.get_endpoint.twin(
    "GetPortalEndpoint",
    "Retrieve an endpoint of the customer's",
    description="The endpoint; its secrets only for those who may see them.",
    refused=[],
    **OF_CUSTOMER | UNSEEN,
)
update_endpoint = endpoints.update_endpoint.twin(
    "UpdatePortalEndpoint",
    "Update an endpoint of the customer's",
    description="Updates the fields that are sent. An `owner_id` in the body is ignored.",
    **OF_CUSTOMER | UNSEEN,
)
delete_endpoint = endpoints.delete_endpoint.twin(
    "DeletePortalEndpoint",
    "Delete an endpoint of the customer's",
    description="Deletes the endpoint.",
    **OF_CUSTOMER | UNSEEN,
)
pause_endpoint = endpoints.pause_endpoint.twin(
    "PausePortalEndpoint", "Pause an endpoint of the customer's", **OF_CUSTOMER | UNSEEN
)
activate_endpoint = endpoints.activate_endpoint.twin(
    "ActivatePortalEndpoint", "Activate an endpoint of the customer's", **OF_CUSTOMER | UNSEEN
)
expire_secret = endpoints.expire_secret.twin(
    "ExpirePortalSecret", "Roll the secret of an endpoint of the customer's", **OF_CUSTOMER | UNSEEN
)


class PortalScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The credential of the portal API."""

    target_class = "portal.api.PortalCredential"
    name = "PortalToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        described = "A portal link's token, `PRT.…`, or the token of a portal session; or an API key, for reading only."
        return {"type": "http", "scheme": "bearer", "description": described}
