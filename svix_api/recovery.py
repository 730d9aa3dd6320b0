"""Svix's recovery of an endpoint, its examples, and the tasks in the background.

Contract: docs/contract/svix.md#recovery.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, TypedDict

from rest_framework import serializers
from rest_framework.request import Request

from core.api.documents import Example, Keywords, Time, component, example
from core.api.fields import Integer, Shape
from core.api.openapi import Operation, body, describe, path_parameter, query
from core.api.values import wire_time
from core.exceptions import Conflict, NotFound
from core.json_text import json_text
from core.prefixed_ids import prefixed, uid_in
from deliveries.exceptions import EndpointNotActive
from deliveries.recovery import RECOVERY_JOB, RESEND_JOB, create_recovery_job
from endpoints.models import Endpoint
from events.missing import MISSING_JOB
from events.trials import send_test_event
from jobs.exceptions import JobUnderWay
from jobs.models import Job
from svix_api.applications import APPLICATION_ID
from svix_api.attempt_documents import CODE_CLASSES, NUMBERS
from svix_api.attempts import ENDPOINT_ID
from svix_api.base import REFUSED_ALWAYS, WRONG_FIELDS, SvixView
from svix_api.message_documents import (
    CHANNEL_PATTERN,
    MOST_LENGTH,
    NAME_PATTERN,
    MessageDocument,
    Named,
    message_document,
)
from svix_api.messages import CHANGES_BY_BODY
from svix_api.messages import EXAMPLE as A_MESSAGE
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
from svix_api.parameters import bounded
from svix_api.places import EndpointUnseen, endpoint_of

TAG = "Recovery and tasks (Svix)"
TASK = "qtask_"
MOST_TYPES = 100
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


class TaskUnderWay(Conflict):
    """The endpoint has such a task already."""

    message = "another task of this kind is under way for this endpoint"


class ProgressDocument(TypedDict):
    """The progress of a task."""

    endpointId: Annotated[str, Example(prefixed("ep_", EXAMPLE_UID))]
    total: Annotated[int | None, "The messages that were chosen; null until they are counted.", Example(150)]
    done: Annotated[int, "The messages that are sent.", Example(150)]


class StartedDocument(TypedDict):
    """A task that has been started."""

    id: Annotated[str, Example(prefixed(TASK, EXAMPLE_UID))]
    status: Annotated[str, Keywords(enum=STATUSES), Example(RUNNING)]
    task: Annotated[str, Keywords(enum=list(TASKS.values())), Example("endpoint.recover")]
    updatedAt: Annotated[Time, Example("2026-11-28T09:15:42.081516Z")]


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
        "endpointId": prefixed("ep_", job.parameters.get("endpoint_id", "")),
        "total": job.total if job.is_counted else None,
        "done": job.done,
    }
    return {**started_document(job), "data": data}


# Request bodies


class Moment(serializers.DateTimeField):
    """A time in RFC 3339, which is in UTC where it names no zone."""

    def to_internal_value(self, value: Any) -> datetime:
        """Return the time. Raises ValidationError."""
        if not isinstance(value, str):
            self.fail("invalid", format="RFC 3339")
        try:
            return bounded(datetime.fromisoformat(value))
        except ValueError:
            self.fail("invalid", format="RFC 3339")


class ReplayIn(Shape):
    """The body that starts a task: the time of its messages."""

    since = Moment(help_text="Messages from this time on.")
    until = Moment(required=False, help_text="Messages before this time; without it, all until now.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a time that ends before it begins."""
        if "until" in attrs and attrs["until"] < attrs["since"]:
            raise serializers.ValidationError({"until": "must not be before since"})
        return attrs


class BulkReplayIn(ReplayIn):
    """The same, with a choice among the messages."""

    eventTypes = serializers.ListField(  # noqa: N815
        child=Named(NAME_PATTERN, max_length=255), max_length=MOST_TYPES, required=False
    )
    channel = Named(CHANNEL_PATTERN, required=False)
    tag = Named(CHANNEL_PATTERN, required=False)
    status = Integer(required=False, max_value=4, help_text="0 success, 2 fail, 4 canceled; others choose nothing.")
    statusCodeClass = Integer(required=False, help_text="The hundreds of an answer; 0: none.")  # noqa: N815

    def validate_statusCodeClass(self, code: int) -> int:  # noqa: N802
        """Refuse what is no class of statuses."""
        if code not in CODE_CLASSES:
            raise serializers.ValidationError(f"must be one of {', '.join(map(str, CODE_CLASSES))}")
        return code


class EventExampleIn(Shape):
    """The body that sends an example."""

    eventType = Named(NAME_PATTERN, max_length=255)  # noqa: N815
    exampleIndex = Integer(required=False, help_text="Ignored: the example is made of the schema.")  # noqa: N815
    payload = serializers.DictField(required=False, help_text="The payload in place of the example.")


_LABEL = {"pattern": CHANNEL_PATTERN, "maxLength": MOST_LENGTH, "minLength": 1}
describe(ReplayIn, "svix.ReplayIn")
describe(BulkReplayIn, "svix.BulkReplayIn", channel=_LABEL, tag=_LABEL, statusCodeClass={"enum": [*CODE_CLASSES, None]})
describe(EventExampleIn, "svix.EventExampleIn", eventType={"pattern": NAME_PATTERN, "minLength": 1})

# Operations

SINCE = {"since": "2026-11-27T00:00:00Z", "until": "2026-11-28T00:00:00Z"}
A_TASK = example(TaskDocument)

recover = Operation(
    "v1.endpoint.recover",
    "Send the failed messages of an endpoint again (Svix)",
    tag=TAG,
    description="Starts a task that sends again what has failed at an endpoint, or was canceled.",
    parameters=[APPLICATION_ID, ENDPOINT_ID],
    request=body(ReplayIn, {"A day": SINCE}),
    status=HTTPStatus.ACCEPTED,
    message="The task.",
    data=StartedDocument,
    examples={"Task": example(StartedDocument)},
    outcomes=[WRONG_FIELDS],
    refused=[*CHANGES_BY_BODY, EndpointUnseen, EndpointNotActive(status=Endpoint.Status.PAUSED), TaskUnderWay],
    envelope=False,
)
replay_missing = recover.twin(
    "v1.endpoint.replay-missing",
    "Send the messages that an endpoint was never sent (Svix)",
    description="Starts a task that sends what the endpoint's subscription takes today and did not get.",
    examples={"Task": example(StartedDocument, task=TASKS[MISSING_JOB])},
)
bulk_replay = recover.twin(
    "v1.endpoint.bulk-replay",
    "Send messages of an endpoint again (Svix)",
    description="Starts a task that sends again what the body chooses, also messages that have arrived.",
    request=body(BulkReplayIn, {"The failed ones of a day": SINCE | {"eventTypes": ["invoice.paid"], "status": 2}}),
    examples={"Task": example(StartedDocument, task=TASKS[RESEND_JOB])},
)
send_example = Operation(
    "v1.endpoint.send-example",
    "Send an example to an endpoint (Svix)",
    tag=TAG,
    description="Sends a test event to an endpoint, whatever its state is: an example of the event type's schema.",
    parameters=[APPLICATION_ID, ENDPOINT_ID],
    request=body(EventExampleIn, {"By its type": {"eventType": "invoice.paid"}}),
    message="The message.",
    data=MessageDocument,
    examples={"Message": A_MESSAGE},
    outcomes=[WRONG_FIELDS],
    refused=[*CHANGES_BY_BODY, EndpointUnseen],
    envelope=False,
)
list_tasks = Operation(
    "v1.background-task.list",
    "List background tasks (Svix)",
    tag=TAG,
    description="A page of the project's tasks, newest first.",
    parameters=[
        *(LIMIT, ITERATOR, order_parameter("descending")),
        query("status", {"type": "string", "enum": STATUSES}, "Only tasks in this state."),
        query("task", {"type": "string"}, "Only tasks of this kind."),
    ],
    message="The page.",
    data=PageDocument[TaskDocument],
    examples={"One task": page_example(A_TASK, prefix=TASK)},
    outcomes=[WRONG_FIELDS],
    refused=REFUSED_ALWAYS[:2],
    envelope=False,
)
get_task = Operation(
    "v1.background-task.get",
    "Get a background task (Svix)",
    tag=TAG,
    description="One task with its progress.",
    parameters=[path_parameter("jobID", "The id of the task.")],
    message="The task.",
    data=TaskDocument,
    examples={"Task": A_TASK},
    refused=[*REFUSED_ALWAYS[:2], TaskNotFound],
    envelope=False,
)

# Views


class StartView(SvixView):
    """The base of the operations that start a task for an endpoint."""

    http_method_names = ["post"]
    kind: str
    shape: type[Shape] = ReplayIn

    def start(self, request: Request, app_id: str, endpoint_id: str) -> StartedDocument:
        """Store the job. Raises InvalidInput, Forbidden, NotFound, Conflict."""
        endpoint = endpoint_of(*self.changed_application(app_id), endpoint_id)
        sent = self.body(request, self.shape)
        since, until = sent.pop("since"), sent.pop("until", None)
        try:
            job = create_recovery_job(endpoint, self.kind, since=since, until=until, parameters=_choice(sent))
        except JobUnderWay:
            raise TaskUnderWay from None
        return started_document(job)


class Recover(StartView):
    """What has failed at an endpoint."""

    kind = RECOVERY_JOB

    @recover
    def post(self, request: Request, ownerID: str, endpointID: str) -> StartedDocument:  # noqa: N803
        """Send it again."""
        return self.start(request, ownerID, endpointID)


class ReplayMissing(StartView):
    """What an endpoint was never sent."""

    kind = MISSING_JOB

    @replay_missing
    def post(self, request: Request, ownerID: str, endpointID: str) -> StartedDocument:  # noqa: N803
        """Send it."""
        return self.start(request, ownerID, endpointID)


class BulkReplay(StartView):
    """The messages of an endpoint that a body chooses."""

    kind = RESEND_JOB
    shape = BulkReplayIn

    @bulk_replay
    def post(self, request: Request, ownerID: str, endpointID: str) -> StartedDocument:  # noqa: N803
        """Send them again."""
        return self.start(request, ownerID, endpointID)


class SendExample(SvixView):
    """An example for an endpoint."""

    http_method_names = ["post"]

    @send_example
    def post(self, request: Request, ownerID: str, endpointID: str) -> MessageDocument:  # noqa: N803
        """Send it."""
        project_id, owner_id = self.changed_application(ownerID)
        endpoint = endpoint_of(project_id, owner_id, endpointID)
        sent = self.body(request, EventExampleIn)
        raw = json_text(sent["payload"]).encode() if "payload" in sent else None
        delivery = send_test_event(project_id, endpoint.uid, event_type=sent["eventType"], raw=raw)
        return message_document(delivery.event, shows_payload=True)


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
    def get(self, request: Request, jobID: str) -> TaskDocument:  # noqa: N803
        """Return it."""
        self.check_whole_project()
        uid = uid_in(TASK, jobID)
        job = Job.objects.for_project(self.key_project).filter(kind__in=TASKS, pk=uid).first()
        if job is None:
            raise TaskNotFound
        return task_document(job)


def _choice(sent: dict[str, Any]) -> dict[str, Any]:
    """Return the choice of a body among messages as the job's parameters (deliveries/recovery.py)."""
    found: dict[str, Any] = {}
    if types := sent.get("eventTypes"):
        found["event_types"] = types
    for name, column in (("channel", "channels"), ("tag", "tags")):
        if name in sent:
            found[column] = [sent[name]]
    if "status" in sent:
        found["statuses"] = [str(name) for name, number in NUMBERS.items() if number == sent["status"]]
    if "statusCodeClass" in sent:
        found["code_class"] = sent["statusCodeClass"]
    return found
