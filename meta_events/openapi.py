"""The meta event operations in the OpenAPI document. Contract: meta-events-and-onboard sections 1 and 2."""

from typing import Any

from core.api.openapi import (
    DELETED_AT,
    END,
    PAGE_PARAMETERS,
    PAGINATION_EXAMPLE,
    PROJECT_ID,
    START,
    TIME,
    UID,
    define,
    nullable,
    operation,
    page_of,
    path_parameter,
    record,
    text,
)
from core.api.windows import BAD_END, BAD_ORDER, BAD_START
from meta_events.operations import NOT_FOUND
from outbound.openapi import HTTP_HEADER, METADATA, STATUS

TAG = "Meta Events"

META_EVENT = define(
    "models.MetaEventResponse",
    record(
        {
            "uid": UID,
            "project_id": UID,
            "event_type": text(example="endpoint.created"),
            "metadata": nullable(METADATA, "`data` is the body that is sent, and `raw` is empty."),
            "attempt": nullable(
                define(
                    "datastore.MetaEventAttempt",
                    record(
                        {
                            "request_http_header": HTTP_HEADER,
                            "response_http_header": HTTP_HEADER,
                            "response_data": text("The answer's body, as far as it is kept."),
                        }
                    ),
                ),
                "The last one that was answered; null before that.",
            ),
            "status": STATUS,
            "created_at": TIME,
            "updated_at": TIME,
            "deleted_at": DELETED_AT,
        }
    ),
)

EXAMPLE: dict[str, Any] = {
    "uid": "01K4T0ZX7B8C9D0E1F2G3H4J5K",
    "project_id": "01JZ8QK3V7M2N4P6R8T0W2Y4A6",
    "event_type": "endpoint.created",
    "metadata": {
        "data": {
            "event_type": "endpoint.created",
            "data": {"uid": "01JZ8QM5X9C1D3F5G7H9J1K3M5", "name": "Orders"},
        },
        "raw": "",
        "strategy": "linear",
        "next_send_time": "2026-07-03T09:20:01.500231Z",
        "num_trials": 1,
        "interval_seconds": 100,
        "retry_limit": 10,
        "max_retry_seconds": 0,
    },
    "attempt": {
        "request_http_header": {"Content-Type": "application/json"},
        "response_http_header": {"Content-Length": "0"},
        "response_data": "",
    },
    "status": "Success",
    "created_at": "2026-07-03T09:20:01.500231Z",
    "updated_at": "2026-07-03T09:20:02.118Z",
    "deleted_at": None,
}
WAITING_EXAMPLE = EXAMPLE | {"status": "Scheduled", "attempt": None}

META_EVENT_ID = path_parameter("metaEventID", "The id of the meta event.")
ONE = [PROJECT_ID, META_EVENT_ID]
_PAGE = {parameter.name: parameter for parameter in PAGE_PARAMETERS}
#: In the order of the published document.
LIST_PARAMETERS = [
    PROJECT_ID,
    _PAGE["direction"],
    END,
    _PAGE["next_page_cursor"],
    _PAGE["perPage"],
    _PAGE["prev_page_cursor"],
    _PAGE["sort"],
    START,
]
UNKNOWN = {404: {"Project": "project not found", "Meta event": NOT_FOUND}}

list_meta_events = operation(
    "GetMetaEventsPaged",
    "List all meta events",
    tag=TAG,
    description="A page of what the project was told of itself, newest first. Without dates: of the last seven days.",
    parameters=LIST_PARAMETERS,
    message="Meta events fetched successfully",
    data=page_of(META_EVENT),
    examples={"One meta event": {"content": [EXAMPLE], "pagination": PAGINATION_EXAMPLE}},
    refused={400: {"A date that is none": BAD_START, "An end that is none": BAD_END, "The dates' order": BAD_ORDER}},
)
get_meta_event = operation(
    "GetMetaEvent",
    "Retrieve a meta event",
    tag=TAG,
    description="The meta event with its last answered attempt.",
    parameters=ONE,
    message="Meta event fetched successfully",
    data=META_EVENT,
    examples={"Delivered": EXAMPLE, "Waiting": WAITING_EXAMPLE},
    refused=UNKNOWN,
)
resend_meta_event = operation(
    "ResendMetaEvent",
    "Retry meta event",
    tag=TAG,
    description="Queues the meta event once more, also one that was delivered. A body is ignored.",
    parameters=ONE,
    message="Meta event processed for retry successfully",
    data=META_EVENT,
    examples={"Queued": EXAMPLE | {"status": "Scheduled"}, "Queued before an attempt": WAITING_EXAMPLE},
    refused=UNKNOWN,
)
