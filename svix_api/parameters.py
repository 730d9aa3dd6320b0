"""Read the parameters of Svix's lists. Contract: docs/contract/svix.md#filters."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from core.api.openapi import TIME_PATTERN, query
from core.api.parameters import texts
from core.ulid import first_ulid_at
from svix_api.paging import wrong_parameter
from svix_api.times import read_moment

M = TypeVar("M", bound=Model)

_TEXT = {"type": "string"}
_TIME = {"type": "string", "pattern": TIME_PATTERN}
BEFORE = query("before", "Only rows from before this time.", _TIME)
AFTER = query("after", "Only rows from after this time.", _TIME)
CHANNEL = query("channel", "Only messages of this channel.", _TEXT)
TAG = query("tag", "Only messages with this tag.", _TEXT)
EVENT_TYPES = query("event_types", "Only messages of these event types, separated by commas.", _TEXT)
WITH_CONTENT = query(
    "with_content", "Whether payloads and answers are shown; else they are empty.", {"type": "boolean", "default": True}
)
OF_MESSAGES: list[Any] = [BEFORE, AFTER, CHANNEL, TAG, EVENT_TYPES]


def within_time(request: Request, rows: "QuerySet[M]") -> "QuerySet[M]":
    """Return those of `rows` that were made between `after` and `before`. Raises WrongFields."""
    before, after = (read_moment(request, name) for name in ("before", "after"))
    if before is not None:
        rows = rows.filter(pk__lt=first_ulid_at(before))
    if after is not None:
        rows = rows.filter(pk__gte=first_ulid_at(after))
    return rows


def of_messages(request: Request, rows: "QuerySet[M]", prefix: str = "") -> "QuerySet[M]":
    """Return those of `rows` whose messages have the channel, the tag and one of the event types that are named.

    `prefix` leads from a row to its event, such as `event__`. Raises WrongFields.
    """
    for name, column in (("channel", "channels"), ("tag", "tags")):
        if text := request.query_params.get(name, ""):
            rows = rows.filter(**{f"{prefix}{column}__contains": [text]})
    if types := [name for text in texts(request, "event_types") for name in text.split(",") if name]:
        rows = rows.filter(**{f"{prefix}event_type__in": types})
    return rows


def number(request: Request, name: str, allowed: list[int]) -> int | None:
    """Return a number of a request's query; None where it has none. Raises WrongFields."""
    text = request.query_params.get(name, "")
    if not text:
        return None
    if text not in map(str, allowed):
        raise wrong_parameter(name, f"must be one of {', '.join(map(str, allowed))}")
    return int(text)
