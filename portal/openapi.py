"""Declare the portal API's operations on the portal link and on endpoints.

Contract: docs/contract/portal-sessions.md#portal-api.
"""

from collections.abc import Mapping
from typing import TypeVar, Unpack

from core.api.bodies import HIDDEN
from core.api.openapi import Changed, Operation, Outcome, Tag, body
from core.exceptions import DomainError
from deliveries.exceptions import DeliveryNotFound, DeliveryUnknown
from endpoints import openapi as endpoints
from endpoints.exceptions import EndpointNotThere, EndpointToChangeNotFound, EndpointUnknown
from events.exceptions import EventNotFound, EventUnknown
from portal.documents import FEATURES, FeaturesDocument
from portal.exceptions import DeliveryOutOfScope, EventOutOfScope, OutOfScope
from portal.serializers import CreatePortalEndpoint
from portal_links.documents import PortalLinkDocument
from portal_links.exceptions import DeliveryLinkNotFound, PortalLinkNotThere
from portal_links.openapi import EXAMPLE as LINK_EXAMPLE
from subscriptions.exceptions import EventTypeUnknown, SourceMissing

D = TypeVar("D")
TAG = Tag("Portal API")


#: The refusal of a stranger's object, in place of the one of an object that is not the project's.
OUT_OF_SCOPE: Mapping[type[DomainError] | None, type[DomainError]] = {
    **dict.fromkeys((EndpointNotThere, EndpointUnknown, EndpointToChangeNotFound), OutOfScope),
    **dict.fromkeys((EventNotFound, EventUnknown), EventOutOfScope),
    **dict.fromkeys((DeliveryNotFound, DeliveryUnknown, DeliveryLinkNotFound), DeliveryOutOfScope),
}


def twin(operation: Operation[D], operation_id: str, summary: str, **changed: Unpack[Changed]) -> Operation[D]:
    """Declare an operation of a project as one of the portal API, whose token names the project."""
    if refused := OUT_OF_SCOPE.get(operation.not_found):
        changed.setdefault("not_found", refused)
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
)
update_endpoint = twin(
    endpoints.update_endpoint,
    "UpdatePortalEndpoint",
    "Update an endpoint of the customer's",
    description="Updates the fields that are sent. An `owner_id` in the body is ignored.",
)
delete_endpoint = twin(
    endpoints.delete_endpoint,
    "DeletePortalEndpoint",
    "Delete an endpoint of the customer's",
    description="Deletes the endpoint.",
)
pause_endpoint = twin(endpoints.pause_endpoint, "PausePortalEndpoint", "Pause an endpoint of the customer's")
activate_endpoint = twin(
    endpoints.activate_endpoint, "ActivatePortalEndpoint", "Activate an endpoint of the customer's"
)
expire_secret = twin(endpoints.expire_secret, "ExpirePortalSecret", "Roll the secret of an endpoint of the customer's")
