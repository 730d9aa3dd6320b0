"""Bulk onboarding in the OpenAPI document. Contract: docs/contract/onboarding.md."""

from core.api.bodies import HIDDEN
from core.api.documents import PageOf, example
from core.api.openapi import Operation, Outcome, Tag, body, name_in_path, page_example, page_parameters
from jobs.openapi import dry_run
from onboarding import exceptions as refusals
from onboarding.documents import PENDING, AcceptedDocument, BatchDocument, ReportDocument
from onboarding.operations import BATCH
from onboarding.parsing import MAX_ITEMS
from onboarding.serializers import BulkOnboard
from outbound.exceptions import UrlScheme

TAG = Tag("Onboard")
name_in_path(batchID="The id of the batch.")

BATCH_EXAMPLE = example(BatchDocument)
PENDING_EXAMPLE = example(BatchDocument, status=PENDING, results=[], finished_at=None)

ACCEPTED = Outcome("Bulk onboard request accepted", AcceptedDocument, "Accepted", status=202)
bulk_onboard: Operation[ReportDocument | AcceptedDocument] = TAG.operation(
    "BulkOnboard",
    "Bulk onboard endpoints with subscriptions",
    description="Creates endpoints with one subscription each, in the background. If one item is invalid, all "
    "are refused, and the refusal has the report of a dry run as its `data`. The items can also come as "
    "`multipart/form-data`, whose field `file` is a CSV file in UTF-8 with a header row that names the members of "
    "an item.",
    parameters=[dry_run("check the items, and create nothing")],
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
    success=Outcome(
        "Dry run validation complete",
        ReportDocument,
        {
            "Clean": {"total_rows": 2, "valid_count": 2, "errors": []},
            "One is invalid": {
                "total_rows": 3,
                "valid_count": 2,
                "errors": [{"row": 2, "field": "url", "message": UrlScheme.message}],
            },
        },
    ),
    outcomes=[ACCEPTED],
    refused=[
        *HIDDEN,
        refusals.NoItems,
        refusals.TooManyItems(most=MAX_ITEMS),
        refusals.InvalidItems,
        refusals.IncomingProject,
        refusals.FormUnreadable,
        refusals.NoFile,
        refusals.FileNotUTF8,
        refusals.FileWithoutHeader,
        refusals.ColumnMissing(name="url"),
        refusals.RowUnreadable(row=3),
        refusals.FileTooLong(most=MAX_ITEMS),
        refusals.FileEmpty,
    ],
)
list_batches = TAG.operation(
    "GetOnboardBatches",
    "List onboard batches",
    description="Returns a page of the batches of bulk onboardings, newest first. A request is split into batches of "
    f"{BATCH} items.",
    parameters=page_parameters(without=["q", "ownerId"]),
    success=Outcome(
        "Onboard batches fetched successfully",
        PageOf[BatchDocument],
        {"One": page_example(BATCH_EXAMPLE), "One that is pending": page_example(PENDING_EXAMPLE)},
    ),
)
get_batch = TAG.operation(
    "GetOnboardBatch",
    "Retrieve an onboard batch",
    description="Returns the batch with a result for each of its items.",
    success=Outcome(
        "Onboard batch fetched successfully", BatchDocument, {"Finished": BATCH_EXAMPLE, "Pending": PENDING_EXAMPLE}
    ),
    refused=[refusals.BatchNotFound],
)
