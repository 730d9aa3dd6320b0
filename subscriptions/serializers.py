"""The bodies of requests on event types, subscriptions and filters. Contract: subscriptions-and-event-types."""

import re
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from core.api.fields import INCORRECT_TYPE, Flag, Integer, Shape, Text
from endpoints.serializers import required
from projects.serializers import RateLimitConfiguration

MOST_EVENT_TYPES = 1000
#: In one request.
MOST_FILTERS = 1000
#: More than a request may hold: what is too long is said by the operation that reads it.
ANY_LENGTH = 1 << 31

_MESSAGE: Any = {INCORRECT_TYPE: "incorrect type"}
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class AnyJSON(serializers.JSONField):
    """A JSON value of any kind, as it is sent."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class Members(AnyJSON):
    """A JSON object, kept as it is sent."""

    default_error_messages = _MESSAGE

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail(INCORRECT_TYPE)
        return data


class OptionalTime(Text):
    """A time in the text of RFC 3339.

    Generated clients know it as the object {"set": true, "time": "…"}: that is taken too. One that is
    not `set` counts as not sent, one without a `time` as null.
    """

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if not isinstance(data, dict):
            return self._moment(data)
        is_set, time = data.get("set", "time" in data), data.get("time")
        if not isinstance(is_set, bool):
            self.fail(INCORRECT_TYPE)
        moment = None if time in (None, "") else self._moment(time)
        if not is_set:
            raise serializers.SkipField
        return moment

    def _moment(self, data: Any) -> datetime:
        text = super().run_validation(data)
        try:
            if not _RFC3339.fullmatch(text):
                raise ValueError(text)
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise serializers.ValidationError("please provide a time such as 2026-07-03T09:41:00Z") from None


class CreateEventType(Shape):
    """The body of an event type's creation."""

    name = required("please provide a name for this event type")
    category = Text(required=False)
    description = Text(required=False, max_length=4096)
    json_schema = Members(required=False)


class UpdateEventType(Shape):
    """The body of an event type's update; its name stays."""

    category = Text(required=False)
    description = Text(required=False, max_length=4096)
    json_schema = Members(required=False)


class ImportOpenAPISpec(Shape):
    """An OpenAPI document, as YAML or JSON text."""

    spec = Text(required=False, max_length=ANY_LENGTH)


class Conditions(Shape):
    """The conditions of a subscription, by the part of the event that they look at."""

    headers = Members(required=False)
    body = Members(required=False)
    query = Members(required=False)
    path = Members(required=False)


class FilterConfiguration(Shape):
    """Which events a subscription takes."""

    event_types = serializers.ListField(
        child=Text(allow_blank=False), required=False, max_length=MOST_EVENT_TYPES, allow_empty=True
    )
    filter = Conditions(required=False)


class AlertConfiguration(Shape):
    """When somebody would be told of failures."""

    count = Integer(required=False)
    threshold = Text(required=False)


class RetryConfiguration(Shape):
    """How deliveries would be tried again."""

    type = Text(required=False)
    duration = Text(required=False)
    interval_seconds = Integer(required=False)
    retry_count = Integer(required=False)


class CreateSubscription(Shape):
    """The body of a subscription's creation."""

    name = required("please provide a valid subscription name")
    endpoint_id = required("please provide a valid endpoint id")
    source_id = Text(required=False)
    app_id = Text(required=False)
    filter_config = FilterConfiguration(required=False)
    function = Text(required=False, max_length=ANY_LENGTH)
    delivery_mode = Text(required=False)
    alert_config = AlertConfiguration(required=False)
    rate_limit_config = RateLimitConfiguration(required=False)


class UpdateSubscription(CreateSubscription):
    """The body of a subscription's update: what is not sent, or empty, is kept."""

    name = Text(required=False)
    endpoint_id = Text(required=False)
    retry_config = RetryConfiguration(required=False)


class FilterSchema(Shape):
    """The parts of a request, or the conditions on each; the key `header` is singular here."""

    header = AnyJSON(required=False)
    body = AnyJSON(required=False)
    query = AnyJSON(required=False)
    path = AnyJSON(required=False)


class TestFilter(Shape):
    """A request, and the conditions that it is tested against."""

    __test__ = False

    request = FilterSchema(required=False)
    schema = FilterSchema(required=False)


class FunctionRequest(Shape):
    """A function to try."""

    payload = AnyJSON(required=False)
    function = Text(required=False, max_length=ANY_LENGTH)
    type = Text(required=False)


class FilterBody(Shape):
    """What filters have in common. `enabled_at` is one of the few members for which null is a value."""

    event_type = Text(required=False)
    enabled_at = OptionalTime(required=False)
    headers = Members(required=False)
    body = Members(required=False)
    query = Members(required=False)
    path = Members(required=False)

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        return values | ({"enabled_at": None} if data.get("enabled_at", "") is None else {})


class CreateFilterRequest(FilterBody):
    """The body of a filter's creation."""


class UpdateFilterRequest(FilterBody):
    """The body of a filter's update. `is_flattened` is accepted and says nothing."""

    is_flattened = Flag(required=False)


class BulkUpdateFilterRequest(FilterBody):
    """One of the filters of a bulk update."""

    uid = required("please provide the id of each filter")


class TestFilterRequestScopes(Shape):
    """The parts of a request that a filter looks at; `header` is taken for `headers`."""

    __test__ = False

    body = AnyJSON(required=False)
    header = Members(required=False)
    headers = Members(required=False)
    query = Members(required=False)
    path = Members(required=False)


class TestFilterRequest(Shape):
    """What a filter is tested with: a payload, or the parts of a request."""

    __test__ = False

    payload = AnyJSON(required=False)
    request = TestFilterRequestScopes(required=False)
