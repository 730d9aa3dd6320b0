"""The bodies of requests that create events. Contract: events section 2."""

from typing import Any

from rest_framework import serializers

from core.api.fields import INCORRECT_TYPE, Shape, Text
from endpoints.serializers import required
from outbound.headers import MAX_VALUE_LENGTH

MAX_EVENT_TYPES = 100
MESSAGE: Any = {INCORRECT_TYPE: "incorrect type"}


class AnyJSON(serializers.JSONField):
    """Any JSON value; the bytes that are kept are those of the request."""

    def to_internal_value(self, data: Any) -> Any:
        """It has been parsed already."""
        return data


class TextByName(serializers.DictField):
    """A JSON object whose members are strings."""

    default_error_messages = MESSAGE
    child = Text(max_length=MAX_VALUE_LENGTH)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """The object as it is. What a header may be is the operation's affair."""
        if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
            self.fail(INCORRECT_TYPE)
        return data


class _EventBody(Shape):
    nullable = frozenset({"data"})

    data: Any = AnyJSON(allow_null=True, error_messages={"required": "please provide your data"})
    event_type = required("please provide an event type")
    custom_headers = TextByName(required=False)
    idempotency_key = Text(required=False)


class CreateEvent(_EventBody):
    """An event for one endpoint."""

    endpoint_id = Text(required=False)
    app_id = Text(required=False)


class FanoutEvent(_EventBody):
    """An event for all endpoints of an owner."""

    owner_id = required("please provide an owner id")


class BroadcastEvent(_EventBody):
    """An event for every endpoint that takes it."""

    acknowledged_at = Text(required=False)


class DynamicEvent(_EventBody):
    """An event for a URL."""

    data: Any = AnyJSON(allow_null=True, error_messages={"required": "please provide your webhook event data"})
    url = required("please provide an endpoint url", max_length=2048)
    secret = Text(required=False)
    event_types = serializers.ListField(child=Text(allow_blank=False), required=False, max_length=MAX_EVENT_TYPES)
