"""Define events as the API shows them, read in one statement. Contract: docs/contract/events.md#object."""

from collections.abc import Sequence
from typing import Annotated, Any, NotRequired, TypedDict

import orjson
from django.db import connection
from orjson import Fragment

from core.api.documents import Component, DeletedAt, Example, Keywords, Time, Uid, component, example
from core.api.values import ZERO_TIME, wire_time_from_sql
from events.exceptions import EventNotFound
from events.reads import Within
from outbound.documents import HttpHeaders
from outbound.headers import mask_headers
from outbound.states import Status

_READ = """
SELECT uid, event_type, endpoints, headers::text, idempotency_key, is_duplicate_event, data, status, failure_reason,
  created_at::text, updated_at::text
FROM events_event WHERE project_id = %s AND uid = ANY(%s)
"""

#: The schema of a time that is never set.
NoTime = Annotated[str, Example(ZERO_TIME)]
#: The published list has states that an event of this server never has, and is empty where only its name is shown.
EventStatus = Annotated[
    str,
    "`Success`: its deliveries are created, or it is a duplicate. `Failure`: see `failure_reason`.",
    Keywords(enum=[*(Status[name].value for name in ("PROCESSING", "FAILURE", "SUCCESS", "RETRY")), "Pending", ""]),
    Component("datastore.EventStatus"),
]

_UID = "01JZ8QS9N3P5R7T9V1X3Z5B7D9"
_DELIVERY_UID = "01JZ8QS9N4QW7Y2ZB5D8F0H3K6"
_CREATED = "2026-07-03T09:31:02.113204Z"


@component("datastore.CustomResponse")
class CustomResponseDocument(TypedDict):
    """The response of a source, which is always empty."""

    body: Annotated[str, "Empty."]
    content_type: Annotated[str, "Empty."]


@component("datastore.Source", "There are no sources: every member is empty.")
class SourceDocument(TypedDict):
    """A source, which this server does not have."""

    uid: Annotated[str, "Empty."]
    project_id: Annotated[str, "Empty."]
    mask_id: Annotated[str, "Empty."]
    name: Annotated[str, "Empty."]
    url: Annotated[str, "Empty."]
    type: Annotated[str, "Empty.", Component("datastore.SourceType")]
    provider: Annotated[str, "Empty.", Component("datastore.SourceProvider")]
    is_disabled: Annotated[bool, "Always false."]
    verifier: Annotated[Annotated[dict[str, Any], Component("datastore.VerifierConfig")] | None, "Null."]
    custom_response: CustomResponseDocument
    provider_config: Annotated[Annotated[dict[str, Any], Component("datastore.ProviderConfig")] | None, "Null."]
    forward_headers: Annotated[list[str] | None, "Null."]
    pub_sub: Annotated[Annotated[dict[str, Any], Component("datastore.PubSubConfig")] | None, "Null."]
    idempotency_keys: Annotated[list[str] | None, "Null."]
    event_type_location: Annotated[str, "Empty."]
    body_function: Annotated[str | None, "Null."]
    header_function: Annotated[str | None, "Null."]
    created_at: Annotated[NoTime, "Never set."]
    updated_at: Annotated[NoTime, "Never set."]
    deleted_at: DeletedAt


class EventBase(TypedDict):
    """The members that an event has by itself and inside of a delivery."""

    uid: Annotated[Uid, Example(_UID)]
    event_type: Annotated[str, Example("invoice.paid")]
    url_query_params: Annotated[str, "Always empty."]
    url_path: Annotated[str, "Always empty."]
    created_at: Annotated[Time, Example(_CREATED)]
    deleted_at: DeletedAt


@component("models.EventResponse", is_partial=True)
class EventDocument(EventBase):
    """An event."""

    project_id: Uid
    endpoints: Annotated[
        list[str],
        "One for each subscription that took it; if none did, those to which it was addressed.",
        Example(["01JZ8QM5X9C1D3F5G7H9J1K3M5"]),
    ]
    headers: Annotated[HttpHeaders | Fragment, Example({"X-Tenant": ["acme"]})]
    source_metadata: Annotated[SourceDocument | Fragment | None, Example(example(SourceDocument))]
    idempotency_key: Annotated[
        str, "The event's key, or empty. Of several events with one key, one is delivered.", Example("inv-991")
    ]
    is_duplicate_event: Annotated[
        bool, "Whether an earlier event has its idempotency key: a duplicate is not delivered."
    ]
    # The published document says "object", but takes and shows more than that.
    data: Annotated[
        Any,
        "The payload: any JSON value, kept byte for byte.",
        Keywords(nullable=True),
        Example({"invoice": 991, "amount": "12.50"}),
    ]
    status: Annotated[EventStatus, Example(Status.SUCCESS.value)]
    failure_reason: NotRequired[Annotated[str, "Absent where it has not failed."]]
    acknowledged_at: Annotated[Time | None, "When the event was taken in.", Example(_CREATED)]
    updated_at: Annotated[Time, Example(_CREATED)]


class CreatedDocument(TypedDict):
    """The answer to the creation of an event."""

    uid: Annotated[Uid, Example(_UID)]


class TestEventDocument(TypedDict):
    """A test event and its delivery."""

    uid: Annotated[Uid, Example(_UID)]
    event_delivery_id: Annotated[Uid, "Its delivery, whose attempt has the answer.", Example(_DELIVERY_UID)]


#: Convoy's source object where there is none.
NO_SOURCE = example(SourceDocument)
_NO_SOURCE = Fragment(orjson.dumps(NO_SOURCE))


def event_documents(
    project_id: str,
    ids: Sequence[str],
    *,
    within: Within | None = None,
    is_masked: bool = False,
    shows_payload: bool = True,
) -> list[EventDocument]:
    """Return the events of a project with these ids, in their order.

    `within` are the endpoints that the caller may know of, the others are left out; `is_masked` hides the
    values of headers as deliveries do. Without `shows_payload` there are neither headers nor data. One statement, or
    none.
    """
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_READ, [project_id, list(ids)])
        found = {row[0]: _document(project_id, row, within, is_masked, shows_payload) for row in cursor.fetchall()}
    return [found[uid] for uid in ids if uid in found]


def event_document(
    project_id: str,
    event_id: str,
    *,
    within: Within | None = None,
    is_masked: bool = False,
    shows_payload: bool = True,
) -> EventDocument:
    """Return one event. With `within`, it must have one of these endpoints. Raises NotFound."""
    found = event_documents(project_id, [event_id], within=within, is_masked=is_masked, shows_payload=shows_payload)
    if not found or (within is not None and not found[0]["endpoints"]):
        raise EventNotFound
    return found[0]


def _document(
    project_id: str, row: tuple[Any, ...], within: Within | None, is_masked: bool, shows_payload: bool
) -> EventDocument:
    uid, event_type, endpoints, headers, key, is_duplicate, data, status, reason, created_at, updated_at = row
    created_at = wire_time_from_sql(created_at)
    if not shows_payload:
        headers, data = "{}", "null"
    document: EventDocument = {
        "uid": uid,
        "event_type": event_type,
        "project_id": project_id,
        "endpoints": endpoints if within is None else [uid for uid in endpoints if within.sees(uid, row[0])],
        "headers": mask_headers(orjson.loads(headers)) if is_masked else Fragment(headers),
        "source_metadata": _NO_SOURCE,
        "url_query_params": "",
        "url_path": "",
        "idempotency_key": key,
        "is_duplicate_event": is_duplicate,
        "data": Fragment(data),
        "status": status,
        "acknowledged_at": created_at,
        "created_at": created_at,
        "updated_at": wire_time_from_sql(updated_at),
        "deleted_at": None,
    }
    if reason:
        document["failure_reason"] = reason
    return document
