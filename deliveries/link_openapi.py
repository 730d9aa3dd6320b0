"""Declare the operations on links to a delivery. Contract: docs/contract/deliveries.md#delivery-links."""

from types import NoneType

from core.api.documents import example
from core.api.openapi import Outcome, name_in_path
from deliveries import exceptions as refusals
from deliveries.links import TOKEN, DeliveryLinkDocument, MakerDocument
from deliveries.openapi import TAG
from portal_links.exceptions import DeliveryLinkNotFound

name_in_path(linkID="The id of the link.")
LISTED = example(DeliveryLinkDocument, made_by=example(MakerDocument), shows_payload=True)
MADE = example(
    DeliveryLinkDocument, LISTED, url=f"https://webhooks.example.com/portal/{LISTED['project_id']}/shared#token={TOKEN}"
)

create_link = TAG.operation(
    "CreateDeliveryLink",
    "Make a link to a delivery",
    description="Makes a link that shows this delivery, and nothing else, to whoever holds it, for a day. A body is "
    "ignored.",
    success=Outcome("Delivery link created successfully", DeliveryLinkDocument, {"Link": MADE}, status=201),
    not_found=refusals.DeliveryNotFound,
)
list_links = TAG.operation(
    "GetDeliveryLinks",
    "List the links to a delivery",
    description="The newest 100 links to the delivery, those that have ended too, newest first, without their address.",
    success=Outcome("Delivery links fetched successfully", list[DeliveryLinkDocument], {"One": [LISTED], "None": []}),
    not_found=refusals.DeliveryNotFound,
)
revoke_link = TAG.operation(
    "RevokeDeliveryLink",
    "Revoke a link to a delivery",
    description="Ends the link at once. A body is ignored.",
    success=Outcome("Delivery link revoked successfully", NoneType, "Revoked"),
    not_found=DeliveryLinkNotFound,
)
