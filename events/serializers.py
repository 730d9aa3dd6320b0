"""Define the bodies of requests that create events. Contract: docs/contract/events.md#bodies."""

from typing import Any

from rest_framework import serializers

from core.api.bodies import NotJSON
from core.api.fields import INCORRECT_TYPE, Flag, Items, Secret, Shape, Text
from core.api.openapi import URL_PATTERN, describe
from endpoints.serializers import required
from outbound.headers import MAX_VALUE_LENGTH
from outbound.payload import raw_member

MAX_EVENT_TYPES = 100
NO_DATA = "please provide your data"
NO_EVENT_TYPE = "please provide an event type"
NO_OWNER = "please provide an owner id"
NO_URL = "please provide an endpoint url"
MESSAGE: Any = {INCORRECT_TYPE: "incorrect type"}


class AnyJSON(serializers.JSONField):
    """Any JSON value; the bytes that are kept are those of the request."""

    def __init__(
        self,
        no_value: str = NO_DATA,
        *,
        required: bool = True,
        help_text: str = "The payload: any JSON value, kept byte for byte.",
    ) -> None:
        super().__init__(allow_null=True, required=required, error_messages={"required": no_value}, help_text=help_text)

    def to_internal_value(self, data: Any) -> Any:
        """Return the value as it is: it has been parsed already."""
        return data


def raw_value(body: bytes, name: str) -> bytes:
    """Return the text of a member of a valid body, byte for byte. Raises NotJSON where it is nested too deeply."""
    try:
        raw = raw_member(body, name)
    except ValueError:
        raw = None
    if raw is None:
        # Nested almost as deeply as the parser can go.
        raise NotJSON(where="")
    return raw


class TextByName(serializers.DictField):
    """A JSON object whose members are strings."""

    default_error_messages = MESSAGE
    child = Text(max_length=MAX_VALUE_LENGTH)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Return the object as it is. The operation checks which headers can be sent."""
        if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
            self.fail(INCORRECT_TYPE)
        return data


class _EventBody(Shape):
    nullable = frozenset({"data"})

    data: Any = AnyJSON()
    event_type = required(
        NO_EVENT_TYPE, help_text="Such as `invoice.paid`. It need not be one of the project's event types."
    )
    custom_headers = TextByName(
        required=False, help_text="Headers that each delivery carries; those that HTTP itself needs are refused."
    )
    idempotency_key = Text(
        required=False,
        help_text="Of several events with one key, one is delivered. Required where the project has a "
        "`request_id_header` of its own.",
    )


class CreateEvent(_EventBody):
    """An event for one endpoint."""

    endpoint_id = Text(required=False, help_text="The endpoint to which the event is sent.")
    app_id = Text(required=False, help_text="Deprecated: the same as `endpoint_id`, which takes precedence over it.")


class FanoutEvent(_EventBody):
    """An event for all endpoints of an owner."""

    owner_id = required(NO_OWNER, help_text="The customer to all of whose endpoints the event is sent.")


class BroadcastEvent(_EventBody):
    """An event for every endpoint that takes it."""

    acknowledged_at = Text(required=False, help_text="Accepted and ignored.")


class DynamicEvent(_EventBody):
    """An event for a URL."""

    data: Any = AnyJSON("please provide your webhook event data")
    url = required(NO_URL, max_length=2048, help_text="The http or https URL to which the event is sent.")
    secret = Secret(
        required=False,
        help_text="The secret of the endpoint, if there is none for the URL yet. Generated where it is not sent.",
    )
    event_types = Items(
        child=Text(allow_blank=False),
        required=False,
        max_length=MAX_EVENT_TYPES,
        help_text="The event types that the endpoint's first subscription has from now on.",
    )


class TestEvent(Shape):
    """A test event for one endpoint."""

    nullable = frozenset({"data"})

    event_type = required(NO_EVENT_TYPE, help_text="Such as `invoice.paid`. The endpoint need not listen to it.")
    data: Any = AnyJSON(
        required=False,
        help_text="The payload: any JSON value, kept byte for byte. Without it, an example of the event type's schema.",
    )
    rehearsal = Flag(
        required=False,
        help_text="During the overlap of a rotation: sign it with the newest secret only, to learn whether the "
        "receiver has that one.",
    )


# Their schemas

describe(DynamicEvent, "models.DynamicEvent", url={"pattern": URL_PATTERN})
