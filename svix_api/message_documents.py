"""Svix's messages as its API shows and reads them. Contract: docs/contract/svix.md#messages."""

import re
from typing import Annotated, Any, TypedDict

from orjson import Fragment
from rest_framework import serializers

from applications.prefixes import MESSAGE
from core.api.documents import Example, Time, component
from core.api.fields import Items, Shape, Text
from core.api.openapi import describe
from core.api.values import wire_time
from core.prefixed_ids import prefixed
from events.models import Event
from events.serializers import AnyJSON
from svix_api.applications import ApplicationIn
from svix_api.paging import EXAMPLE_UID

#: The alphabet of Svix's names, which a query and a path hold unescaped.
NAME_PATTERN = r"^[a-zA-Z0-9\-_.]+$"
MOST_CHANNELS = 5
MOST_TAGS = 8
MOST_LENGTH = 128
#: The members that would change when or how a message is sent, or for how long it is kept, and why each is refused.
NOT_OFFERED = {
    "deliverAt": "messages are sent at once: there are no delayed ones",
    "payloadRetentionPeriod": "payloads are kept as long as the project keeps its events",
    "payloadRetentionHours": "payloads are kept as long as the project keeps its events",
    "transformationsParams": "there are no transformations, and so no raw payloads",
}


@component("svix.MessageOut")
class MessageDocument(TypedDict):
    """A message in Svix's shape."""

    id: Annotated[str, "The id of the message.", Example(prefixed(MESSAGE, EXAMPLE_UID))]
    eventId: Annotated[str | None, "The id that the sender has given to it.", Example("invoice-991-paid")]
    eventType: Annotated[str, "The name of its event type.", Example("invoice.paid")]
    payload: Annotated[
        dict[str, Any] | Fragment,
        "The payload; empty where it was not asked for, or was deleted.",
        Example({"invoice": 991}),
    ]
    channels: Annotated[
        list[str] | None, "Endpoints with channels get it only where they share one.", Example(["project_123"])
    ]
    tags: Annotated[list[str] | None, "Texts by which lists find it.", Example(["billing"])]
    timestamp: Annotated[Time, "When it was created.", Example("2026-11-28T09:15:42.081516Z")]
    deliverAt: Annotated[str | None, "Null: it was sent at once."]


def message_document(event: Event, *, shows_payload: bool) -> MessageDocument:
    """Return a message as Svix's API shows it. A payload that is not an object is in the member `data`."""
    # Not parsed, because it may be nested more deeply than a document can be written.
    payload = Fragment(event.data if shows_payload else b"{}")
    is_object = not shows_payload or event.data.lstrip().startswith("{")
    return {
        "id": prefixed(MESSAGE, event.uid),
        "eventId": event.external_id or None,
        "eventType": event.event_type,
        "payload": payload if is_object else {"data": payload},
        "channels": event.channels or None,
        "tags": event.tags or None,
        "timestamp": wire_time(event.created_at),
        "deliverAt": None,
    }


@component("svix.MessagePrecheckOut")
class PrecheckDocument(TypedDict):
    """Whether any endpoint would get a message."""

    active: Annotated[bool, "Whether any endpoint would get it.", Example(True)]


# Request bodies


class Named(Text):
    """A text in Svix's alphabet."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": MOST_LENGTH, "allow_blank": False} | kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the text. Raises ValidationError where it holds another character."""
        text = super().to_internal_value(data)
        if not re.fullmatch(NAME_PATTERN, text):
            raise serializers.ValidationError("may hold only a-z, A-Z, 0-9, '-', '_' and '.'")
        return text


class Labels(Items):
    """A JSON array of texts in Svix's alphabet, each of them once."""

    def __init__(self, most: int, **kwargs: Any) -> None:
        super().__init__(child=Named(), max_length=most, required=False, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        """Return the texts without repeated ones, in their order."""
        return list(dict.fromkeys(super().to_internal_value(data)))


class NotOffered(serializers.JSONField):
    """A member that is refused wherever it is sent."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(required=False, help_text=f"Refused: {reason}.")

    def to_internal_value(self, data: Any) -> Any:
        """Raise ValidationError."""
        raise serializers.ValidationError(self.reason)


class MessagePrecheckIn(Shape):
    """The body that asks whether any endpoint would get a message."""

    eventType = Named(max_length=255, help_text="The name of an event type.")  # noqa: N815
    channels = Labels(MOST_CHANNELS, help_text="Endpoints with channels get it only where they share one.")


class MessageIn(MessagePrecheckIn):
    """The body that creates a message."""

    payload = AnyJSON(help_text="A JSON object, which is sent byte for byte.")
    eventId = Named(  # noqa: N815
        max_length=255, required=False, help_text="An id of your own, which no other message of the application has."
    )
    tags = Labels(MOST_TAGS, help_text="Texts by which lists find it.")
    application = ApplicationIn(required=False, help_text="Creates the application of the path where there is none.")
    deliverAt = NotOffered(NOT_OFFERED["deliverAt"])  # noqa: N815
    payloadRetentionPeriod = NotOffered(NOT_OFFERED["payloadRetentionPeriod"])  # noqa: N815
    payloadRetentionHours = NotOffered(NOT_OFFERED["payloadRetentionHours"])  # noqa: N815
    transformationsParams = NotOffered(NOT_OFFERED["transformationsParams"])  # noqa: N815

    def validate_payload(self, payload: Any) -> Any:
        """Refuse a payload that is not an object."""
        if not isinstance(payload, dict):
            raise serializers.ValidationError("must be a JSON object")
        return payload


_LABELS = {"type": "array", "items": {"type": "string", "pattern": NAME_PATTERN, "maxLength": MOST_LENGTH}}
_SAID: dict[str, Any] = {
    "eventType": {"pattern": NAME_PATTERN, "minLength": 1},
    "channels": _LABELS | {"maxItems": MOST_CHANNELS},
}
describe(MessagePrecheckIn, "svix.MessagePrecheckIn", **_SAID)
describe(
    MessageIn,
    "svix.MessageIn",
    payload={"type": "object", "additionalProperties": True},
    eventId={"pattern": NAME_PATTERN, "minLength": 1},
    tags=_LABELS | {"maxItems": MOST_TAGS},
    **{name: {"nullable": True, "enum": [None]} for name in NOT_OFFERED},
)
