"""Declare the operations on jobs. Contract: docs/contract/jobs.md#operations."""

from typing import Any

from core.api.documents import PageOf, example
from core.api.openapi import PAGE_PARAMETERS, PROJECT_ID, Operation, page_example, path_parameter
from jobs.documents import JobDocument
from jobs.exceptions import JobNotFound, JobOver
from jobs.models import Job
from projects.exceptions import ProjectNotFound

TAG = "Jobs"
_EXAMPLE = example(JobDocument)
#: A job that has just been created.
PENDING_EXAMPLE = example(JobDocument, status=Job.Status.PENDING.value, total=None, done=0)
_OVER = {"finished_at": "2026-11-28T09:00:31.5Z"}
_PARAMETERS = [PROJECT_ID, path_parameter("jobID", "The id of the job.")]
_PAGE = [each for each in PAGE_PARAMETERS if each.name not in ("q", "ownerId")]


def _turned(title: str, **changed: Any) -> dict[str, JobDocument]:
    """Return examples of a job that was turned while it worked, and while it counted."""
    return {
        title: example(JobDocument, **changed),
        f"{title} while it counts": example(JobDocument, total=None, done=0, **changed),
    }


list_jobs = Operation(
    "GetJobs",
    "List jobs",
    tag=TAG,
    description="Returns a page of the project's jobs, newest first. Not part of Convoy's API.",
    parameters=[PROJECT_ID, *_PAGE],
    message="Jobs fetched successfully",
    data=PageOf[JobDocument],
    examples={"One that is under way": page_example(_EXAMPLE), "One that is new": page_example(PENDING_EXAMPLE)},
)
get_job = Operation(
    "GetJob",
    "Retrieve a job",
    tag=TAG,
    description="Returns the job with its progress: `done` and `skipped` of `total`. Not part of Convoy's API.",
    parameters=_PARAMETERS,
    message="Job fetched successfully",
    data=JobDocument,
    examples={
        "Under way": _EXAMPLE,
        "New": PENDING_EXAMPLE,
        "Finished": example(JobDocument, status=Job.Status.FINISHED.value, done=39560, **_OVER),
        "A dry run": example(JobDocument, dry_run=True, status=Job.Status.FINISHED.value, done=0, **_OVER),
    },
    refused=[ProjectNotFound],
    not_found=JobNotFound,
)
pause_job = Operation(
    "PauseJob",
    "Pause a job",
    tag=TAG,
    description="Stops the job after the piece that is being worked at. Not part of Convoy's API.",
    parameters=_PARAMETERS,
    message="Job paused successfully",
    data=JobDocument,
    examples=_turned("Paused", status=Job.Status.PAUSED.value),
    refused=[ProjectNotFound, JobOver],
    not_found=JobNotFound,
)
resume_job = Operation(
    "ResumeJob",
    "Resume a job",
    tag=TAG,
    description="Continues the job where it was paused. Not part of Convoy's API.",
    parameters=_PARAMETERS,
    message="Job resumed successfully",
    data=JobDocument,
    examples=_turned("Resumed", status=Job.Status.PENDING.value),
    refused=[ProjectNotFound, JobOver],
    not_found=JobNotFound,
)
cancel_job = Operation(
    "CancelJob",
    "Cancel a job",
    tag=TAG,
    description="Ends the job. What it has done stays done, and it cannot be resumed. Not part of Convoy's API.",
    parameters=_PARAMETERS,
    message="Job canceled successfully",
    data=JobDocument,
    examples=_turned("Canceled", status=Job.Status.CANCELED.value, **_OVER),
    refused=[ProjectNotFound, JobOver],
    not_found=JobNotFound,
)
