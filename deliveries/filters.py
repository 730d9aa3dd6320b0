"""Choose deliveries by the parameters that the list, the batch retry and the counts have in common.

Contract: docs/contract/deliveries.md#parameters.
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.db.models import Q, QuerySet
from rest_framework.request import Request

from core.api.parameters import texts
from core.api.windows import read_window
from deliveries.exceptions import NoEventOfKey
from endpoints.models import Endpoint, Scope
from events.models import Event, EventDelivery, of_present_owner
from events.reads import Within, events_of_type, of_broker_message, scope_ids
from outbound.states import Status
from subscriptions.models import Subscription

#: Bounds of all ids.
FIRST_UID, BEYOND_ALL = "", "Z"

#: The states that only deliveries in the queue have. No index but the queue's has them.
_IN_QUEUE = {str(status) for status in (Status.SCHEDULED, Status.PROCESSING)}

#: The parameters that every stored filter has. An empty list of endpoints means no endpoint, and None means any.
_ALWAYS = {"first_uid", "beyond_uid", "endpoint_ids", "delivery_ids"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """The deliveries that a caller has asked for, resolved to stay the same. A batch retry stores it as JSON."""

    first_uid: str
    beyond_uid: str
    #: None for every endpoint of the project.
    endpoint_ids: list[str] | None = None
    event_id: str = ""
    subscription_id: str = ""
    event_type: str = ""
    broker_message_id: str = ""
    statuses: list[str] = field(default_factory=list)
    #: The beginning of the event type, such as "order.".
    type_prefix: str = ""
    #: Whether test deliveries are left out. A batch retry leaves them out in any case.
    is_real: bool = False
    #: None for any.
    delivery_ids: list[str] | None = None
    #: Only what has been discarded from this time on (ISO 8601), test events apart; "" for any time.
    missed_since: str = ""
    #: Only what belongs to the present owners of the endpoints: a customer's filter.
    of_present_owner: bool = False

    @property
    def parameters(self) -> dict[str, object]:
        """Return it as JSON without the fields that are not set, so that servers of an earlier version can read it."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: value for name, value in given.items() if value not in ("", [], False) or name in _ALWAYS}

    def rows(self, project_id: str) -> "QuerySet[EventDelivery]":
        """Return the deliveries of a project that it chooses. A type and a subscription take a statement each."""
        rows = EventDelivery.objects.filter(project_id=project_id, pk__gte=self.first_uid, pk__lt=self.beyond_uid)
        if self.endpoint_ids is not None:
            rows = rows.filter(endpoint__in=self.endpoint_ids)
        if self.of_present_owner:
            rows = rows.filter(of_present_owner())
        if self.event_id:
            rows = rows.filter(event=self.event_id)
        if self.subscription_id:
            rows = rows.filter(subscription=self.subscription_id)
            if not Subscription.objects.filter(project_id=project_id, pk=self.subscription_id).exists():
                rows = rows.none()
        if self.event_type:
            rows = rows.filter(event_type=self.event_type)
            if (event_ids := events_of_type(project_id, self.event_type)) is not None:
                rows = rows.filter(event__in=event_ids)
        if self.type_prefix:
            rows = rows.filter(event_type__startswith=self.type_prefix)
        if self.is_real:
            rows = rows.filter(test=EventDelivery.Test.NONE)
        if self.delivery_ids is not None:
            rows = rows.filter(pk__in=self.delivery_ids)
        if self.statuses:
            # A value that no delivery can have is not searched for.
            rows = rows.filter(status__in=[status for status in self.statuses if status in Status.values])
            if set(self.statuses) <= _IN_QUEUE:
                # Each half is the condition of an index.
                rows = rows.filter(Q(is_parked=True) | Q(is_parked=False, due_at__isnull=False))
        if self.missed_since:
            missed_since = datetime.fromisoformat(self.missed_since)
            rows = rows.filter(status=Status.DISCARDED, test=EventDelivery.Test.NONE, updated_at__gte=missed_since)
        if self.broker_message_id:
            events = Event.objects.filter(of_broker_message(self.broker_message_id, "headers"), project_id=project_id)
            rows = rows.filter(event__in=events.values("pk"))
        return rows


def read_filter(request: Request, project_id: str, *, scope: Scope = None) -> DeliveryFilter:
    """Return the filter in a request's query, narrowed to the `scope` that is given. At most two statements.

    Raises InvalidInput where a date is invalid, or no event has the idempotency key.
    """
    query = request.query_params
    window = read_window(request)
    within = scope_ids(_narrowed(request, scope))
    endpoint_ids = within.ids if within is not None else read_endpoint_ids(request)
    event_id = query.get("eventId", "").strip()
    if key := query.get("idempotencyKey", ""):
        found = _event_id(project_id, key, within)
        if event_id not in ("", found):
            endpoint_ids = []  # no delivery belongs to two events
        event_id = found
    return DeliveryFilter(
        first_uid=window.first_uid,
        beyond_uid=window.beyond_uid,
        endpoint_ids=endpoint_ids,
        event_id=event_id,
        subscription_id=query.get("subscriptionId", "").strip(),
        event_type=query.get("eventType") or query.get("event_type", ""),
        broker_message_id=query.get("brokerMessageId", ""),
        statuses=texts(request, "status"),
        of_present_owner=scope is not None,
    )


def missed_filter(endpoint: Endpoint) -> DeliveryFilter:
    """Return the filter of the deliveries that an endpoint has missed since it was paused or disabled.

    deliveries/health.py counts the same. It chooses none where the endpoint is active, or nobody knows since when it
    has not been.
    """
    is_off = endpoint.status != Endpoint.Status.ACTIVE and endpoint.status_since is not None
    return DeliveryFilter(
        first_uid=FIRST_UID,
        beyond_uid=BEYOND_ALL,
        endpoint_ids=[endpoint.uid] if is_off else [],
        missed_since=endpoint.status_since.isoformat() if is_off and endpoint.status_since else "",
        of_present_owner=True,
    )


def read_endpoint_ids(request: Request, *, scope: Scope = None) -> list[str] | None:
    """Return the endpoints that a request's query names, or else those of the scope; None for all of a project."""
    within = scope_ids(_narrowed(request, scope))
    return within.ids if within is not None else texts(request, "endpointId") or None


def _narrowed(request: Request, scope: Scope) -> Scope:
    """Return those endpoints of a scope that a request's query names, or all of them; None for no scope."""
    if scope is None:
        return None
    given = texts(request, "endpointId")
    return (scope.filter(pk__in=given) if given else scope).order_by()


def _event_id(project_id: str, idempotency_key: str, within: Within | None) -> str:
    """Return the event that was sent with a key. In the portal, one for the caller's endpoints.

    An event of the company takes precedence over one that a customer has posted with the same key.
    """
    events = Event.objects.filter(project_id=project_id, idempotency_key=idempotency_key, is_duplicate_event=False)
    if within is not None:
        events = events.filter(within.events(within)) if within else events.none()
    found = events.order_by("key_scope", "pk").values_list("pk", flat=True).first()
    if found is None:
        raise NoEventOfKey
    return found
