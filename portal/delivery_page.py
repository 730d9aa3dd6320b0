"""Make the page of one delivery: what happens next, its attempts, its payload, and the other endpoints."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString

from core.highlight import Shown, header_lines, highlighted, is_binary
from deliveries.exceptions import DeliveryNotFound
from deliveries.operations import WAITING
from deliveries.reads import newest_attempts, of_same_event
from endpoints.models import Endpoint
from endpoints.timeouts import timeout_of
from events.models import DeliveryAttempt, Event, EventDelivery
from outbound.headers import mask_headers
from outbound.payload import NotAnObject, form_encode
from outbound.responses import MAX_BODY_BYTES
from outbound.states import Status
from portal.curl import curl_command
from portal.delivery_words import Told, attempt_answer, attempts_words, explained, last_answer, next_words, says
from portal.words import Pill, delivery_pill, duration, span
from portal_links.access import Access
from portal_links.capabilities import VIEW_DELIVERIES, VIEW_PAYLOADS
from projects.models import EventType

FORM = "application/x-www-form-urlencoded"
OF_ENDPOINT = ("uid", "name", "url", "status", "http_timeout", "content_type", "deleted_at")


@dataclass(frozen=True, slots=True)
class AttemptView:
    """An attempt in the timeline."""

    uid: str
    title: str
    is_good: bool
    shape: str
    at: datetime
    took: str
    explained: SafeString
    has_details: bool


@dataclass(frozen=True, slots=True)
class Details:
    """The request and the response of an attempt."""

    #: None where there was no answer.
    body: Shown | None
    is_binary: bool
    is_cut: bool
    content_type: str
    response_headers: SafeString
    request_headers: SafeString
    ip_address: str


@dataclass(frozen=True, slots=True)
class Sibling:
    """A delivery of the same event to another endpoint."""

    uid: str
    endpoint_name: str
    pill: Pill
    answer: str
    created_at: datetime


def find_delivery(access: Access, delivery_id: str) -> tuple[EventDelivery, Endpoint]:
    """Return a delivery of the customer's and its endpoint. One statement for each. Raises NotFound, Forbidden."""
    access.require(VIEW_DELIVERIES)
    delivery = EventDelivery.objects.filter(project=access.project.pk, pk=delivery_id).first()
    if delivery is None:
        raise DeliveryNotFound
    endpoint = access.endpoints().filter(pk=delivery.endpoint_id, held_from__lte=delivery.pk).only(*OF_ENDPOINT).first()
    if endpoint is None:
        raise DeliveryNotFound
    return delivery, endpoint


def delivery_context(access: Access, delivery: EventDelivery, endpoint: Endpoint) -> dict[str, Any]:
    """Return the context of the page of a delivery, for a customer."""
    scope = {
        found.uid: found for found in access.endpoints().order_by().only("uid", "name", "http_timeout") if found.uid
    }
    context = shown_delivery(access.project.pk, delivery, endpoint, shows_payload=access.may(VIEW_PAYLOADS))
    return context | {"siblings": _siblings(delivery, scope)}


def shown_delivery(
    project_id: str, delivery: EventDelivery, endpoint: Endpoint, *, shows_payload: bool
) -> dict[str, Any]:
    """Return the part of a delivery's page that is the same for every reader. Four statements."""
    now, timeout = timezone.now(), timeout_of(endpoint.http_timeout)
    attempts = newest_attempts(delivery)
    last = attempts[0] if attempts else None
    told = Told(delivery, last, endpoint, timeout, now)
    event = Event.objects.filter(pk=delivery.event_id).only("data", "headers", "idempotency_key", "created_at").first()
    context = {
        "delivery": delivery,
        "endpoint": endpoint,
        "pill": delivery_pill(delivery.status),
        "says": says(told),
        "attempts_words": attempts_words(delivery),
        "attempts": [attempt_view(attempt, timeout, now, shows_payload=shows_payload) for attempt in attempts],
        "latest_details": details(last) if last is not None and shows_payload else None,
        "is_test": bool(delivery.test),
        "is_waiting": delivery.status in WAITING,
        "is_final": delivery.status not in (*WAITING, Status.PROCESSING),
        "next_in": span(rest) if (rest := (delivery.next_send_time - now).total_seconds()) > 0 else "",
        "next_words": next_words(delivery, now) if delivery.status == Status.RETRY else "",
        "shows_payload": shows_payload,
        "has_type": EventType.objects.filter(project=project_id, name=delivery.event_type).exists(),
        "happened_at": delivery.created_at if event is None else event.created_at,
        "payload": None,
        "curl": "",
        "seen": seen(delivery),
    }
    if event is not None and shows_payload:
        context |= {"payload": highlighted(event.data), "curl": _curl(event, endpoint, last)}
        context["is_form"] = endpoint.content_type == FORM
    return context


def attempt_view(attempt: DeliveryAttempt, timeout: float, now: datetime, *, shows_payload: bool) -> AttemptView:
    """Return an attempt as the timeline shows it."""
    taken = None if attempt.responded_at is None else (attempt.responded_at - attempt.requested_at).total_seconds()
    return AttemptView(
        attempt.uid,
        attempt_answer(attempt, timeout),
        attempt.status,
        "check" if attempt.status else "clock" if "deadline" in attempt.error else "cross",
        attempt.requested_at,
        "" if taken is None else duration(max(taken, 0.0)),
        explained(attempt, timeout_seconds=timeout, now=now),
        shows_payload,
    )


def details(attempt: DeliveryAttempt) -> Details:
    """Return the request and the response of an attempt, with the values of most headers masked."""
    answered = {str(name).lower(): str(value) for name, value in attempt.response_http_header.items()}
    content_type = answered.get("content-type", "")
    body = attempt.response_data
    return Details(
        body=highlighted(body) if attempt.http_status else None,
        is_binary=is_binary(body, content_type),
        is_cut=len(body.encode()) >= MAX_BODY_BYTES,
        content_type=content_type,
        response_headers=header_lines(mask_headers(attempt.response_http_header)),
        request_headers=header_lines(mask_headers(attempt.request_http_header)),
        ip_address=attempt.ip_address,
    )


def find_attempt(delivery: EventDelivery, attempt_id: str) -> DeliveryAttempt:
    """Return an attempt of a delivery. Raises NotFound."""
    attempt = DeliveryAttempt.objects.filter(delivery=delivery.pk, pk=attempt_id).first()
    if attempt is None:
        raise DeliveryNotFound
    return attempt


def seen(delivery: EventDelivery) -> str:
    """Return a text for polls to compare: it changes with everything that the page shows of a delivery."""
    due = int(delivery.next_send_time.timestamp())
    return f"{delivery.status}-{delivery.num_trials}-{delivery.num_trials_before}-{due}"


def _curl(event: Event, endpoint: Endpoint, last: DeliveryAttempt | None) -> str:
    """Return the command that repeats the last request, or makes the first; "" for one that no shell can hold."""
    body = event.data
    if endpoint.content_type == FORM:
        try:
            body = form_encode(event.data.encode()).decode()
        except NotAnObject:
            return ""
    sent: dict[str, Any] = {"Content-Type": endpoint.content_type}
    if last is not None:
        sent |= mask_headers({str(name): str(value) for name, value in last.request_http_header.items()})
    return curl_command(endpoint.url, [(name, str(value)) for name, value in sent.items()], body)


def _siblings(delivery: EventDelivery, scope: dict[str, Endpoint]) -> list[Sibling]:
    now = timezone.now()
    others: Collection[str] = [uid for uid in scope if uid != delivery.endpoint_id]
    found = of_same_event(delivery, list(others)) if others else []
    return [
        Sibling(
            row.uid,
            scope[row.endpoint_id].name,
            delivery_pill(row.status),
            last_answer(row, timeout_seconds=timeout_of(scope[row.endpoint_id].http_timeout), now=now),
            row.requested_at or row.created_at,
        )
        for row in found
    ]
