"""Declare the operations on jobs. Contract: docs/contract/jobs.md#operations."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from core.api.documents import PageOf, example
from core.api.openapi import Outcome, Tag, name_in_path, page_example, page_parameters, query
from jobs.documents import JobDocument
from jobs.exceptions import JobNotFound, JobOver
from jobs.models import Job

TAG = Tag("Jobs")
_EXAMPLE = example(JobDocument)
#: A job that has just been created.
PENDING_EXAMPLE = example(JobDocument, status=Job.Status.PENDING.value, total=None, done=0)
_OVER = {"finished_at": "2026-11-28T09:00:31.5Z"}
name_in_path(jobID="The id of the job.")


def dry_run(effect: str) -> OpenApiParameter:
    """Return the parameter dry_run of an operation that works in the background."""
    return query("dry_run", f"Only `true` counts: {effect}.", {"type": "boolean"})


def _turned(title: str, **changed: Any) -> dict[str, JobDocument]:
    """Return examples of a job whose status was changed while it worked, and while it counted."""
    return {
        title: example(JobDocument, **changed),
        f"{title} while it counts": example(JobDocument, total=None, done=0, **changed),
    }


list_jobs = TAG.operation(
    "GetJobs",
    "List jobs",
    description="Returns a page of the project's jobs, newest first. Not part of Convoy's API.",
    parameters=page_parameters(without=["q", "ownerId"]),
    success=Outcome(
        "Jobs fetched successfully",
        PageOf[JobDocument],
        {"One that is under way": page_example(_EXAMPLE), "One that is new": page_example(PENDING_EXAMPLE)},
    ),
)
get_job = TAG.operation(
    "GetJob",
    "Retrieve a job",
    description="Returns the job with its progress: `done` and `skipped` of `total`. Not part of Convoy's API.",
    success=Outcome(
        "Job fetched successfully",
        JobDocument,
        {
            "Under way": _EXAMPLE,
            "New": PENDING_EXAMPLE,
            "Finished": example(JobDocument, status=Job.Status.FINISHED.value, done=39560, **_OVER),
            "A dry run": example(JobDocument, dry_run=True, status=Job.Status.FINISHED.value, done=0, **_OVER),
        },
    ),
    not_found=JobNotFound,
)
pause_job = TAG.operation(
    "PauseJob",
    "Pause a job",
    description="Stops the job after its present piece. Not part of Convoy's API.",
    success=Outcome("Job paused successfully", JobDocument, _turned("Paused", status=Job.Status.PAUSED.value)),
    refused=[JobOver],
    not_found=JobNotFound,
)
resume_job = pause_job.twin(
    "ResumeJob",
    "Resume a job",
    description="Continues the job where it was paused. Not part of Convoy's API.",
    success=Outcome("Job resumed successfully", JobDocument, _turned("Resumed", status=Job.Status.PENDING.value)),
)
cancel_job = pause_job.twin(
    "CancelJob",
    "Cancel a job",
    description="Ends the job for good. The rows that are done stay as they are. Not part of Convoy's API.",
    success=Outcome(
        "Job canceled successfully", JobDocument, _turned("Canceled", status=Job.Status.CANCELED.value, **_OVER)
    ),
)
