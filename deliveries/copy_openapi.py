"""Declare the operation that hands out a copy of a delivery. Contract: docs/contract/deliveries.md#copies."""

from core.api.documents import example
from core.api.openapi import Outcome
from deliveries import exceptions as refusals
from deliveries.copies import HEADERS, CopyDocument
from deliveries.openapi import TAG

make_copy = TAG.operation(
    "CopyEventDelivery",
    "Make a signed copy of a delivery's request",
    description="Answers the request that an attempt would send now, signed with the endpoint's secrets, without its "
    "credentials. It sends nothing and changes nothing. A body is ignored.",
    success=Outcome(
        "Event delivery copied successfully",
        CopyDocument,
        {
            "Copy": example(CopyDocument),
            "With a custom header": example(CopyDocument, headers=HEADERS | {"X-Tenant": "acme"}),
        },
    ),
    refused=[
        refusals.EndpointDeleted,
        refusals.NoCopy(reason="the endpoint has no secret to sign with"),
    ],
    not_found=refusals.DeliveryNotFound,
)
