"""Svix's recovery of an endpoint, its examples, and the tasks in the background.

Contract: docs/contract/svix.md#recovery.
"""

from http import HTTPStatus
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from core.api.documents import example
from core.api.fields import Integer, Items, Shape, Text
from core.api.openapi import TIME_PATTERN, Outcome, Refusal, body, describe
from core.exceptions import Conflict
from core.json_text import json_text, without_half_pairs
from deliveries.exceptions import EndpointNotActive
from deliveries.recovery import RECOVERY_JOB, RESEND_JOB, create_recovery_job
from endpoints.exceptions import EndpointNotFound
from endpoints.models import Endpoint
from events.exceptions import TooManyTests
from events.trials import send_test_event
from jobs.exceptions import JobUnderWay
from portal_links.capabilities import CREATE_ATTEMPTS, SEND_TEST
from portal_links.exceptions import CapabilityMissing
from replay.missing import MISSING_JOB
from svix_api.applications import APPLICATION_ID
from svix_api.attempt_documents import CODE_CLASSES, NUMBERS
from svix_api.base import REFUSED_BODY, WRONG_FIELDS, OtherApplication
from svix_api.endpoints import ENDPOINT_ID
from svix_api.message_documents import MOST_LENGTH, NAME_PATTERN, MessageDocument, Named, message_document
from svix_api.places import MessageView
from svix_api.tasks import TAG, TASKS, StartedDocument, started_document
from svix_api.times import moment_in

MOST_TYPES = 100


class TaskUnderWay(Conflict):
    """Another such task is under way."""

    message = "another task of this kind is under way for this endpoint"


# Request bodies


class Moment(Text):
    """A time in RFC 3339, which is in UTC where it names no zone."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Return the time. Raises ValidationError."""
        text = super().run_validation(data)
        try:
            return moment_in(text)
        except (ValueError, OverflowError):
            raise serializers.ValidationError("must be a time such as 2026-02-03T09:15:02Z") from None


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
    """The body that starts a task for the messages that it chooses."""

    eventTypes = Items(  # noqa: N815
        child=Named(max_length=255), max_length=MOST_TYPES, required=False, help_text="Only messages of these types."
    )
    channel = Named(required=False, help_text="Only messages with this channel.")
    tag = Named(required=False, help_text="Only messages with this tag.")
    status = Integer(
        required=False, max_value=4, help_text="0 success, 2 fail, 4 canceled; another number chooses nothing."
    )
    statusCodeClass = Integer(  # noqa: N815
        required=False, help_text="The class of the answer's status (200, 400 and so on); 0: no answer."
    )

    def validate_statusCodeClass(self, code: int) -> int:  # noqa: N802
        """Refuse a value that is not a class of statuses."""
        if code not in CODE_CLASSES:
            raise serializers.ValidationError(f"must be one of {', '.join(map(str, CODE_CLASSES))}")
        return code


class EventExampleIn(Shape):
    """The body that sends an example."""

    eventType = Named(max_length=255, help_text="The name of an event type.")  # noqa: N815
    exampleIndex = Integer(required=False, help_text="Ignored: the example is made of the schema.")  # noqa: N815
    payload = serializers.DictField(required=False, help_text="The payload in place of the example.")


_LABEL = {"pattern": NAME_PATTERN, "maxLength": MOST_LENGTH, "minLength": 1}
_TIMES: dict[str, Any] = {name: {"pattern": TIME_PATTERN} for name in ("since", "until")}
describe(ReplayIn, "svix.ReplayIn", **_TIMES)
describe(BulkReplayIn, "svix.BulkReplayIn", channel=_LABEL, tag=_LABEL, statusCodeClass={"enum": [*CODE_CLASSES, None]})
describe(EventExampleIn, "svix.EventExampleIn", eventType={"pattern": NAME_PATTERN, "minLength": 1})

# Operations

AN_EXAMPLE = example(
    MessageDocument, eventId=None, channels=None, tags=None, payload={"message": "This is a test event."}
)
STARTS: list[Refusal] = [*REFUSED_BODY, OtherApplication, CapabilityMissing]
SINCE = {"since": "2026-11-27T00:00:00Z", "until": "2026-11-28T00:00:00Z"}

recover = TAG.operation(
    "v1.endpoint.recover",
    "Send the failed messages of an endpoint again (Svix)",
    description="Starts a task that sends the messages again that have failed at an endpoint, or were canceled.",
    parameters=[APPLICATION_ID, ENDPOINT_ID],
    request=body(ReplayIn, {"A day": SINCE}),
    success=Outcome("The task.", StartedDocument, "Task", status=HTTPStatus.ACCEPTED),
    outcomes=[WRONG_FIELDS],
    refused=[*STARTS, EndpointNotFound, EndpointNotActive(status=Endpoint.Status.PAUSED), TaskUnderWay],
)
replay_missing = recover.twin(
    "v1.endpoint.replay-missing",
    "Send the messages that an endpoint was never sent (Svix)",
    description="Starts a task that sends the messages that the endpoint takes today and was never sent.",
    success=recover.success._replace(examples={"Task": example(StartedDocument, task=TASKS[MISSING_JOB])}),
)
bulk_replay = recover.twin(
    "v1.endpoint.bulk-replay",
    "Send messages of an endpoint again (Svix)",
    description="Starts a task that sends the messages again that the body chooses, also those that have arrived.",
    request=body(BulkReplayIn, {"The failed ones of a day": SINCE | {"eventTypes": ["invoice.paid"], "status": 2}}),
    success=recover.success._replace(examples={"Task": example(StartedDocument, task=TASKS[RESEND_JOB])}),
)
send_example = TAG.operation(
    "v1.endpoint.send-example",
    "Send an example to an endpoint (Svix)",
    description="Sends a test event to an endpoint, whatever its state is: an example of the event type's schema.",
    parameters=[APPLICATION_ID, ENDPOINT_ID],
    request=body(EventExampleIn, {"By its type": {"eventType": "invoice.paid"}}),
    success=Outcome("The message.", MessageDocument, {"Message": AN_EXAMPLE}),
    outcomes=[WRONG_FIELDS],
    refused=[*STARTS, EndpointNotFound, TooManyTests(seconds=42)],
)

# Views


class StartView(MessageView):
    """The base of the operations that start a task for an endpoint."""

    http_method_names = ["post", "options"]
    needs = {"POST": CREATE_ATTEMPTS}
    kind: str
    shape: type[Shape] = ReplayIn

    def start(self, request: Request, app_id: str, endpoint_id: str) -> StartedDocument:
        """Store the job. Raises InvalidInput, Forbidden, NotFound, Conflict."""
        endpoint = self.endpoint(app_id, endpoint_id)
        sent = self.body(request, self.shape)
        since, until = sent.pop("since"), sent.pop("until", None)
        try:
            job = create_recovery_job(endpoint, self.kind, since=since, until=until, parameters=_choice(sent))
        except JobUnderWay:
            raise TaskUnderWay from None
        return started_document(job)


class Recover(StartView):
    """The messages that have failed at an endpoint."""

    kind = RECOVERY_JOB

    @recover
    def post(self, request: Request, ownerID: str, endpointID: str) -> StartedDocument:  # noqa: N803
        """Send it again."""
        return self.start(request, ownerID, endpointID)


class ReplayMissing(StartView):
    """The messages that an endpoint was never sent."""

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


class SendExample(MessageView):
    """An example for an endpoint."""

    http_method_names = ["post", "options"]
    needs = {"POST": SEND_TEST}

    @send_example
    def post(self, request: Request, ownerID: str, endpointID: str) -> MessageDocument:  # noqa: N803
        """Send it."""
        endpoint = self.endpoint(ownerID, endpointID)
        sent = self.body(request, EventExampleIn, text=without_half_pairs(request.body))
        raw = json_text(sent["payload"]).encode() if "payload" in sent else None
        opened_by = self.access and (self.access.session or self.access.link)
        delivery = send_test_event(
            endpoint.project_id,
            endpoint.uid,
            event_type=sent["eventType"],
            raw=raw,
            scope=self.scope(endpoint.owner_id),
            session_id=opened_by.pk if opened_by else "",
        )
        return message_document(delivery.event, shows_payload=self.shows_payload)


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
