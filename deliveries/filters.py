"""Which deliveries are meant: the parameters that the list, the batch retry and the counts have in common.

Contract: deliveries section 1.1.
"""

from dataclasses import dataclass, field

from django.db.models import Q, QuerySet
from rest_framework.request import Request

from core.api.windows import read_window
from core.exceptions import InvalidInput
from endpoints.models import Scope
from events.models import Event, EventDelivery


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """What a caller has asked for, resolved: it means the same later. A batch retry stores it as JSON."""

    first_uid: str
    beyond_uid: str
    #: None: of every endpoint of the project.
    endpoint_ids: list[str] | None = None
    event_id: str = ""
    subscription_id: str = ""
    event_type: str = ""
    broker_message_id: str = ""
    statuses: list[str] = field(default_factory=list)

    def rows(self, project_id: str) -> "QuerySet[EventDelivery]":
        """The deliveries that it leaves of a project."""
        rows = EventDelivery.objects.filter(project_id=project_id, pk__gte=self.first_uid, pk__lt=self.beyond_uid)
        if self.endpoint_ids is not None:
            rows = rows.filter(endpoint__in=self.endpoint_ids)
        if self.event_id:
            rows = rows.filter(event=self.event_id)
        if self.subscription_id:
            rows = rows.filter(subscription=self.subscription_id)
        if self.event_type:
            rows = rows.filter(event_type=self.event_type)
        if self.statuses:
            rows = rows.filter(status__in=self.statuses)
        if self.broker_message_id:
            found = Q()
            for name in ("x-broker-message-id", "X-Broker-Message-Id"):
                found |= Q(event__headers__contains={name: [self.broker_message_id]})
            rows = rows.filter(found)
        return rows


def read_filter(request: Request, project_id: str, *, scope: Scope = None) -> DeliveryFilter:
    """The filter in a request's query, narrowed to the `scope` that is given. At most two statements.

    Raises InvalidInput where a date is none, or no event has the idempotency key.
    """
    query = request.query_params
    window = read_window(request)
    endpoint_ids = read_endpoint_ids(request, scope=scope)
    event_id = query.get("eventId", "").strip()
    if key := query.get("idempotencyKey", ""):
        found = _event_id(project_id, key, None if scope is None else endpoint_ids or [])
        if event_id not in ("", found):
            endpoint_ids = []  # no delivery is of two events
        event_id = found
    return DeliveryFilter(
        first_uid=window.first_uid,
        beyond_uid=window.beyond_uid,
        endpoint_ids=endpoint_ids,
        event_id=event_id,
        subscription_id=query.get("subscriptionId", "").strip(),
        event_type=query.get("eventType") or query.get("event_type", ""),
        broker_message_id=query.get("brokerMessageId", ""),
        statuses=_texts(request, "status"),
    )


def read_endpoint_ids(request: Request, *, scope: Scope = None) -> list[str] | None:
    """The endpoints that a request's query names, or else those of the scope; None for all of a project."""
    given = _texts(request, "endpointId")
    if scope is None:
        return given or None
    return list((scope.filter(pk__in=given) if given else scope).order_by().values_list("pk", flat=True))


def _texts(request: Request, name: str) -> list[str]:
    return list(dict.fromkeys(text for given in request.query_params.getlist(name) if (text := given.strip())))


def _event_id(project_id: str, idempotency_key: str, endpoint_ids: list[str] | None) -> str:
    """The event that was sent under a key. In the portal, one that concerns the caller's endpoints.

    The company's comes before one that a customer has posted under the same key.
    """
    events = Event.objects.filter(project_id=project_id, idempotency_key=idempotency_key, is_duplicate_event=False)
    if endpoint_ids is not None:
        events = events.filter(endpoints__overlap=endpoint_ids) if endpoint_ids else events.none()
    found = events.order_by("key_scope", "pk").values_list("pk", flat=True).first()
    if found is None:
        raise InvalidInput("event not found")
    return found
