"""Define the reports and batches of bulk onboarding as the API shows them.

Batches are an addition: Convoy has no operation that reads them.
"""

from typing import Annotated, TypedDict

from core.api.documents import Example, Keywords, Time, Uid, component, example
from core.api.values import wire_time
from onboarding.models import OnboardBatch

BATCH_STATUSES = PENDING, FINISHED = ("pending", "finished")
#: The results of an item.
ITEM_STATUSES = CREATED, REUSED, SKIPPED, FAILED = ("created", "reused", "skipped", "failed")
_ACCEPTED = "Bulk onboard request accepted for processing"
#: The `field` of a failure that concerns both credentials.
CREDENTIALS = "auth_username/auth_password"


@component("models.OnboardValidationError")
class FailureDocument(TypedDict):
    """A failure of an item."""

    row: Annotated[int, "The item's number, from 1."]
    field: Annotated[str, "The column or member that is refused.", Example(CREDENTIALS)]
    message: Annotated[str, "Why it is refused."]


@component("models.BulkOnboardDryRunResponse")
class ReportDocument(TypedDict):
    """A report on the items of a request."""

    total_rows: Annotated[int, "Items in the request."]
    valid_count: Annotated[int, "Items without a failure."]
    errors: Annotated[list[FailureDocument], "The items that are refused, each with its field and reason."]


@component("models.BulkOnboardAcceptedResponse")
class AcceptedDocument(TypedDict):
    """The batches that were made of a request."""

    batch_count: Annotated[int, "The number of batches into which the items were put.", Example(1)]
    total_items: Annotated[int, "Items in the request.", Example(2)]
    message: Annotated[str, "The outcome, as a text for people.", Example(_ACCEPTED)]
    batch_ids: Annotated[
        list[Uid], "The ids of the batches, which hold the results.", Example(["01K4T0ZX7B8C9D0E1F2G3H4J5K"])
    ]


class ResultDocument(TypedDict):
    """The result of an item."""

    row: Annotated[int, "The item's number in the request, from 1.", Example(1)]
    name: Annotated[str, "The name of the endpoint.", Example("Acme")]
    url: Annotated[str, "The URL of the endpoint.", Example("https://hooks.example.com/acme")]
    status: Annotated[
        str,
        "Reused: there was an endpoint with this URL. Skipped: that endpoint has a subscription already.",
        Keywords(enum=list(ITEM_STATUSES)),
        Example(CREATED),
    ]
    endpoint_id: Annotated[
        str, "The id of the new endpoint; empty where there is none.", Example("01JZ8QM5X9C1D3F5G7H9J1K3M5")
    ]
    subscription_id: Annotated[
        str, "The id of the new subscription; empty where there is none.", Example("01JZ8QM5XA3B5C7D9E1F3G5H7J")
    ]
    error: Annotated[str, "The reason why it was skipped or has failed."]


class BatchDocument(TypedDict):
    """A batch of items."""

    uid: Annotated[Uid, Example("01K4T0ZX7B8C9D0E1F2G3H4J5K")]
    project_id: Uid
    status: Annotated[str, "The progress of the batch.", Keywords(enum=list(BATCH_STATUSES)), Example(FINISHED)]
    first_row: Annotated[int, "The number of its first item in the request, from 1.", Example(1)]
    total_items: Annotated[int, "Items in the batch.", Example(1)]
    results: Annotated[list[ResultDocument], "Empty while the batch is pending.", Example([example(ResultDocument)])]
    created_at: Annotated[Time, Example("2026-07-03T09:20:01.500231Z")]
    finished_at: Annotated[Time | None, "When it was done; null before that.", Example("2026-07-03T09:20:02.1Z")]


def batch_document(batch: OnboardBatch) -> BatchDocument:
    """Return a batch with the results of its items."""
    return {
        "uid": batch.uid,
        "project_id": batch.project_id,
        "status": PENDING if batch.finished_at is None else FINISHED,
        "first_row": batch.first_row,
        "total_items": batch.total_items,
        "results": batch.results,
        "created_at": wire_time(batch.created_at),
        "finished_at": None if batch.finished_at is None else wire_time(batch.finished_at),
    }


def accepted_document(batches: list[OnboardBatch]) -> AcceptedDocument:
    """Return the answer to a request that was stored as `batches`."""
    return {
        "batch_count": len(batches),
        "total_items": sum(batch.total_items for batch in batches),
        "message": _ACCEPTED,
        "batch_ids": [batch.uid for batch in batches],
    }
