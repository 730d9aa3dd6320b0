"""Declare the meta event operations. Contract: docs/contract/meta-events.md."""

from core.api.documents import PageOf, example
from core.api.openapi import CURSORS, END, PAGE, START, Outcome, Tag, name_in_path, page_example
from core.api.windows import BAD_DATES
from meta_events.bodies import ENDPOINT_CREATED
from meta_events.documents import AttemptDocument, MetaEventDocument
from meta_events.exceptions import MetaEventNotFound
from outbound.documents import SendingDocument
from outbound.states import Status

TAG = Tag("Meta Events")

_SENT = example(
    SendingDocument,
    data={"event_type": ENDPOINT_CREATED, "data": {"uid": "01JZ8QM5X9C1D3F5G7H9J1K3M5", "name": "Orders"}},
    next_send_time="2026-07-03T09:20:01.500231Z",
)
EXAMPLE = example(MetaEventDocument, metadata=_SENT, attempt=example(AttemptDocument))
QUEUED_EXAMPLE = EXAMPLE | {"status": Status.SCHEDULED.value}
WAITING_EXAMPLE = QUEUED_EXAMPLE | {"attempt": None}

name_in_path(metaEventID="The id of the meta event.")

list_meta_events = TAG.operation(
    "GetMetaEventsPaged",
    "List all meta events",
    description="Returns a page of the project's meta events, newest first. Without dates: of the last seven days.",
    parameters=[PAGE["direction"], END, *CURSORS, PAGE["sort"], START],
    success=Outcome(
        "Meta events fetched successfully", PageOf[MetaEventDocument], {"One meta event": page_example(EXAMPLE)}
    ),
    refused=BAD_DATES,
)
get_meta_event = TAG.operation(
    "GetMetaEvent",
    "Retrieve a meta event",
    description="Returns the meta event with its last answered attempt.",
    success=Outcome(
        "Meta event fetched successfully", MetaEventDocument, {"Delivered": EXAMPLE, "Waiting": WAITING_EXAMPLE}
    ),
    refused=[MetaEventNotFound],
)
resend_meta_event = get_meta_event.twin(
    "ResendMetaEvent",
    "Retry meta event",
    description="Queues the meta event again, even if it was delivered. A body is ignored.",
    success=Outcome(
        "Meta event processed for retry successfully",
        MetaEventDocument,
        {"Queued": QUEUED_EXAMPLE, "Queued before an attempt": WAITING_EXAMPLE},
    ),
)
