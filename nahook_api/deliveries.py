"""Nahook's deliveries and their attempts. Contract: docs/contract/nahook.md#deliveries."""

from typing import Annotated, Any, NotRequired, TypedDict

import orjson
from django.db.models import F, OuterRef, QuerySet, Subquery
from rest_framework.request import Request

from core.api.documents import Example, Keywords, Time, component, example
from core.api.openapi import Outcome, Tag, path_parameter, query
from core.api.values import wire_time
from deliveries.exceptions import DeliveryNotFound
from endpoints.exceptions import EndpointNotFound
from events.models import DeliveryAttempt, EventDelivery
from nahook_api.base import REFUSED, WORKSPACE, FieldRefused, WorkspaceView
from nahook_api.endpoints import ENDPOINT_ID, EndpointView
from nahook_api.ids import ATTEMPT, DELIVERY, ENDPOINT, EXAMPLE_UID, prefixed, uid_in
from nahook_api.paging import limit_parameter, read_number
from outbound.states import Status

TAG = Tag("Deliveries (Nahook)", envelope=False)
DEFAULT_LIMIT = 50
MAX_LIMIT = 100
#: The attempts of a delivery that are shown, the oldest first.
MOST_ATTEMPTS = 100
#: Nahook's names of the states.
STATUSES = {
    Status.SCHEDULED: "pending",
    Status.PROCESSING: "delivering",
    Status.SUCCESS: "delivered",
    Status.RETRY: "scheduled_retry",
    Status.FAILURE: "failed",
    Status.DISCARDED: "dead_letter",
}
_BY_NAME = {name: status for status, name in STATUSES.items()}
WRONG_STATUS = f"must be one of {', '.join(_BY_NAME)}"


class PayloadDocument(TypedDict):
    """The payload of a delivery."""

    status: Annotated[str, "Always `available`.", Example("available"), Keywords(enum=["available"])]
    data: Annotated[Any, "What was sent.", Example({"orderId": "123"})]
    contentType: Annotated[str, "Its content type.", Example("application/json")]


@component("nahook.Delivery")
class DeliveryDocument(TypedDict):
    """A delivery in Nahook's shape."""

    id: Annotated[str, "The id of the delivery.", Example(prefixed(DELIVERY, EXAMPLE_UID))]
    idempotencyKey: Annotated[str, "The key of the event; its id where it has none.", Example("order-123-paid")]
    endpointId: Annotated[str, "The id of the endpoint.", Example(prefixed(ENDPOINT, EXAMPLE_UID))]
    status: Annotated[str, "The state.", Example("delivered"), Keywords(enum=list(_BY_NAME))]
    totalAttempts: Annotated[int, "The requests that were made.", Example(1)]
    firstAttemptAt: Annotated[Time | None, "When the first request was made.", Example("2026-07-03T09:15:43Z")]
    deliveredAt: Annotated[Time | None, "When the receiver accepted it.", Example("2026-07-03T09:15:43Z")]
    nextRetryAt: Annotated[Time | None, "When it is sent again; null where it is not."]
    hasPayload: Annotated[bool, "Always true.", Example(True)]
    createdAt: Annotated[Time, "When the event came in."]
    updatedAt: Annotated[Time, "When its state changed last."]
    payload: NotRequired[Annotated[PayloadDocument, "The payload, where `include=payload` asks for it."]]


class PageDocument(TypedDict):
    """A page of deliveries."""

    deliveries: Annotated[list[DeliveryDocument], "The deliveries, newest first."]
    nextCursor: Annotated[str | None, "Send it as `cursor` to get the next page; null on the last one."]


@component("nahook.DeliveryAttempt")
class AttemptDocument(TypedDict):
    """An attempt in Nahook's shape."""

    id: Annotated[str, "The id of the attempt.", Example(prefixed(ATTEMPT, EXAMPLE_UID))]
    attemptNumber: Annotated[int, "1 for the first one.", Example(1)]
    status: Annotated[
        str, "Whether the receiver accepted it.", Example("success"), Keywords(enum=["success", "failed"])
    ]
    responseStatusCode: Annotated[int | None, "The code of the answer, if there was one.", Example(200)]
    responseTimeMs: Annotated[int | None, "How long the answer took.", Example(84)]
    errorMessage: Annotated[str | None, "The reason why there was no answer, or why it does not count."]
    createdAt: Annotated[Time, "When the request was made."]


def shown(rows: "QuerySet[EventDelivery]") -> "QuerySet[EventDelivery]":
    """Return deliveries with the columns that are shown. One statement."""
    attempts = DeliveryAttempt.objects.filter(delivery=OuterRef("pk"))
    return rows.annotate(
        key=F("event__idempotency_key"),
        first_attempt_at=Subquery(attempts.order_by("pk").values("requested_at")[:1]),
        answered_at=Subquery(attempts.order_by("-pk").values("responded_at")[:1]),
    )


def delivery_document(row: Any) -> DeliveryDocument:
    """Return a row of `shown` as Nahook's API shows it."""
    is_delivered = row.status == Status.SUCCESS and row.answered_at
    return {
        "id": prefixed(DELIVERY, row.uid),
        "idempotencyKey": row.key or row.event_id,
        "endpointId": prefixed(ENDPOINT, row.endpoint_id),
        "status": STATUSES[Status(row.status)],
        "totalAttempts": row.num_trials,
        "firstAttemptAt": wire_time(row.first_attempt_at) if row.first_attempt_at else None,
        "deliveredAt": wire_time(row.answered_at) if is_delivered else None,
        "nextRetryAt": wire_time(row.next_send_time) if row.status == Status.RETRY else None,
        "hasPayload": True,
        "createdAt": wire_time(row.created_at),
        "updatedAt": wire_time(row.updated_at),
    }


def attempt_document(row: DeliveryAttempt, number: int) -> AttemptDocument:
    """Return an attempt as Nahook's API shows it."""
    return {
        "id": prefixed(ATTEMPT, row.uid),
        "attemptNumber": number,
        "status": "success" if row.status else "failed",
        "responseStatusCode": row.status_code,
        "responseTimeMs": row.milliseconds,
        "errorMessage": row.error or None,
        "createdAt": wire_time(row.requested_at),
    }


DELIVERY_ID = path_parameter("eventDeliveryID", "The id of the delivery, with or without `del_`.")
EXAMPLE = example(DeliveryDocument)
PAYLOAD = example(PayloadDocument)
PENDING = example(
    DeliveryDocument, status="pending", totalAttempts=0, firstAttemptAt=None, deliveredAt=None, nextRetryAt=None
)

list_deliveries = TAG.operation(
    "ListNahookDeliveries",
    "List the deliveries of an endpoint (Nahook)",
    description="A page of the endpoint's deliveries, newest first.",
    parameters=[
        WORKSPACE,
        ENDPOINT_ID,
        limit_parameter(DEFAULT_LIMIT, MAX_LIMIT),
        query("cursor", "`nextCursor` of the previous page."),
        query("status", "Only deliveries in this state.", {"type": "string", "enum": list(_BY_NAME)}),
    ],
    success=Outcome(
        "The page.",
        PageDocument,
        {
            "One page": example(PageDocument, deliveries=[EXAMPLE]),
            "With a further page": example(PageDocument, deliveries=[PENDING], nextCursor=EXAMPLE_UID),
        },
    ),
    refused=[*REFUSED, FieldRefused(name="status", failure=WRONG_STATUS), EndpointNotFound],
)
get = TAG.operation(
    "GetNahookDelivery",
    "Get a delivery (Nahook)",
    description="Returns a delivery; with `include=payload`, with its payload.",
    parameters=[
        WORKSPACE,
        DELIVERY_ID,
        query("include", "`payload` adds the payload.", {"type": "string", "enum": ["payload"]}),
    ],
    success=Outcome(
        "The delivery.",
        DeliveryDocument,
        {
            "Delivered": EXAMPLE,
            "Pending": PENDING,
            "With its payload": example(DeliveryDocument, payload=PAYLOAD),
            "Pending, with its payload": example(DeliveryDocument, PENDING, payload=PAYLOAD),
        },
    ),
    refused=[*REFUSED, FieldRefused(name="include", failure="must be payload"), DeliveryNotFound],
)
list_attempts = TAG.operation(
    "ListNahookDeliveryAttempts",
    "List the attempts of a delivery (Nahook)",
    description=f"The first {MOST_ATTEMPTS} attempts, oldest first.",
    parameters=[WORKSPACE, DELIVERY_ID],
    success=Outcome("The attempts.", list[AttemptDocument], "One attempt"),
    refused=[*REFUSED, DeliveryNotFound],
)


class Deliveries(EndpointView):
    """The deliveries of an endpoint."""

    http_method_names = ["get", "head"]

    @list_deliveries
    def get(self, request: Request, projectID: str, endpointID: str) -> PageDocument:  # noqa: N803
        """Return a page of them."""
        limit = read_number(request, "limit", 1, MAX_LIMIT, DEFAULT_LIMIT)
        rows = EventDelivery.objects.filter(endpoint_id=self.endpoint(endpointID).uid)
        if status := request.query_params.get("status", ""):
            if status not in _BY_NAME:
                raise FieldRefused(name="status", failure=WRONG_STATUS)
            rows = rows.filter(status=_BY_NAME[status])
        if cursor := request.query_params.get("cursor", ""):
            if not uid_in("", cursor):
                raise FieldRefused(name="cursor", failure="is not a cursor of this list")
            rows = rows.filter(pk__lt=cursor)
        # One row more than the page shows whether there is another page.
        found = list(shown(rows).order_by("-pk")[: limit + 1])
        page = found[:limit]
        return {
            "deliveries": [delivery_document(row) for row in page],
            "nextCursor": page[-1].pk if len(found) > limit else None,
        }


class DeliveryView(WorkspaceView):
    """The base of the operations on one delivery."""

    http_method_names = ["get", "head"]

    def rows(self, text: str) -> "QuerySet[EventDelivery]":
        """Return the delivery that the path names, or nothing."""
        return EventDelivery.objects.filter(project_id=self.project_id, pk=uid_in(DELIVERY, text))


class DeliveryDetail(DeliveryView):
    """One delivery."""

    @get
    def get(self, request: Request, projectID: str, eventDeliveryID: str) -> DeliveryDocument:  # noqa: N803
        """Return it, with its payload where that is asked for."""
        include = request.query_params.get("include", "")
        if include not in ("", "payload"):
            raise FieldRefused(name="include", failure="must be payload")
        rows = self.rows(eventDeliveryID)
        if include:
            rows = rows.select_related("event", "endpoint").only(
                *(field.attname for field in EventDelivery._meta.concrete_fields),
                "event__data",
                "endpoint__content_type",
            )
        row = shown(rows).first()
        if row is None:
            raise DeliveryNotFound
        document = delivery_document(row)
        if include:
            document["payload"] = {
                "status": "available",
                "data": orjson.Fragment(row.event.data),
                "contentType": row.endpoint.content_type,
            }
        return document


class DeliveryAttempts(DeliveryView):
    """The attempts of a delivery."""

    @list_attempts
    def get(self, request: Request, projectID: str, eventDeliveryID: str) -> list[AttemptDocument]:  # noqa: N803
        """Return them, oldest first."""
        uid = self.rows(eventDeliveryID).values_list("pk", flat=True).first()
        if uid is None:
            raise DeliveryNotFound
        found = DeliveryAttempt.objects.filter(delivery=uid).order_by("pk")[:MOST_ATTEMPTS]
        return [attempt_document(row, number) for number, row in enumerate(found, 1)]
