"""Read the contents of the Test page: event types to choose from, an example, and the outcome of a test event."""

from dataclasses import dataclass
from typing import Any

import orjson
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from core.highlight import Shown, header_lines, highlighted
from core.json_text import json_text
from deliveries.exceptions import DeliveryNotFound
from deliveries.health import Health
from endpoints.models import Endpoint
from endpoints.secrets import is_live
from events.models import DeliveryAttempt, EventDelivery, of_present_owner
from outbound.answers import answer_kind
from outbound.payload import form_encode
from outbound.states import Status
from portal.debugger.findings import KnownSecret, Owner, Sent
from portal.words import Pill, answer_words, delivery_pill, duration, number
from portal_links.access import Access
from portal_links.capabilities import VIEW_PAYLOADS
from projects.models import EVERY_TYPE, EventType

FORM = "application/x-www-form-urlencoded"
#: The most types that the page offers. It has no field for the name of another, but the API takes any.
MOST_TYPES = 500
#: The most other endpoints of the customer whose secrets the debugger knows.
MOST_OTHERS = 100
#: The type of an endpoint that listens to all events of a project that names none.
PLAIN_TYPE = "test.event"
SETTLED = (Status.SUCCESS, Status.FAILURE, Status.DISCARDED)


@dataclass(frozen=True, slots=True)
class Types:
    """The event types of the Test page: those that the endpoint listens to, and the others."""

    heard: list[str]
    others: list[str]

    @property
    def first(self) -> str:
        """Return the type that is chosen at first."""
        return next(iter([*self.heard, *self.others]), PLAIN_TYPE)


def test_types(access: Access, health: Health) -> Types:
    """Return the event types for a test of an endpoint. One statement."""
    rows = EventType.objects.filter(project=access.project).exclude(name=EVERY_TYPE).order_by("name")
    known = [row.name for row in rows.only("name", "deprecated_at")[:MOST_TYPES] if row.deprecated_at is None]
    named = [name for name in health.listens if name != EVERY_TYPE]
    if EVERY_TYPE in health.listens:
        return Types(sorted({*named, *known}), [])
    return Types(sorted(named)[:MOST_TYPES], [name for name in known if name not in named])


def payload_text(value: Any) -> str:
    """Return a payload for the text field: JSON with line breaks."""
    return json_text(value, is_indented=True)


def wrong_json(text: str) -> str:
    """Return the error in a payload that was typed; blank where there is none."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return gettext("This is not valid JSON: look at line %(line)s, character %(column)s.") % {
            "line": number(error.lineno),
            "column": number(error.colno),
        }
    return ""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a test event."""

    delivery: EventDelivery
    attempt: DeliveryAttempt | None
    pill: Pill
    #: The answer in words, and how long it took.
    answer: str
    took: str
    #: The reason why there is no answer, where there is no attempt.
    reason: str
    #: None where the customer may not see them.
    body: Shown | None
    response_headers: SafeString | None
    request_headers: SafeString | None
    #: The seconds since it was sent.
    waited: int

    @property
    def is_settled(self) -> bool:
        """Return whether nothing more happens."""
        return self.delivery.status in SETTLED

    @property
    def is_delivered(self) -> bool:
        """Return whether the receiver has accepted it."""
        return self.delivery.status == Status.SUCCESS


def test_result(access: Access, endpoint: Endpoint, delivery_id: str) -> Result:
    """Return the outcome of a test event to an endpoint of the customer. Two statements. Raises NotFound."""
    rows = EventDelivery.objects.filter(of_present_owner(), endpoint=endpoint, pk=delivery_id).exclude(
        test=EventDelivery.Test.NONE
    )
    delivery = rows.first()
    if delivery is None:
        raise DeliveryNotFound
    attempt = delivery.attempts.order_by("-pk").first()
    answer, took, shows = "", "", access.may(VIEW_PAYLOADS) and attempt is not None
    if attempt is not None:
        answer = answer_words(answer_kind(attempt.http_status, attempt.error), attempt.http_status)
        if attempt.responded_at is not None:
            took = duration((attempt.responded_at - attempt.requested_at).total_seconds())
    return Result(
        delivery=delivery,
        attempt=attempt,
        pill=delivery_pill(delivery.status),
        answer=answer,
        took=took,
        reason="" if attempt is not None else delivery.description,
        body=highlighted(attempt.response_data) if shows and attempt is not None else None,
        response_headers=header_lines(attempt.response_http_header) if shows and attempt is not None else None,
        request_headers=header_lines(attempt.request_http_header) if shows and attempt is not None else None,
        waited=int((timezone.now() - delivery.created_at).total_seconds()),
    )


# The debugger


def known_secrets(access: Access, endpoint: Endpoint) -> list[KnownSecret]:
    """Return the secrets of an endpoint, the current one first, then the live ones of the customer's others."""
    now = timezone.now()
    newest, *older = reversed(endpoint.secrets)
    found = [KnownSecret(newest["value"], Owner.CURRENT, endpoint.name)]
    for secret in older:
        owner = Owner.PREVIOUS if is_live(secret, now) else Owner.EXPIRED
        found.append(KnownSecret(secret["value"], owner, endpoint.name))
    for other in access.endpoints().exclude(pk=endpoint.pk).only("uid", "name", "secrets")[:MOST_OTHERS]:
        live = [secret for secret in other.secrets if is_live(secret, now)]
        found += [KnownSecret(secret["value"], Owner.OTHER, other.name) for secret in live]
    return found


def find_sent(access: Access, endpoint: Endpoint, delivery_id: str) -> Sent | None:
    """Return a delivery to one of the customer's endpoints, with its body where the customer may see payloads."""
    if "\0" in delivery_id:
        return None
    rows = EventDelivery.objects.filter(of_present_owner(), pk=delivery_id, endpoint__in=access.endpoints().order_by())
    delivery = rows.select_related("endpoint", "event").defer("endpoint__secrets").first()
    if delivery is None:
        return None
    body = delivery.event.data.encode() if access.may(VIEW_PAYLOADS) else None
    if body is not None and delivery.endpoint.content_type == FORM and body.startswith(b"{"):
        body = form_encode(body)
    times = delivery.attempts.order_by("-pk").values_list("requested_at", flat=True)[:100]
    seconds = [int(time.timestamp()) for time in times]
    return Sent(
        uid=delivery.pk,
        body=body,
        other_endpoint="" if delivery.endpoint_id == endpoint.pk else delivery.endpoint.name,
        is_test=delivery.test != EventDelivery.Test.NONE,
        # The request is signed just before it is sent.
        sent_at=frozenset([*seconds, *(second - 1 for second in seconds)]),
    )
