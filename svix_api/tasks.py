"""Svix's tasks in the background, which are jobs here. Contract: docs/contract/svix.md#tasks."""

from typing import Annotated, TypedDict

from rest_framework.request import Request

from applications.prefixes import ENDPOINT
from core.api.documents import Example, Keywords, Time, component, example
from core.api.openapi import Outcome, Tag, path_parameter, query
from core.api.values import wire_time
from core.exceptions import NotFound
from core.prefixed_ids import prefixed, uid_in
from deliveries.recovery import RECOVERY_JOB, RESEND_JOB
from jobs.models import Job
from projects.exceptions import OwnerKey
from replay.missing import MISSING_JOB
from svix_api.base import REFUSED_ALWAYS, WRONG_FIELDS, SvixView
from svix_api.paging import (
    EXAMPLE_UID,
    ITERATOR,
    LIMIT,
    PageDocument,
    order_parameter,
    page_example,
    read_page,
    wrong_parameter,
)

TAG = Tag("Recovery and tasks (Svix)", envelope=False)
TASK = "qtask_"
#: The kinds of jobs that are tasks, and Svix's names for them.
TASKS = {
    RECOVERY_JOB: "endpoint.recover",
    MISSING_JOB: "endpoint.replay",
    RESEND_JOB: "endpoint.bulk-replay",
}
RUNNING, FINISHED, FAILED = "running", "finished", "failed"
STATUSES = [RUNNING, FINISHED, FAILED]
#: The states of jobs in which a task is neither finished nor failed.
_RUNNING = [Job.Status.PENDING, Job.Status.RUNNING, Job.Status.PAUSED]
_FAILED = [Job.Status.CANCELED, Job.Status.FAILED]


class TaskNotFound(NotFound):
    """No such task."""

    message = "background task not found"


class ProgressDocument(TypedDict):
    """The progress of a task."""

    endpointId: Annotated[str, "The endpoint whose messages are sent.", Example(prefixed(ENDPOINT, EXAMPLE_UID))]
    total: Annotated[int | None, "The messages that were chosen; null until they are counted.", Example(150)]
    done: Annotated[int, "The messages that are sent.", Example(150)]


class StartedDocument(TypedDict):
    """A task that has been started."""

    id: Annotated[str, "The id of the task.", Example(prefixed(TASK, EXAMPLE_UID))]
    status: Annotated[str, Keywords(enum=STATUSES), Example(RUNNING)]
    task: Annotated[str, "The kind of the task.", Keywords(enum=list(TASKS.values())), Example("endpoint.recover")]
    updatedAt: Annotated[Time, "When its state last changed.", Example("2026-11-28T09:15:42.081516Z")]


@component("svix.BackgroundTaskOut")
class TaskDocument(StartedDocument):
    """A task with its progress."""

    data: ProgressDocument


component("svix.TaskStartedOut")(StartedDocument)


def started_document(job: Job) -> StartedDocument:
    """Return a task as the call shows it that starts it."""
    failed = FAILED if job.status in _FAILED else FINISHED
    return {
        "id": prefixed(TASK, job.uid),
        "status": RUNNING if job.status in _RUNNING else failed,
        "task": TASKS[job.kind],
        "updatedAt": wire_time(job.updated_at),
    }


def task_document(job: Job) -> TaskDocument:
    """Return a task as Svix's API shows it."""
    data: ProgressDocument = {
        "endpointId": prefixed(ENDPOINT, job.parameters.get("endpoint_id", "")),
        "total": job.total if job.is_counted else None,
        "done": job.done,
    }
    return {**started_document(job), "data": data}


# Operations

DONE = example(TaskDocument, status=FINISHED)
A_TASK = example(TaskDocument, data=example(ProgressDocument, total=None, done=0))

list_tasks = TAG.operation(
    "v1.background-task.list",
    "List background tasks (Svix)",
    description="A page of the project's tasks, newest first.",
    parameters=[
        *(LIMIT, ITERATOR, order_parameter("descending")),
        query("status", "Only tasks in this state.", {"type": "string", "enum": STATUSES}),
        query("task", "Only tasks of this kind."),
    ],
    success=Outcome("The page.", PageDocument[TaskDocument], {"One task": page_example(A_TASK, prefix=TASK)}),
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_ALWAYS[:2], OwnerKey],
)
get_task = TAG.operation(
    "v1.background-task.get",
    "Get a background task (Svix)",
    description="One task with its progress.",
    parameters=[path_parameter("taskID", "The id of the task.")],
    success=Outcome("The task.", TaskDocument, {"Under way": A_TASK, "Finished": DONE}),
    refused=[*REFUSED_ALWAYS[:2], OwnerKey, TaskNotFound],
)

# Views


class Tasks(SvixView):
    """The tasks of the key's project."""

    http_method_names = ["get", "head"]

    @list_tasks
    def get(self, request: Request) -> PageDocument[TaskDocument]:
        """Return a page."""
        self.check_whole_project()
        sent = request.query_params
        rows = Job.objects.for_project(self.key_project).filter(kind__in=TASKS)
        if task := sent.get("task", ""):
            rows = rows.filter(kind__in=[kind for kind, name in TASKS.items() if name == task])
        if status := sent.get("status", ""):
            if status not in STATUSES:
                raise wrong_parameter("status", f"must be one of {', '.join(STATUSES)}")
            chosen = {RUNNING: _RUNNING, FAILED: _FAILED, FINISHED: [Job.Status.FINISHED]}
            rows = rows.filter(status__in=chosen[status])
        return read_page(request, rows, TASK, task_document, descending=True)


class TaskDetail(SvixView):
    """One task."""

    http_method_names = ["get", "head"]

    @get_task
    def get(self, request: Request, taskID: str) -> TaskDocument:  # noqa: N803
        """Return it."""
        self.check_whole_project()
        uid = uid_in(TASK, taskID)
        job = Job.objects.for_project(self.key_project).filter(kind__in=TASKS, pk=uid).first()
        if job is None:
            raise TaskNotFound
        return task_document(job)
