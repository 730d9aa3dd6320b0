"""Define jobs as the API shows them. Contract: docs/contract/jobs.md#object."""

from typing import Annotated, TypedDict

from core.api.documents import Example, Keywords, Time, Uid, component
from core.api.values import wire_time
from jobs.models import Job


@component("models.Job")
class JobDocument(TypedDict):
    """Work on many rows, with its progress."""

    uid: Annotated[Uid, Example("01M8A2XQ6D8F0H2K4M6P8R0T2W")]
    project_id: Uid
    kind: Annotated[
        str,
        "The work: `batch_replay`, `batch_retry`, `event_type_import`, or that of a task of Svix's API: `recovery`, "
        "`bulk_resend`, `replay_missing`.",
        Example("batch_replay"),
    ]
    customer: Annotated[
        str,
        "The portal's customer who has made it: `owner:` or `link:` and the id; for a task of Svix's API `endpoint:` "
        "and the id. Empty: the company.",
    ]
    dry_run: Annotated[bool, "Whether it only counts."]
    status: Annotated[
        str, "The state of the job.", Keywords(enum=list(Job.Status.values)), Example(Job.Status.RUNNING.value)
    ]
    reason: Annotated[str, "The reason why it has failed, where the cause is in the request; empty otherwise."]
    total: Annotated[int | None, "The rows that were chosen; null until they are counted.", Example(39560)]
    done: Annotated[int, "The rows that are done.", Example(12350)]
    skipped: Annotated[int, "The chosen rows that were left out, because they are not the customer's alone."]
    created_at: Annotated[Time, Example("2026-11-28T09:00:00.123456Z")]
    updated_at: Annotated[Time, Example("2026-11-28T09:00:07.654321Z")]
    finished_at: Annotated[Time | None, "When it was finished, canceled or given up; null: it is not over."]


def job_document(job: Job) -> JobDocument:
    """Return a job as the API shows it."""
    return {
        "uid": job.uid,
        "project_id": job.project_id,
        "kind": job.kind,
        "customer": job.customer,
        "dry_run": job.is_dry_run,
        "status": job.status,
        "reason": job.reason,
        "total": job.total if job.is_counted else None,
        "done": job.done,
        "skipped": job.skipped,
        "created_at": wire_time(job.created_at),
        "updated_at": wire_time(job.updated_at),
        "finished_at": None if job.finished_at is None else wire_time(job.finished_at),
    }
