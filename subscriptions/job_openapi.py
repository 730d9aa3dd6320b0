"""Declare the operation that makes a job of an import. Contract: docs/contract/event-types.md#import-jobs."""

from core.api.documents import example
from core.api.openapi import Outcome, body, query
from jobs.documents import JobDocument
from jobs.exceptions import JobUnderWay
from subscriptions import exceptions as refusals
from subscriptions import serializers
from subscriptions.import_jobs import IMPORT_JOB
from subscriptions.openapi import EVENT_TYPES
from subscriptions.openapi_import import EXAMPLE_SPEC

create_import_job = EVENT_TYPES.operation(
    "CreateImportJob",
    "Import any number of event types",
    description="Creates or updates the event types that an OpenAPI document describes, in the background. "
    "Not part of Convoy's API.",
    parameters=[query("dry_run", {"type": "boolean"}, "Only `true` counts: count, and import none.")],
    request=body(serializers.ImportOpenAPISpec, {"A webhook": {"spec": EXAMPLE_SPEC}}),
    success=Outcome(
        "Import job accepted",
        JobDocument,
        {"Accepted": example(JobDocument, kind=IMPORT_JOB, status="pending", total=None, done=0)},
        status=202,
    ),
    refused=[refusals.NoWebhooks, JobUnderWay],
)
