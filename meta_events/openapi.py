"""The meta event operations in the OpenAPI document. Contract: docs/contract/meta-events.md."""

from core.api.documents import PageOf, example
from core.api.openapi import END, PAGE_PARAMETERS, PROJECT_ID, START, Operation, page_example, path_parameter
from core.api.windows import BAD_DATES
from meta_events.bodies import ENDPOINT_CREATED
from meta_events.documents import AttemptDocument, MetaEventDocument
from meta_events.exceptions import MetaEventNotFound
from outbound.documents import SendingDocument
from outbound.states import Status
from projects.exceptions import ProjectNotFound

TAG = "Meta Events"

_SENT = example(
    SendingDocument,
    data={"event_type": ENDPOINT_CREATED, "data": {"uid": "01JZ8QM5X9C1D3F5G7H9J1K3M5", "name": "Orders"}},
    next_send_time="2026-07-03T09:20:01.500231Z",
)
EXAMPLE = example(MetaEventDocument, metadata=_SENT, attempt=example(AttemptDocument))
QUEUED_EXAMPLE = EXAMPLE | {"status": Status.SCHEDULED.value}
WAITING_EXAMPLE = QUEUED_EXAMPLE | {"attempt": None}

_PAGE = {parameter.name: parameter for parameter in [*PAGE_PARAMETERS, START, END]}
#: In the order of the published document.
_NAMES = ("direction", "endDate", "next_page_cursor", "perPage", "prev_page_cursor", "sort", "startDate")

list_meta_events = Operation(
    "GetMetaEventsPaged",
    "List all meta events",
    tag=TAG,
    description="Returns a page of the project's meta events, newest first. Without dates: of the last seven days.",
    parameters=[PROJECT_ID, *(_PAGE[name] for name in _NAMES)],
    message="Meta events fetched successfully",
    data=PageOf[MetaEventDocument],
    examples={"One meta event": page_example(EXAMPLE)},
    refused=BAD_DATES,
)
get_meta_event = Operation(
    "GetMetaEvent",
    "Retrieve a meta event",
    tag=TAG,
    description="Returns the meta event with its last answered attempt.",
    parameters=[PROJECT_ID, path_parameter("metaEventID", "The id of the meta event.")],
    message="Meta event fetched successfully",
    data=MetaEventDocument,
    examples={"Delivered": EXAMPLE, "Waiting": WAITING_EXAMPLE},
    refused=[ProjectNotFound, MetaEventNotFound],
)
resend_meta_event = get_meta_event.twin(
    "ResendMetaEvent",
    "Retry meta event",
    description="Queues the meta event again, even if it was delivered. A body is ignored.",
    message="Meta event processed for retry successfully",
    examples={"Queued": QUEUED_EXAMPLE, "Queued before an attempt": WAITING_EXAMPLE},
)
