"""Define the bodies of requests on event types, subscriptions and filters.

Contract: docs/contract/subscriptions.md, docs/contract/event-types.md.
"""

import re
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.documents import Schema, define, nullable, ref, schema_of
from core.api.fields import INCORRECT_TYPE, Flag, Integer, Items, Shape, Text
from core.api.openapi import TIME_OR_EMPTY_PATTERN, TIME_PATTERN, describe, takes_null, text
from endpoints.serializers import required
from projects.serializers import RateLimitConfiguration
from subscriptions.documents import AlertDocument, ConditionsDocument, DeliveryMode, EventTypeDocument, RetryDocument
from subscriptions.exceptions import EventTypeNameBlank, SubscriptionNameBlank

MOST_EVENT_TYPES = 1000
#: The most filters in one request.
MOST_FILTERS = 1000
#: More than a request may hold, as the operation that reads the text refuses one that is too long.
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
            "set": {"type": "boolean", "description": "False: counts as not sent."},
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

    document = EventTypeDocument

    name = required(
        EventTypeNameBlank.reason, help_text="The name, such as `invoice.paid`. It cannot be changed later."
    )
    category = Text(required=False)
    description = Text(required=False, max_length=4096)
    json_schema = Members(required=False)


class UpdateEventType(Shape):
    """The body of an event type's update; its name stays."""

    document = EventTypeDocument

    category = Text(required=False)
    description = Text(required=False, max_length=4096)
    json_schema = Members(required=False)


class ImportOpenAPISpec(Shape):
    """An OpenAPI document, as YAML or JSON text."""

    spec = Text(required=False, max_length=ANY_LENGTH, help_text="The document's text, YAML or JSON.")


class Conditions(Shape):
    """The conditions of a subscription, by the part of the event that they look at."""

    document = ConditionsDocument

    headers = Scope(required=False)
    body = Scope(required=False)
    query = Scope(required=False)
    path = Scope(required=False)


class FilterConfiguration(Shape):
    """The events that a subscription takes."""

    event_types = Items(
        child=Text(allow_blank=False),
        required=False,
        max_length=MOST_EVENT_TYPES,
        allow_empty=True,
        help_text="Not sent or empty: all of them. Names that are not event types yet are added to the project's.",
    )
    filter = Conditions(required=False)


class AlertConfiguration(Shape):
    """The alerts on failures. Stored without effect."""

    document = AlertDocument

    count = Integer(required=False)
    threshold = Text(required=False)


class RetryConfiguration(Shape):
    """The retries of deliveries. Stored without effect."""

    document = RetryDocument

    type = Text(required=False)
    duration = Text(required=False, help_text="Stored, without effect.")
    interval_seconds = Integer(required=False, help_text="Stored, without effect.")
    retry_count = Integer(required=False)


class CreateSubscription(Shape):
    """The body of a subscription's creation."""

    name = required(SubscriptionNameBlank.reason, help_text="The name of the subscription.")
    endpoint_id = required("please provide a valid endpoint id", help_text="The endpoint that receives the events.")
    source_id = Text(required=False, help_text="Leave it empty: there are no sources.")
    app_id = Text(required=False, help_text="Ignored.")
    filter_config = FilterConfiguration(required=False)
    function = Text(required=False, max_length=ANY_LENGTH, help_text="Leave it empty: there are no functions.")
    delivery_mode = Text(
        required=False, help_text="`at_least_once`, which is also what an empty text stands for, or `at_most_once`."
    )
    alert_config = AlertConfiguration(required=False)
    rate_limit_config = RateLimitConfiguration(required=False)


class UpdateSubscription(CreateSubscription):
    """The body of a subscription's update. Fields that are not sent or are empty are kept."""

    name = Text(required=False, help_text="The name of the subscription.")
    endpoint_id = Text(required=False, help_text="The endpoint that receives the events.")
    retry_config = RetryConfiguration(required=False)


class FilterSchema(Shape):
    """The parts of a request, or the conditions on each; the key `header` is singular here."""

    header = AnyJSON(required=False, help_text="The headers, or conditions on them.")
    body = AnyJSON(required=False, help_text="The payload, or conditions on it.")
    query = AnyJSON(required=False, help_text="The query, or conditions on it.")
    path = AnyJSON(required=False, help_text="The path, or conditions on it.")


class TestFilter(Shape):
    """A request, and the conditions that it is tested against."""

    __test__ = False

    request = FilterSchema(required=False, help_text="The request.")
    schema = FilterSchema(required=False, help_text="The conditions.")


class FunctionRequest(Shape):
    """A function to try."""

    payload = AnyJSON(required=False, help_text="Not used: every function is refused.")
    function = Text(required=False, max_length=ANY_LENGTH, help_text="Refused, whatever it is: no JavaScript is run.")
    type = Text(required=False, help_text="Not used: every function is refused.")


class FilterBody(Shape):
    """The members of every filter's body. `enabled_at` is one of the few for which null is a value."""

    event_type = Text(required=False, help_text="The name of an event type of the project, or `*` for all.")
    enabled_at = OptionalTime(required=False)
    headers: Members = Scope(required=False, help_text="Conditions on the event's custom headers.")
    body: Members = Scope(required=False, help_text="Conditions on the event's data.")
    query: Members = Scope(required=False, help_text="Conditions on the query, which no event has.")
    path: Members = Scope(required=False, help_text="Conditions on the path, which no event has.")

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        return values | ({"enabled_at": None} if data.get("enabled_at", "") is None else {})


class CreateFilterRequest(FilterBody):
    """The body of a filter's creation."""


class UpdateFilterRequest(FilterBody):
    """The body of a filter's update. `is_flattened` is accepted and ignored."""

    is_flattened = Flag(required=False, help_text="Accepted and ignored.")


class BulkUpdateFilterRequest(FilterBody):
    """One of the filters of a bulk update."""

    uid = required("please provide the id of each filter", help_text="The id of the filter.")
    headers = Members(required=False, help_text="Conditions on the event's custom headers.")
    body = Members(required=False, help_text="Conditions on the event's data.")
    query = Members(required=False, help_text="Conditions on the query, which no event has.")
    path = Members(required=False, help_text="Conditions on the path, which no event has.")


class TestFilterRequestScopes(Shape):
    """The parts of a request that a filter reads; `header` is another name of `headers`."""

    __test__ = False

    body = AnyJSON(required=False, help_text="The payload.")
    header = Scope(required=False, help_text="The headers.")
    headers = Scope(required=False, help_text="The headers.")
    query = Scope(required=False, help_text="The query.")
    path = Scope(required=False, help_text="The path.")


class TestFilterRequest(Shape):
    """An event to try filters on: a payload, or the parts of a request."""

    __test__ = False

    payload = AnyJSON(required=False, help_text="The event's data. A `body` in `request` takes precedence over it.")
    request = TestFilterRequestScopes(required=False)


# Their schemas

describe(ImportOpenAPISpec, "models.ImportOpenAPISpec", ("spec",))
describe(Conditions, "models.FS")
describe(RetryConfiguration, "models.RetryConfiguration", type=ref("datastore.StrategyProvider"))
_fields = {"delivery_mode": schema_of(DeliveryMode), "function": {"maxLength": 0}}
describe(CreateSubscription, "models.CreateSubscription", **_fields)
describe(FunctionRequest, "models.FunctionRequest", payload=ANY_OBJECT)
takes_null(
    *(UpdateEventType, UpdateSubscription, UpdateFilterRequest),
    *(TestFilter, TestFilterRequest),
)
