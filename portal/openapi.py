"""Declare the portal API's operations on the portal link and on endpoints.

Contract: docs/contract/portal-sessions.md#portal-api.
"""

from typing import TypeVar, Unpack

from core.api.bodies import HIDDEN
from core.api.openapi import Changed, Operation, Outcome, Tag, body
from endpoints import openapi as endpoints
from portal.documents import FEATURES, FeaturesDocument
from portal.exceptions import OutOfScope
from portal.serializers import CreatePortalEndpoint
from portal_links.documents import PortalLinkDocument
from portal_links.exceptions import PortalLinkNotThere
from portal_links.openapi import EXAMPLE as LINK_EXAMPLE
from subscriptions.exceptions import EventTypeUnknown, SourceMissing

D = TypeVar("D")
TAG = Tag("Portal API")


def twin(operation: Operation[D], operation_id: str, summary: str, **changed: Unpack[Changed]) -> Operation[D]:
    """Declare an operation of a project as one of the portal API, whose token names the project."""
    return operation.twin(operation_id, summary, tag=TAG, **changed)


own_portal_link = TAG.operation(
    "GetOwnPortalLink",
    "Retrieve the caller's portal link",
    description="The link that the token opens, or its session in the shape of a link.",
    success=Outcome("Portal link fetched successfully", PortalLinkDocument, {"Link": LINK_EXAMPLE}),
    not_found=PortalLinkNotThere,
)
license_features = TAG.operation(
    "GetLicenseFeatures",
    "List the features of this server",
    description="The features of the server, by the names of Convoy's licence. None needs a licence here.",
    success=Outcome("Retrieved license features successfully", FeaturesDocument, {"Features": FEATURES}),
)
list_endpoints = twin(
    endpoints.list_endpoints,
    "GetPortalEndpoints",
    "List the customer's endpoints",
    description="A page of the endpoints that the token opens, newest first.",
    without=["ownerId"],
)
create_endpoint = twin(
    endpoints.create_endpoint,
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
)
get_endpoint = twin(
    endpoints.get_endpoint,
    "GetPortalEndpoint",
    "Retrieve an endpoint of the customer's",
    description="The endpoint; its secrets only for those who may see them.",
    refused=[],
    not_found=OutOfScope,
)
update_endpoint = twin(
    endpoints.update_endpoint,
    "UpdatePortalEndpoint",
    "Update an endpoint of the customer's",
    description="Updates the fields that are sent. An `owner_id` in the body is ignored.",
    not_found=OutOfScope,
)
delete_endpoint = twin(
    endpoints.delete_endpoint,
    "DeletePortalEndpoint",
    "Delete an endpoint of the customer's",
    description="Deletes the endpoint.",
    not_found=OutOfScope,
)
pause_endpoint = twin(
    endpoints.pause_endpoint, "PausePortalEndpoint", "Pause an endpoint of the customer's", not_found=OutOfScope
)
activate_endpoint = twin(
    endpoints.activate_endpoint,
    "ActivatePortalEndpoint",
    "Activate an endpoint of the customer's",
    not_found=OutOfScope,
)
expire_secret = twin(
    endpoints.expire_secret,
    "ExpirePortalSecret",
    "Roll the secret of an endpoint of the customer's",
    not_found=OutOfScope,
)
