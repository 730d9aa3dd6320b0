"""The bodies of requests on event types, subscriptions and filters.

Contract: docs/contract/subscriptions.md, docs/contract/event-types.md.
"""

import re
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.documents import Schema, define, nullable, ref
from core.api.fields import INCORRECT_TYPE, Flag, Integer, Shape, Text
from core.api.openapi import TIME_OR_EMPTY_PATTERN, TIME_PATTERN, text
from endpoints.serializers import required
from projects.serializers import RateLimitConfiguration
from subscriptions.exceptions import EventTypeNameBlank, SubscriptionNameBlank

MOST_EVENT_TYPES = 1000
#: Filters in one request.
MOST_FILTERS = 1000
#: More than a request may hold: the operation that reads the text refuses what is too long.
ANY_LENGTH = 1 << 31

_MESSAGE: Any = {INCORRECT_TYPE: "incorrect type"}
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class AnyJSON(serializers.JSONField):
    """A JSON value of any kind, as it is sent."""

    def to_internal_value(self, data: Any) -> Any:
        return data


ANY_OBJECT: Schema = {"type": "object", "additionalProperties": True, "nullable": True}


@extend_schema_field(ANY_OBJECT)
class Members(AnyJSON):
    """A JSON object, kept as it is sent."""

    default_error_messages = _MESSAGE

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail(INCORRECT_TYPE)
        return data


@extend_schema_field({"allOf": [ref("datastore.M")]})
class Scope(Members):
    """The conditions on one part of an event."""


_optional_time = define(
    "models.OptionalTime",
    {
        "anyOf": [{"type": "string", "pattern": TIME_PATTERN}, {"type": "object"}],
        "properties": {
            "set": {"type": "boolean", "description": "False: as if it was not sent."},
            "time": nullable(text(description="RFC 3339. Empty or null: none.", pattern=TIME_OR_EMPTY_PATTERN)),
        },
        "description": "A time as a text of RFC 3339, or null for none. An object of `set` and `time` is accepted too.",
    },
)


@extend_schema_field({"allOf": [_optional_time]})
class OptionalTime(Text):
    """A time as a text of RFC 3339.

    Generated clients know it as the object {"set": true, "time": "…"}, which is accepted too. One that is
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

    name = required(EventTypeNameBlank.reason)
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

    spec = Text(required=False, max_length=ANY_LENGTH, help_text="The document's text, YAML or JSON.")


class Conditions(Shape):
    """The conditions of a subscription, by the part of the event that they look at."""

    headers = Scope(required=False)
    body = Scope(required=False)
    query = Scope(required=False)
    path = Scope(required=False)


class FilterConfiguration(Shape):
    """The events that a subscription takes."""

    event_types = serializers.ListField(
        child=Text(allow_blank=False),
        required=False,
        max_length=MOST_EVENT_TYPES,
        allow_empty=True,
        help_text="Not sent or empty: all of them. Names that are not event types yet are added to the project's.",
    )
    filter = Conditions(required=False)


class AlertConfiguration(Shape):
    """The alerts on failures. Stored without effect."""

    count = Integer(required=False)
    threshold = Text(required=False)


class RetryConfiguration(Shape):
    """The retries of deliveries. Stored without effect."""

    type = Text(required=False)
    duration = Text(required=False)
    interval_seconds = Integer(required=False)
    retry_count = Integer(required=False)


class CreateSubscription(Shape):
    """The body of a subscription's creation."""

    name = required(SubscriptionNameBlank.reason)
    endpoint_id = required("please provide a valid endpoint id")
    source_id = Text(required=False)
    app_id = Text(required=False, help_text="Ignored.")
    filter_config = FilterConfiguration(required=False)
    function = Text(required=False, max_length=ANY_LENGTH, help_text="Leave it empty: there are no functions.")
    delivery_mode = Text(required=False)
    alert_config = AlertConfiguration(required=False)
    rate_limit_config = RateLimitConfiguration(required=False)


class UpdateSubscription(CreateSubscription):
    """The body of a subscription's update. Fields that are not sent or are empty are kept."""

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
    """The members of every filter's body. `enabled_at` is one of the few for which null is a value."""

    event_type = Text(required=False, help_text="The name of an event type of the project, or `*` for all.")
    enabled_at = OptionalTime(required=False)
    headers: Members = Scope(required=False)
    body: Members = Scope(required=False)
    query: Members = Scope(required=False)
    path: Members = Scope(required=False)

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        return values | ({"enabled_at": None} if data.get("enabled_at", "") is None else {})


class CreateFilterRequest(FilterBody):
    """The body of a filter's creation."""


class UpdateFilterRequest(FilterBody):
    """The body of a filter's update. `is_flattened` is accepted and ignored."""

    is_flattened = Flag(required=False)


class BulkUpdateFilterRequest(FilterBody):
    """One of the filters of a bulk update."""

    uid = required("please provide the id of each filter")
    headers = Members(required=False)
    body = Members(required=False)
    query = Members(required=False)
    path = Members(required=False)


class TestFilterRequestScopes(Shape):
    """The parts of a request that a filter reads; `header` is another name of `headers`."""

    __test__ = False

    body = AnyJSON(required=False)
    header = Scope(required=False)
    headers = Scope(required=False)
    query = Scope(required=False)
    path = Scope(required=False)


class TestFilterRequest(Shape):
    """An event to try filters on: a payload, or the parts of a request."""

    __test__ = False

    payload = AnyJSON(required=False)
    request = TestFilterRequestScopes(required=False)
