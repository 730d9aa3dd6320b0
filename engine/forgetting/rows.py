"""Name every kind of row that belongs to an owner, in an order in which no row points to one that is gone.

A new table with rows of an owner gets a line here; tests/engine/test_forgetting.py fails until it has one. What leads
to the other rows comes last (LEADING), so that a run that was stopped can be repeated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.contrib.admin.models import LogEntry
from django.contrib.postgres.fields import ArrayField
from django.db.models import Exists, Func, Model, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from activity.models import Activity
from applications.models import Application
from endpoints.models import AlertSettings, Endpoint, EndpointHour, EndpointState, Notification
from engine.forgetting.owner import Owner
from events.models import BatchRetry, DeliveryAttempt, Event, EventDelivery
from jobs.models import Job
from meta_events.models import MetaEvent
from onboarding.models import OnboardBatch
from portal_links.models import CheckWindow, DeliveryLink, PortalLink
from projects.models import APIRateWindow
from subscriptions.models import Filter
from switches.models import Discard, DiscardedDelivery, Pause

#: The most rows of a transaction, and the most endpoints, each of which has many figures.
PIECE = 1000
ENDPOINTS = 20


class Part(NamedTuple):
    """Rows that are deleted in the transaction of the row that they point to with `column`."""

    noun: str
    model: type[Model]
    column: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """A kind of rows that are the owner's alone."""

    noun: str
    rows: Callable[[Owner], "QuerySet[Any]"]
    parts: Sequence[Part] = ()
    piece: int = PIECE
    #: Whether no index leads to the rows, so that the project's are read through, a stretch at a time.
    is_searched: bool = False
    #: Whether the rows are the owner's own, which they may read in the export.
    is_exported: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """A kind of rows that belong to others too: they stay, without the values that name the owner."""

    noun: str
    #: The rows among which some name the owner.
    rows: Callable[[Owner], "QuerySet[Any]"]
    #: Take the owner out of a row; returns whether it was there.
    strip: Callable[[Owner, Any], bool]
    fields: Sequence[str]


def _events(owner: Owner) -> "QuerySet[Event]":
    """Return the events that went to the owner, came from them, or were addressed to them."""
    own = owner.of_endpoints("endpoints") | Q(owner_id=owner.owner_id) | owner.by_customer("key_scope")
    return Event.objects.filter(own, project_id=owner.project_id)


def _own_events(owner: Owner) -> "QuerySet[Event]":
    """Return those of the events that went to nobody else."""
    divided = owner.divided
    rows = _events(owner).filter(endpoints__contained_by=[*owner.undivided, *divided])
    for endpoint_id in divided:
        times = (held.in_time for held in owner.held if held.endpoint_id == endpoint_id)
        rows = rows.filter(reduce(or_, times) | ~Q(endpoints__contains=[endpoint_id]))
    others = EventDelivery.objects.filter(event=OuterRef("pk")).exclude(owner.of_endpoint("endpoint"))
    return rows.exclude(Exists(others))


def _strip_event(owner: Owner, event: Event) -> bool:
    before = event.endpoints, event.owner_id, event.key_scope
    event.endpoints = [uid for uid in event.endpoints if not owner.names(event.pk, uid)]
    if event.owner_id == owner.owner_id:
        # The owner's own id of it: without an owner it could be another's, too.
        event.owner_id = event.external_id = ""
    if event.key_scope in (f"owner:{owner.owner_id}", f"messages:{owner.owner_id}"):
        # Another text for each event, so that no idempotency key becomes another caller's.
        event.key_scope = f"forgotten:{event.pk}"
    return before != (event.endpoints, event.owner_id, event.key_scope)


class Told(Func):
    """The ids and the owner in the body of a meta event, which is read once."""

    template = (
        "(SELECT CASE WHEN d IS NOT NULL THEN "
        "ARRAY[d ->> 'uid', d ->> 'endpoint_id', d ->> 'owner_id', d #>> '{endpoint_metadata,owner_id}'] "
        # jsonb cannot hold the payload: it has a NUL, or a number beyond the range.
        "ELSE ARRAY(SELECT m[1] FROM "
        """regexp_matches(%(expressions)s, '"(?:uid|endpoint_id|owner_id)":"([^"]*)"', 'g') m) END """
        "FROM (SELECT payload_as_jsonb(%(expressions)s) -> 'data' AS d OFFSET 0) body)"
    )
    output_field = ArrayField(TextField())


def _meta_events(owner: Owner) -> "QuerySet[MetaEvent]":
    """Return the meta events about the owner's endpoints, or about deliveries to them."""
    rows = MetaEvent.objects.filter(project_id=owner.project_id).annotate(told=Told("body"))
    return rows.filter(owner.of_endpoints("told", owner.owner_id))


def _activity(owner: Owner) -> "QuerySet[Activity]":
    """Return the record of acts on the owner's endpoints, by the owner, or on the owner's access."""
    access = [rows.values("pk") for rows in (owner.links, owner.sessions, owner.keys)]
    theirs = Q(owner_id=owner.owner_id) | owner.of_endpoint("endpoint_id")
    for ids in access:
        theirs |= Q(actor_uid__in=ids) | Q(object_uid__in=ids)
    return Activity.objects.filter(theirs, project_id=owner.project_id)


def _strip_activity(owner: Owner, row: Activity) -> bool:
    """Take a change of owner out of the record of an endpoint or a link that is another's now."""
    if owner.owner_id not in row.changes.get("owner_id", ()):
        return False
    del row.changes["owner_id"]
    return True


def _admin_log(owner: Owner) -> "QuerySet[LogEntry]":
    """Return the admin's history of the owner's rows."""
    ids = [owner.links, owner.sessions, owner.keys, owner.subscriptions, owner.deliveries]
    named = Q(object_id__in=owner.endpoints)
    for rows in ids:
        named |= Q(object_id__in=rows.annotate(text=Cast("pk", TextField())).values("text"))
    return LogEntry.objects.filter(named)


def _check_windows(owner: Owner) -> "QuerySet[CheckWindow]":
    opened_by = Q(opened_by__in=owner.links.values("pk")) | Q(opened_by__in=owner.sessions.values("pk"))
    return CheckWindow.objects.filter(opened_by)


def _of_earlier_owners(owner: Owner, rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """Return the rows of the owner's endpoints from before these were theirs."""
    divided = owner.divided
    theirs = [uid for uid in owner.endpoints if uid in divided]
    return rows.filter(endpoint__in=theirs).exclude(owner.of_endpoint("endpoint"))


def _delivery_links(owner: Owner) -> "QuerySet[DeliveryLink]":
    theirs = owner.by_customer("customer") | Q(delivery_id__in=owner.deliveries.values("pk"))
    return DeliveryLink.objects.filter(theirs, project_id=owner.project_id)


def _strip_link(owner: Owner, link: PortalLink) -> bool:
    before = link.endpoints
    link.endpoints = [uid for uid in before if uid not in owner.endpoints]
    return link.endpoints != before


def _strip_parameters(owner: Owner, row: BatchRetry | Job) -> bool:
    """Take the owner's endpoints out of a stored filter; one that names anything else of theirs then finds nothing."""
    before = row.parameters
    kept = {name: _without(owner, value) for name, value in before.items()}
    subscription = before.get("subscription_id", "")
    is_theirs = bool(subscription) and owner.subscriptions.filter(pk=subscription).exists()
    if is_theirs or before.get("owner_id", "") == owner.owner_id:
        kept = {name: value for name, value in kept.items() if name not in ("subscription_id", "owner_id")}
        kept["endpoint_ids"] = []
    row.parameters = kept
    return bool(kept != before)


def _without(owner: Owner, value: Any) -> Any:
    if isinstance(value, list):
        return [each for each in value if each not in owner.endpoints]
    if isinstance(value, dict):
        return {name: each for name, each in value.items() if name not in owner.endpoints}
    return value


def _strip_results(owner: Owner, batch: OnboardBatch) -> bool:
    theirs = [result for result in batch.results if result["endpoint_id"] in owner.endpoints]
    for result in theirs:
        result.update(name="", url="", endpoint_id="", subscription_id="")
    return bool(theirs)


def _strip_status_actor(owner: Owner, endpoint: Endpoint) -> bool:
    endpoint.status_actor = None
    return True


DELETED = (
    Deleted("delivery links", _delivery_links),
    Deleted("batch retries", lambda owner: BatchRetry.objects.filter(owner.by_customer("customer"), **_of(owner))),
    Deleted("jobs", lambda owner: Job.objects.filter(owner.by_customer("customer"), **_of(owner))),
    Deleted("admin history", _admin_log),
    Deleted(
        "deliveries",
        lambda owner: owner.deliveries,
        [Part("attempts", DeliveryAttempt, "delivery"), Part("discarded states", DiscardedDelivery, "delivery")],
    ),
    Deleted("pauses", lambda owner: Pause.objects.filter(owner_id=owner.owner_id, project_id=owner.project_id)),
    Deleted(
        "discards",
        lambda owner: Discard.objects.filter(
            Q(owner_id=owner.owner_id) | Q(endpoint_id__in=owner.endpoints), project_id=owner.project_id
        ),
    ),
    Deleted("events", _own_events, is_searched=True),
    Deleted("meta events", _meta_events, is_searched=True),
    Deleted(
        "notifications",
        lambda owner: Notification.objects.filter(owner.of_endpoint("endpoint"), endpoint__project_id=owner.project_id),
    ),
    Deleted("activity", _activity, is_searched=True),
    Deleted(
        "applications", lambda owner: Application.objects.filter(owner_id=owner.owner_id, project_id=owner.project_id)
    ),
    Deleted("checks of URLs", _check_windows),
    Deleted("portal sessions", lambda owner: owner.sessions),
)
#: The rows of these lead to those above and to KEPT.
LEADING = (
    # They cannot stay without their endpoint. The events of earlier owners do.
    Deleted(
        "deliveries",
        lambda owner: _of_earlier_owners(owner, EventDelivery.objects.filter(**_of(owner))),
        [Part("attempts", DeliveryAttempt, "delivery")],
        is_exported=False,
    ),
    Deleted(
        "notifications",
        lambda owner: _of_earlier_owners(owner, Notification.objects.filter(endpoint__project_id=owner.project_id)),
        is_exported=False,
    ),
    Deleted("subscriptions", lambda owner: owner.subscriptions, [Part("filters", Filter, "subscription")]),
    Deleted("portal links", lambda owner: owner.links),
    Deleted("API keys", lambda owner: owner.keys, [Part("API key windows", APIRateWindow, "key")]),
    Deleted(
        "endpoints",
        lambda owner: Endpoint.objects.filter(pk__in=owner.endpoints),
        [
            Part("states of endpoints", EndpointState, "endpoint"),
            Part("figures by hour", EndpointHour, "endpoint"),
            Part("alert settings", AlertSettings, "endpoint"),
        ],
        piece=ENDPOINTS,
    ),
)
KEPT = (
    Kept("events", _events, _strip_event, ["endpoints", "owner_id", "external_id", "key_scope"]),
    Kept(
        "portal links",
        lambda owner: PortalLink.objects.filter(owner_id="", endpoints__overlap=owner.endpoints, **_of(owner)),
        _strip_link,
        ["endpoints"],
    ),
    Kept("batch retries", lambda owner: BatchRetry.objects.filter(**_of(owner)), _strip_parameters, ["parameters"]),
    Kept("jobs", lambda owner: Job.objects.filter(**_of(owner)), _strip_parameters, ["parameters"]),
    Kept("onboard batches", lambda owner: OnboardBatch.objects.filter(**_of(owner)), _strip_results, ["results"]),
    Kept(
        "activity",
        lambda owner: Activity.objects.filter(changes__has_key="owner_id", **_of(owner)),
        _strip_activity,
        ["changes"],
    ),
    Kept(
        "endpoints",
        lambda owner: Endpoint.objects.filter(status_actor__owner_id=owner.owner_id, **_of(owner)).exclude(
            owner_id=owner.owner_id
        ),
        _strip_status_actor,
        ["status_actor"],
    ),
)


def _of(owner: Owner) -> dict[str, str]:
    return {"project_id": owner.project_id}
