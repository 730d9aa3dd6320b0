"""Declare the operations on links to a delivery. Contract: docs/contract/deliveries.md#delivery-links."""

from types import NoneType

from core.api.documents import example
from core.api.openapi import PROJECT_ID, Operation, path_parameter
from deliveries import exceptions as refusals
from deliveries.links import TOKEN, DeliveryLinkDocument, MakerDocument
from deliveries.openapi import DELIVERY_ID, TAG
from portal_links.exceptions import DeliveryLinkNotFound
from projects.exceptions import ProjectNotFound

LINK_ID = path_parameter("linkID", "The id of the link.")
LISTED = example(DeliveryLinkDocument, made_by=example(MakerDocument), shows_payload=True)
MADE = example(
    DeliveryLinkDocument, LISTED, url=f"https://webhooks.example.com/portal/{LISTED['project_id']}/shared#token={TOKEN}"
)

create_link = Operation(
    "CreateDeliveryLink",
    "Make a link to a delivery",
    tag=TAG,
    description="Makes a link that shows this delivery, and nothing else, to whoever holds it, for a day. A body is "
    "ignored.",
    parameters=[PROJECT_ID, DELIVERY_ID],
    status=201,
    message="Delivery link created successfully",
    data=DeliveryLinkDocument,
    examples={"Link": MADE},
    refused=[ProjectNotFound],
    not_found=refusals.DeliveryNotFound,
)
list_links = Operation(
    "GetDeliveryLinks",
    "List the links to a delivery",
    tag=TAG,
    description="The newest 100 links to the delivery, those that have ended too, newest first, without their address.",
    parameters=[PROJECT_ID, DELIVERY_ID],
    message="Delivery links fetched successfully",
    data=list[DeliveryLinkDocument],
    examples={"One": [LISTED], "None": []},
    refused=[ProjectNotFound],
    not_found=refusals.DeliveryNotFound,
)
revoke_link = Operation(
    "RevokeDeliveryLink",
    "Revoke a link to a delivery",
    tag=TAG,
    description="Ends the link at once. A body is ignored.",
    parameters=[PROJECT_ID, DELIVERY_ID, LINK_ID],
    message="Delivery link revoked successfully",
    data=NoneType,
    examples={"Revoked": None},
    refused=[ProjectNotFound],
    not_found=DeliveryLinkNotFound,
)
