"""Svix's messages: fanout events to the owner. Contract: docs/contract/svix.md#messages."""

from contextlib import nullcontext
from http import HTTPStatus
from typing import Any

from django.db import IntegrityError, transaction
from rest_framework.request import Request

from applications.exceptions import ApplicationNotFound, OwnerFixed, OwnerIsAnId
from applications.operations import get_or_create_application
from applications.prefixes import APPLICATION, MESSAGE
from core.api.documents import example
from core.api.openapi import Outcome, Refusal, Tag, body, path_parameter
from core.constraints import broken_constraint
from core.exceptions import Conflict
from core.json_text import without_half_pairs
from core.prefixed_ids import uid_in
from events.exceptions import KeyMissing
from events.expunging import expunge_events
from events.matching import matched, read_candidates
from events.models import OF_EXTERNAL_ID, Event
from events.operations import content, create_fanout_event
from events.serializers import raw_value
from events.storage import Content, Posted
from portal_links.exceptions import CapabilityMissing
from portal_links.owners import checked_owner_id, find_application, owner_of
from projects.exceptions import OwnerKey
from projects.keys import Proof
from svix_api.applications import APPLICATION_ID
from svix_api.applications import FULL as AN_APPLICATION
from svix_api.base import REFUSED_ALWAYS, REFUSED_BODY, WRONG_FIELDS, wrong_field
from svix_api.endpoints import EndpointView
from svix_api.message_documents import (
    MessageDocument,
    MessageIn,
    MessagePrecheckIn,
    PrecheckDocument,
    message_document,
)
from svix_api.paging import ITERATOR, LIMIT, PageDocument, page_example, read_page
from svix_api.parameters import OF_MESSAGES, WITH_CONTENT, of_messages, within_time
from svix_api.places import MessageNotFound, MessageView

TAG = Tag("Messages (Svix)", envelope=False)
LONGEST_KEY = 255
#: The kind of the idempotency keys. Those of one application do not clash with another's.
KEYS = "messages"


class MessageExists(Conflict):
    """The eventId is taken."""

    message = "a message with this eventId exists already"


EXAMPLE = example(MessageDocument)
WITHOUT_LABELS = example(MessageDocument, eventId=None, channels=None, tags=None)
FULL = {
    "eventType": "invoice.paid",
    "eventId": "invoice-991-paid",
    "payload": {"invoice": 991},
    "channels": ["project_123"],
    "tags": ["billing"],
}
MESSAGE_ID = path_parameter("eventID", "The id of the message, or its `eventId`.")
OF_APPLICATION: list[Refusal] = [*REFUSED_ALWAYS, CapabilityMissing, ApplicationNotFound]
#: The refusals of an operation that changes an application, without and with a body.
CHANGES: list[Refusal] = [*REFUSED_ALWAYS, OwnerKey, ApplicationNotFound]
CHANGES_BY_BODY: list[Refusal] = [*REFUSED_BODY, OwnerKey, ApplicationNotFound]

list_messages = TAG.operation(
    "v1.message.list",
    "List messages (Svix)",
    description="A page of the application's messages, newest first: of all events for its endpoints.",
    parameters=[APPLICATION_ID, LIMIT, ITERATOR, *OF_MESSAGES, WITH_CONTENT],
    success=Outcome("The page.", PageDocument[MessageDocument], {"One message": page_example(EXAMPLE, prefix=MESSAGE)}),
    outcomes=[WRONG_FIELDS],
    refused=OF_APPLICATION,
)
create = TAG.operation(
    "v1.message.create",
    "Create a message (Svix)",
    description="Stores a fanout event for the application's endpoints that listen. "
    "A second call with the same `Idempotency-Key` returns the message of the first.",
    parameters=[APPLICATION_ID, WITH_CONTENT],
    request=body(
        MessageIn,
        {
            "In full": FULL,
            "With its application": {
                "eventType": "invoice.paid",
                "payload": {"invoice": 991},
                "application": AN_APPLICATION,
            },
        },
    ),
    success=Outcome(
        "The message.",
        MessageDocument,
        {"In full": EXAMPLE, "Without labels": WITHOUT_LABELS},
        status=HTTPStatus.ACCEPTED,
    ),
    outcomes=[WRONG_FIELDS],
    refused=[*CHANGES_BY_BODY, KeyMissing, OwnerIsAnId, OwnerFixed, MessageExists],
)
precheck = TAG.operation(
    "v1.message.precheck",
    "Check whether any endpoint would get a message (Svix)",
    description="Whether an active endpoint listens to the event type and the channels, whatever its filter is.",
    parameters=[APPLICATION_ID],
    request=body(MessagePrecheckIn, {"In full": {"eventType": "invoice.paid", "channels": ["project_123"]}}),
    success=Outcome("The answer.", PrecheckDocument, {"Somebody": {"active": True}}),
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_BODY, ApplicationNotFound],
)
get = TAG.operation(
    "v1.message.get",
    "Get a message (Svix)",
    description="One message, by its id or its `eventId`.",
    parameters=[APPLICATION_ID, MESSAGE_ID, WITH_CONTENT],
    success=Outcome("The message.", MessageDocument, "Message"),
    refused=[*OF_APPLICATION, MessageNotFound],
)
expunge = TAG.operation(
    "v1.message.expunge-content",
    "Delete the payload of a message (Svix)",
    description="Deletes the payload, and the answers to it. Deliveries that still wait are not sent.",
    parameters=[APPLICATION_ID, MESSAGE_ID],
    success=Outcome("Deleted.", type(None), status=HTTPStatus.NO_CONTENT),
    refused=[*CHANGES, MessageNotFound],
)


class Messages(MessageView):
    """The messages of an application."""

    http_method_names = ["get", "head", "post", "options"]
    proves = ("POST",)

    @list_messages
    def get(self, request: Request, ownerID: str) -> PageDocument[MessageDocument]:  # noqa: N803
        """Return a page."""
        rows = of_messages(request, within_time(request, self.place(ownerID).messages()))
        shown = self.shows_content(request)
        return read_page(
            request,
            rows if shown else rows.defer("data"),
            MESSAGE,
            lambda event: message_document(event, shows_payload=shown),
            descending=True,
            large="data" if shown else "",
        )

    @create
    def post(self, request: Request, ownerID: str) -> MessageDocument:  # noqa: N803
        """Create a message; the same idempotency key returns the same one again."""
        self.check_whole_project()
        text = without_half_pairs(request.body)
        named = checked_owner_id(ownerID)
        sent = self.body(request, MessageIn, text=text)
        key = _idempotency_key(request)
        event = create_message(self.key_project, named, sent, text, key=key, proof=self.proof())
        return message_document(event, shows_payload=self.shows_content(request))


class MessagePrecheck(EndpointView):
    """List the endpoints that would get a message."""

    http_method_names = ["post"]

    @precheck
    def post(self, request: Request, ownerID: str) -> PrecheckDocument:  # noqa: N803
        """Return whether there is one that is active."""
        project_id, owner_id = self.key_project, self.known_owner(ownerID)
        sent = self.body(request, MessagePrecheckIn)
        found = read_candidates(project_id, event_types=[sent["eventType"]], owners=[owner_id])
        unconditional = ([row._replace(conditions=None) for row in rows] for rows in found.endpoints.values())
        event = Content(sent["eventType"], b"", {}, {}, "", sent.get("channels", []))
        taken = matched(unconditional, event, event.value)
        return {"active": any(row.is_active for row in taken)}


class MessageDetail(MessageView):
    """One message."""

    @get
    def get(self, request: Request, ownerID: str, eventID: str) -> MessageDocument:  # noqa: N803
        """Return it."""
        event = self.place(ownerID).message(eventID)
        return message_document(event, shows_payload=self.shows_content(request))


class MessageContent(MessageView):
    """The payload of a message."""

    http_method_names = ["delete"]

    @expunge
    def delete(self, request: Request, ownerID: str, eventID: str) -> None:  # noqa: N803
        """Delete it."""
        self.check_whole_project()
        place = self.place(ownerID)
        event = place.message(eventID)
        expunge_events(place.project_id, Event.objects.filter(pk=event.pk), owner_id=place.owner_id)


def create_message(
    project_id: str, app_id: str, sent: dict[str, Any], text: bytes, *, key: str, proof: Proof | None
) -> Event:
    """Store a message for an application, which is created first where the body holds it and there is none.

    The operation is that of Convoy's fanout. `app_id` is an id or a uid, and `text` the body that `sent` was read from.
    Return the event, or that of an earlier call with the same idempotency key. Raises InvalidInput, NotFound, which
    is raised also where `proof` does not hold, and Conflict.
    """
    if "application" in sent:
        # The statement that proves the caller comes second. Where it does not hold, the first is rolled back.
        with transaction.atomic():
            owner_id = owner_of(project_id, app_id)
            _create_application(project_id, owner_id, sent["application"])
            return _create_message(project_id, owner_id, sent, text, key=key, proof=proof)
    return _create_message(project_id, app_id, sent, text, key=key, proof=proof)


def _create_message(
    project_id: str, app_id: str, sent: dict[str, Any], text: bytes, *, key: str, proof: Proof | None
) -> Event:
    raw = raw_value(text, "payload")
    said = content(event_type=sent["eventType"], raw=raw, value=sent["payload"], idempotency_key=key)
    said = said._replace(
        channels=sent.get("channels", []), tags=sent.get("tags", []), external_id=sent.get("eventId", "")
    )
    try:
        posted = _store(project_id, said, app_id, proof)
    except IntegrityError as error:
        if broken_constraint(error) != OF_EXTERNAL_ID:
            raise
        if earlier := _of_key(project_id, app_id, key):
            return earlier
        raise MessageExists from None
    if posted.is_duplicate and (earlier := _of_key(project_id, app_id, key)):
        return earlier
    return Event(
        uid=posted.uid,
        project_id=project_id,
        event_type=said.event_type,
        data=said.data.decode(),
        channels=list(said.channels),
        tags=list(said.tags),
        external_id=said.external_id,
        created_at=posted.created_at,
    )


def _store(project_id: str, event: Content, app_id: str, proof: Proof | None) -> Posted:
    # An id that is taken breaks the transaction.
    with transaction.atomic() if event.external_id else nullcontext():
        return create_fanout_event(
            project_id,
            event,
            owner_id=app_id,
            application_id=uid_in(APPLICATION, app_id),
            keys=KEYS,
            without_endpoints=lambda: find_application(project_id, app_id).owner_id,
            proof=proof,
        )


def _create_application(project_id: str, owner_id: str, sent: dict[str, Any]) -> None:
    """Create the application that a message's body holds, unless it is there. Raises InvalidInput."""
    if sent.get("uid", owner_id) != owner_id:
        raise OwnerFixed
    get_or_create_application(project_id, owner_id=owner_id, name=sent["name"], metadata=sent.get("metadata", {}))


def _of_key(project_id: str, app_id: str, key: str) -> Event | None:
    if not key:
        return None
    scope = f"{KEYS}:{owner_of(project_id, app_id)}"
    rows = Event.objects.filter(project_id=project_id, idempotency_key=key, key_scope=scope)
    return rows.filter(is_duplicate_event=False).first()


def _idempotency_key(request: Request) -> str:
    key = str(request.META.get("HTTP_IDEMPOTENCY_KEY", ""))
    if len(key) > LONGEST_KEY:
        raise wrong_field("header", "idempotency-key", f"must have at most {LONGEST_KEY} characters")
    return key
