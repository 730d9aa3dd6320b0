"""Make a signed copy of a delivery's request, for a machine that the server cannot reach.

Contract: docs/contract/deliveries.md#copies.
"""

from typing import Annotated, TypedDict

from django.utils import timezone

from core.api.documents import Example, Uid, component
from deliveries.exceptions import DeliveryNotFound, EndpointDeleted, NoCopy
from deliveries.operations import within
from deliveries.requests import Parts, Unbuildable, signed_request
from endpoints.models import Scope
from endpoints.secrets import is_live
from outbound.headers import is_shown

#: Marks a copy.
COPY_HEADER = "webhook-copy"
HEADERS = {
    "X-Convoy-Signature": "t=1780000000,v1=9d0c1f…",
    "webhook-id": "01K4T0ZA7Q3X9W5V1T7R3P9N5M",
    "webhook-timestamp": "1780000000",
    "webhook-signature": "v1,b7QyX9…=",
    COPY_HEADER: "1",
    "Content-Type": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": "Convoy/0.1.0",
}


@component("models.DeliveryCopy")
class CopyDocument(TypedDict):
    """A signed copy of a delivery's request, without the endpoint's credentials."""

    delivery_id: Annotated[Uid, "The id of the delivery that was copied.", Example("01K4T0ZA7Q3X9W5V1T7R3P9N5M")]
    method: Annotated[str, "The method of the request: POST.", Example("POST")]
    headers: Annotated[
        dict[str, str],
        "All headers but Host and Content-Length, signed now. `webhook-copy` marks a copy.",
        Example(HEADERS),
    ]
    body: Annotated[str, "The body as text. It is sent, and signed, in UTF-8.", Example('{"invoice":991}')]


def make_copy(project_id: str, delivery_id: str, *, is_masked: bool = False, scope: Scope = None) -> CopyDocument:
    """Return a copy of a delivery's request, signed now with the endpoint's secrets. Nothing is stored.

    `is_masked` leaves out the event's headers that a customer may not see. Raises InvalidInput where no request can be
    built, NotFound for a delivery that does not exist, or is out of the `scope`.
    """
    rows = within(project_id, scope).select_related("event", "endpoint", "project")
    delivery = rows.filter(pk=delivery_id).first()
    if delivery is None:
        raise DeliveryNotFound
    endpoint, event, now = delivery.endpoint, delivery.event, timezone.now()
    if endpoint.deleted_at is not None:
        raise EndpointDeleted
    custom = {name: values for name, values in event.headers.items() if not is_masked or is_shown(name)}
    parts = Parts(
        delivery_id=delivery.uid,
        event_id=event.uid,
        test=delivery.test,
        data=event.data,
        headers=custom,
        idempotency_key=event.idempotency_key,
        content_type=endpoint.content_type,
        advanced_signatures=endpoint.advanced_signatures,
        secrets=[secret["value"] for secret in endpoint.secrets if is_live(secret, now)],
        config=delivery.project.config,
        sends_svix_headers=delivery.project.sends_svix_headers,
    )
    try:
        headers, body = signed_request(parts, now=now, authentication=[], marks={COPY_HEADER: "1"})
    except (Unbuildable, ValueError) as error:
        raise NoCopy(reason=str(error)) from None
    return {"delivery_id": delivery.uid, "method": "POST", "headers": dict(headers), "body": body.decode()}
