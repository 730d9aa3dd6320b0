"""Define meta events as the API shows them. Contract: docs/contract/meta-events.md#object."""

from typing import Annotated, TypedDict

from core.api.documents import DeletedAt, Example, Time, Uid, component
from core.api.values import wire_time
from meta_events.bodies import ENDPOINT_CREATED
from meta_events.models import MetaEvent
from outbound.documents import DeliveryStatus, HttpHeader, SendingDocument, sending_document

_CREATED = "2026-07-03T09:20:01.500231Z"


@component("datastore.MetaEventAttempt")
class AttemptDocument(TypedDict):
    """An attempt to send a meta event."""

    request_http_header: Annotated[HttpHeader, Example({"Content-Type": "application/json"})]
    response_http_header: Annotated[HttpHeader, Example({"Content-Length": "0"})]
    response_data: Annotated[str, "The beginning of the answer's body, as it is stored."]


@component("models.MetaEventResponse")
class MetaEventDocument(TypedDict):
    """A meta event."""

    uid: Annotated[Uid, Example("01K4T0ZX7B8C9D0E1F2G3H4J5K")]
    project_id: Uid
    event_type: Annotated[str, "The type, such as `endpoint.created`.", Example(ENDPOINT_CREATED)]
    metadata: Annotated[SendingDocument | None, "`data` is the body that is sent, and `raw` is empty."]
    attempt: Annotated[AttemptDocument | None, "The last answered attempt; null before that."]
    status: Annotated[DeliveryStatus, "The status of its delivery."]
    created_at: Annotated[Time, Example(_CREATED)]
    updated_at: Annotated[Time, Example("2026-07-03T09:20:02.118Z")]
    deleted_at: DeletedAt


def meta_event_document(meta_event: MetaEvent) -> MetaEventDocument:
    """Return a meta event; its body goes into the answer without being parsed."""
    return {
        "uid": meta_event.uid,
        "project_id": meta_event.project_id,
        "event_type": meta_event.event_type,
        "metadata": sending_document(
            meta_event.body,
            raw="",
            strategy=meta_event.strategy,
            next_send_time=meta_event.next_send_time,
            num_trials=meta_event.num_trials,
            interval_seconds=meta_event.interval_seconds,
            retry_limit=meta_event.retry_limit,
        ),
        "attempt": meta_event.attempt,
        "status": meta_event.status,
        "created_at": wire_time(meta_event.created_at),
        "updated_at": wire_time(meta_event.updated_at),
        "deleted_at": None,
    }
