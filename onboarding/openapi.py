"""Bulk onboarding in the OpenAPI document. Contract: meta-events-and-onboard sections 1 and 3."""

from typing import Any

from core.api.openapi import (
    NOT_ONLY_SPACES,
    PAGE_PARAMETERS,
    PAGINATION_EXAMPLE,
    PROJECT_ID,
    TIME,
    UID,
    URL_PATTERN,
    array,
    body,
    define,
    describe,
    integer,
    nullable,
    operation,
    page_of,
    path_parameter,
    query,
    record,
    text,
)
from onboarding.documents import FINISHED, PENDING
from onboarding.operations import CREATED, FAILED, REUSED, SKIPPED
from onboarding.parsing import CREDENTIALS, MAX_ITEMS
from onboarding.parsing import REQUIRED as REQUIRED_COLUMNS
from onboarding.serializers import BulkOnboard, OnboardItem

TAG = "Onboard"

REPORT = define(
    "models.BulkOnboardDryRunResponse",
    record(
        {
            "total_rows": integer(),
            "valid_count": integer("Items with which nothing is wrong."),
            "errors": array(
                define(
                    "models.OnboardValidationError",
                    record(
                        {
                            "row": integer("The item's number, from 1."),
                            "field": text(example=CREDENTIALS),
                            "message": text(),
                        }
                    ),
                )
            ),
        }
    ),
)
ACCEPTED = define(
    "models.BulkOnboardAcceptedResponse",
    record(
        {
            "batch_count": integer(),
            "total_items": integer(),
            "message": text(),
            "batch_ids": array(UID, "Where to see what becomes of them."),
        }
    ),
)
BATCH = record(
    {
        "uid": UID,
        "project_id": UID,
        "status": text(enum=[PENDING, FINISHED]),
        "first_row": integer("The number of its first item in the request, from 1."),
        "total_items": integer(),
        "results": array(
            record(
                {
                    "row": integer("The item's number in the request, from 1."),
                    "name": text(),
                    "url": text(),
                    "status": text(
                        "Reused: an endpoint with this URL was there. Skipped: it has a subscription already.",
                        enum=[CREATED, REUSED, SKIPPED, FAILED],
                    ),
                    "endpoint_id": text(),
                    "subscription_id": text(),
                    "error": text("Why it was skipped or has failed."),
                }
            ),
            "None while the batch is pending.",
        ),
        "created_at": TIME,
        "finished_at": nullable(TIME),
    }
)

describe(
    OnboardItem,
    "models.OnboardItem",
    REQUIRED_COLUMNS,
    name={"pattern": NOT_ONLY_SPACES},
    url={"description": "An http or https URL.", "pattern": URL_PATTERN},
    event_type={"description": "The one type that is subscribed to; `*`, all of them, where it is not sent."},
    auth_username={"description": "For basic authentication, together with `auth_password`."},
)
describe(BulkOnboard, "models.BulkOnboardRequest", ("items",), items={"minItems": 1, "maxItems": MAX_ITEMS})

BATCH_EXAMPLE: dict[str, Any] = {
    "uid": "01K4T0ZX7B8C9D0E1F2G3H4J5K",
    "project_id": "01JZ8QK3V7M2N4P6R8T0W2Y4A6",
    "status": FINISHED,
    "first_row": 1,
    "total_items": 1,
    "results": [
        {
            "row": 1,
            "name": "Acme",
            "url": "https://hooks.example.com/acme",
            "status": CREATED,
            "endpoint_id": "01JZ8QM5X9C1D3F5G7H9J1K3M5",
            "subscription_id": "01JZ8QM5XA3B5C7D9E1F3G5H7J",
            "error": "",
        }
    ],
    "created_at": "2026-07-03T09:20:01.500231Z",
    "finished_at": "2026-07-03T09:20:02.1Z",
}
PENDING_EXAMPLE = BATCH_EXAMPLE | {"status": PENDING, "results": [], "finished_at": None}
BATCH_ID = path_parameter("batchID", "The id of the batch.")

bulk_onboard = operation(
    "BulkOnboard",
    "Bulk onboard endpoints with subscriptions",
    tag=TAG,
    description="Creates endpoints with one subscription each, in the background. One invalid item refuses all of "
    "them; the refusal then has the report of a dry run as its `data`. The items can also come as "
    "`multipart/form-data`, whose field `file` is a CSV file in UTF-8 with a header row that names the members of "
    "an item.",
    parameters=[
        PROJECT_ID,
        query("dry_run", {"type": "boolean"}, "Only `true` counts: check the items, and create nothing."),
    ],
    request=body(
        BulkOnboard,
        {
            "Two": {
                "items": [
                    {"name": "Acme", "url": "https://hooks.example.com/acme", "event_type": "invoice.paid"},
                    {
                        "name": "Globex",
                        "url": "https://hooks.example.com/globex",
                        "auth_username": "globex",
                        "auth_password": "the password",
                    },
                ]
            }
        },
    ),
    message="Dry run validation complete",
    data=REPORT,
    examples={
        "Clean": {"total_rows": 2, "valid_count": 2, "errors": []},
        "One is invalid": {
            "total_rows": 3,
            "valid_count": 2,
            "errors": [{"row": 2, "field": "url", "message": "invalid endpoint scheme"}],
        },
    },
    also={
        202: (
            "Bulk onboard request accepted",
            ACCEPTED,
            {
                "Accepted": {
                    "batch_count": 1,
                    "total_items": 2,
                    "message": "Bulk onboard request accepted for processing",
                    "batch_ids": ["01K4T0ZX7B8C9D0E1F2G3H4J5K"],
                }
            },
        )
    },
    refused={
        400: {
            "Not JSON, or of a wrong type": "Invalid request format",
            "Too long": "Invalid input provided",
            "No items": "items list cannot be empty",
            "Too many": f"items list exceeds maximum size of {MAX_ITEMS}",
            "Items are invalid, see data": "Validation failed",
            "An incoming project": "bulk onboard is only supported for outgoing projects",
            "A file without a header": "failed to read CSV header",
            "A row of the file": "CSV (data row 3): failed to parse row",
        }
    },
)
list_batches = operation(
    "GetOnboardBatches",
    "List onboard batches",
    tag=TAG,
    description="A page of what became of bulk onboardings, newest first. A request makes a batch of 50 items each.",
    parameters=[PROJECT_ID, *(each for each in PAGE_PARAMETERS if each.name not in ("q", "ownerId"))],
    message="Onboard batches fetched successfully",
    data=page_of(BATCH),
    examples={
        "One": {"content": [BATCH_EXAMPLE], "pagination": PAGINATION_EXAMPLE},
        "One that is pending": {"content": [PENDING_EXAMPLE], "pagination": PAGINATION_EXAMPLE},
    },
)
get_batch = operation(
    "GetOnboardBatch",
    "Retrieve an onboard batch",
    tag=TAG,
    description="The batch with a result for each of its items.",
    parameters=[PROJECT_ID, BATCH_ID],
    message="Onboard batch fetched successfully",
    data=BATCH,
    examples={"Finished": BATCH_EXAMPLE, "Pending": PENDING_EXAMPLE},
    refused={404: {"Project": "project not found", "Batch": "onboard batch not found"}},
)
