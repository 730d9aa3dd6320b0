"""Nahook's subscriptions to event types. Contract: docs/contract/nahook.md#subscriptions."""

from typing import Annotated, TypedDict

from rest_framework.request import Request

from core.api.bodies import NoBody
from core.api.documents import Example, Time, component
from core.api.fields import Items, Text
from core.api.openapi import Outcome, Tag, body, describe
from core.api.values import wire_time
from core.exceptions import NotFound
from endpoints.exceptions import EndpointNotFound
from nahook_api.base import REFUSED, REFUSED_WRITE, WORKSPACE, EventTypeNotFound, Strict
from nahook_api.endpoints import ENDPOINT_ID, EndpointView
from nahook_api.event_types import EVENT_TYPE_ID, find_event_type, live_event_types
from nahook_api.ids import EVENT_TYPE, EVERY_TYPE_ID, EXAMPLE_UID, SUBSCRIPTION, prefixed, uid_in
from projects.models import EVERY_TYPE, EventType
from subscriptions.choice import add_event_types, drop_event_type, filters_of
from subscriptions.exceptions import FilteredSubscriptionNotFound, FilterNotFound

TAG = Tag("Subscriptions (Nahook)", envelope=False)
MOST_AT_ONCE = 100


class SubscriptionNotFound(NotFound):
    """No such subscription."""

    message = FilteredSubscriptionNotFound.message


@component("nahook.Subscription")
class SubscriptionDocument(TypedDict):
    """A subscription in Nahook's shape."""

    id: Annotated[str, "The id of the subscription.", Example(prefixed(SUBSCRIPTION, EXAMPLE_UID))]
    eventTypeId: Annotated[
        str,
        f"The id of the event type: `{EVERY_TYPE_ID}` for all types, the name where it has no id.",
        Example(prefixed(EVENT_TYPE, EXAMPLE_UID)),
    ]
    eventTypeName: Annotated[str, "The name of the event type.", Example("order.paid")]
    createdAt: Annotated[Time, "Since when the endpoint listens to it."]


@component("nahook.Subscribed")
class SubscribedDocument(TypedDict):
    """The outcome of subscribing."""

    subscribed: Annotated[int, "How many of the event types are new to the endpoint.", Example(1)]


class Subscribe(Strict):
    """The body that subscribes an endpoint."""

    eventTypeIds = Items(  # noqa: N815 - the wire's name
        child=Text(allow_blank=False, max_length=300),
        allow_empty=False,
        max_length=MOST_AT_ONCE,
        help_text="The ids, or the names, of the event types.",
    )


describe(Subscribe, "nahook.Subscribe", eventTypeIds={"minItems": 1})
list_subscriptions = TAG.operation(
    "ListNahookSubscriptions",
    "List subscriptions (Nahook)",
    description="The event types that the endpoint listens to, by name.",
    parameters=[WORKSPACE, ENDPOINT_ID],
    success=Outcome("The subscriptions.", list[SubscriptionDocument], "One subscription"),
    refused=[*REFUSED, EndpointNotFound],
)
create = TAG.operation(
    "CreateNahookSubscriptions",
    "Subscribe an endpoint (Nahook)",
    description="Adds event types to those that the endpoint listens to.",
    parameters=[WORKSPACE, ENDPOINT_ID],
    request=body(Subscribe, {"By id": {"eventTypeIds": [prefixed(EVENT_TYPE, EXAMPLE_UID)]}}),
    success=Outcome("Subscribed.", SubscribedDocument, "One", status=201),
    refused=[*REFUSED_WRITE, NoBody, EndpointNotFound, EventTypeNotFound],
)
delete = TAG.operation(
    "DeleteNahookSubscription",
    "Unsubscribe an endpoint (Nahook)",
    description="Removes an event type from those that the endpoint listens to.",
    parameters=[WORKSPACE, ENDPOINT_ID, EVENT_TYPE_ID],
    success=Outcome("Unsubscribed.", type(None), status=204),
    refused=[*REFUSED_WRITE, EndpointNotFound, EventTypeNotFound, SubscriptionNotFound],
)


class Subscriptions(EndpointView):
    """The subscriptions of an endpoint."""

    http_method_names = ["get", "head", "post"]

    @list_subscriptions
    def get(self, request: Request, projectID: str, endpointID: str) -> list[SubscriptionDocument]:  # noqa: N803
        """Return them by event type."""
        filters = filters_of(projectID, self.endpoint(endpointID).uid)
        named = EventType.objects.filter(project_id=projectID, name__in={row.event_type for row in filters})
        ids = {name: prefixed(EVENT_TYPE, uid) for name, uid in named.values_list("name", "pk")}
        ids[EVERY_TYPE] = EVERY_TYPE_ID
        return [
            {
                "id": prefixed(SUBSCRIPTION, row.uid),
                "eventTypeId": ids.get(row.event_type, row.event_type),
                "eventTypeName": row.event_type,
                "createdAt": wire_time(row.enabled_at or row.subscription.created_at),
            }
            for row in filters
        ]

    @create
    def post(self, request: Request, projectID: str, endpointID: str) -> SubscribedDocument:  # noqa: N803
        """Add event types."""
        sent = self.body(request, Subscribe)["eventTypeIds"]
        names = _names(projectID, dict.fromkeys(sent))
        return {"subscribed": add_event_types(projectID, self.endpoint(endpointID).uid, names)}


class SubscriptionDetail(EndpointView):
    """One subscription, which the path names by its event type."""

    http_method_names = ["delete"]

    @delete
    def delete(self, request: Request, projectID: str, endpointID: str, eventTypeId: str) -> None:  # noqa: N803
        """End it."""
        endpoint = self.endpoint(endpointID)
        name = EVERY_TYPE if eventTypeId == EVERY_TYPE_ID else find_event_type(projectID, eventTypeId).name
        try:
            drop_event_type(projectID, endpoint.uid, name)
        except FilterNotFound:
            raise SubscriptionNotFound from None


def _names(project_id: str, sent: dict[str, None]) -> list[str]:
    """Return the names of the event types that ids or names stand for. One statement. Raises EventTypeNotFound."""
    wanted = [uid_in(EVENT_TYPE, text) or text for text in sent if text != EVERY_TYPE_ID]
    live = live_event_types(project_id)
    found = live.filter(pk__in=wanted) | live.filter(name__in=wanted)
    by_text = {text: name for uid, name in found.values_list("pk", "name") for text in (name, uid)}
    if missing := [text for text in wanted if text not in by_text]:
        raise EventTypeNotFound(f"{EventTypeNotFound.message}: {missing[0]}")
    return [by_text[text] for text in wanted] + [EVERY_TYPE for text in sent if text == EVERY_TYPE_ID]
