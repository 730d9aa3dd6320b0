"""Find what identifies an owner: their endpoints, those that they once had, and their means of access."""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import NamedTuple

from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.functions import Concat

from activity.models import Activity
from endpoints.models import Endpoint
from events.models import EventDelivery
from portal_links.models import PortalLink, PortalSession
from projects.models import APIKey
from subscriptions.models import Subscription

#: The bounds of all ids.
_FIRST, _BEYOND = "", "~"


class Held(NamedTuple):
    """An endpoint that has had several owners, and the range of ids from one time in which it was the owner's."""

    endpoint_id: str
    first: str
    beyond: str

    @property
    def in_time(self) -> Q:
        """Return the condition that the id of a row is of that time."""
        return Q(pk__gte=self.first, pk__lt=self.beyond)


@dataclass(frozen=True, slots=True)
class Owner:
    """One owner of a project, with the endpoints that lead to everything else of theirs."""

    project_id: str
    owner_id: str
    #: Their endpoints, deleted ones too.
    endpoints: list[str]
    #: The owner's times with endpoints that were another's before, or are now: the latter as far back as the record of
    #: activity goes.
    held: list[Held]

    @property
    def divided(self) -> set[str]:
        """Return the endpoints that were another owner's too."""
        return {held.endpoint_id for held in self.held}

    @property
    def undivided(self) -> list[str]:
        """Return those of their endpoints that were never another owner's."""
        divided = self.divided
        return [uid for uid in self.endpoints if uid not in divided]

    @property
    def links(self) -> "QuerySet[PortalLink]":
        """Return their portal links: those of the owner, and those that open their endpoints and no others."""
        listed = Q(owner_id="", endpoints__contained_by=self.endpoints) & ~Q(endpoints=[])
        return PortalLink.objects.filter(Q(owner_id=self.owner_id) | listed, project_id=self.project_id)

    @property
    def keys(self) -> "QuerySet[APIKey]":
        """Return the API keys that act for them alone."""
        return APIKey.objects.filter(project_id=self.project_id, owner_id=self.owner_id)

    @property
    def sessions(self) -> "QuerySet[PortalSession]":
        """Return their portal sessions, and those that a key of theirs has minted."""
        theirs = Q(owner_id=self.owner_id) | Q(portal_link__in=self.links) | Q(minted_by__in=self.keys)
        return PortalSession.objects.filter(theirs, project_id=self.project_id)

    @property
    def subscriptions(self) -> "QuerySet[Subscription]":
        """Return the subscriptions of their endpoints, deleted ones too."""
        return Subscription.objects.filter(project_id=self.project_id, endpoint__in=self.endpoints)

    @property
    def deliveries(self) -> "QuerySet[EventDelivery]":
        """Return the deliveries to their endpoints, and to endpoints while these were theirs."""
        return EventDelivery.objects.filter(self.of_endpoint("endpoint"), project_id=self.project_id)

    def of_endpoint(self, column: str) -> Q:
        """Return the condition that a row belongs to an endpoint while it was theirs, by the row's id."""
        always = Q(**{f"{column}__in": self.undivided})
        return reduce(or_, (Q(**{column: held.endpoint_id}) & held.in_time for held in self.held), always)

    def of_endpoints(self, column: str, *more: str) -> Q:
        """Return the condition that a row's array names an endpoint while it was theirs, or one of `more`."""
        always = Q(**{f"{column}__overlap": [*more, *self.undivided]})
        times = (Q(**{f"{column}__overlap": [held.endpoint_id]}) & held.in_time for held in self.held)
        return reduce(or_, times, always)

    def by_customer(self, column: str) -> Q:
        """Return the condition that a row was made by them in the portal (Access.customer)."""
        of_links = self.links.filter(owner_id="").annotate(
            customer=Concat(Value("link:"), "pk", output_field=TextField())
        )
        return Q(**{column: f"owner:{self.owner_id}"}) | Q(**{f"{column}__in": of_links.values("customer")})

    def names(self, event_id: str, endpoint_id: str) -> bool:
        """Return whether an endpoint of an event was theirs when the event came in."""
        times = [held for held in self.held if held.endpoint_id == endpoint_id]
        if not times:
            return endpoint_id in self.endpoints
        return any(held.first <= event_id < held.beyond for held in times)


def find_owner(project_id: str, owner_id: str) -> Owner:
    """Return the owner of a project, whether they have anything or not. Two statements."""
    endpoints = Endpoint.objects.filter(project_id=project_id, owner_id=owner_id)
    held_from = dict(endpoints.order_by("pk").values_list("pk", "held_from"))
    present = [Held(uid, first, _BEYOND) for uid, first in held_from.items() if first]
    undivided = {uid for uid, first in held_from.items() if not first}
    return Owner(project_id, owner_id, list(held_from), [*present, *_former(project_id, owner_id, undivided)])


def _former(project_id: str, owner_id: str, undivided: set[str]) -> list[Held]:
    """Return the owner's times with endpoints that another had afterwards, by the record of activity."""
    changes = Activity.objects.for_project(project_id).filter(
        verb=Activity.Verb.ENDPOINT_UPDATED, changes__has_key="owner_id"
    )
    moved: list[Held] = []
    since: dict[str, str] = {}
    for uid, endpoint_id, change in changes.order_by("pk").values_list("pk", "endpoint_id", "changes"):
        before, after = change["owner_id"]
        if endpoint_id in undivided:
            continue
        if before == owner_id:
            moved.append(Held(endpoint_id, since.pop(endpoint_id, _FIRST), uid))
        if after == owner_id:
            since[endpoint_id] = uid
    return moved
