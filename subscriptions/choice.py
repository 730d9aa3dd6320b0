"""Choose the event types that an endpoint listens to, whatever subscriptions it has.

An endpoint has one subscription as a rule, several where the project allows it, and it listens to what any of them
takes. Contract: docs/contract/subscriptions.md#filter-choice, docs/contract/subscriptions.md#filters.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from activity.operations import Verb, differences, record_all
from endpoints.models import Endpoint, Scope
from projects.models import EVERY_TYPE
from subscriptions.event_types import unknown
from subscriptions.exceptions import Doing, EventTypeUnknown, FilterNotFound, NoEventTypes, SubscribedEndpointNotFound
from subscriptions.filter_operations import done, record_changes, set_types
from subscriptions.filter_operations import shown as shown_filter
from subscriptions.models import Filter, Subscription
from subscriptions.operations import (
    SECRET,
    check_owner,
    check_size,
    checked_conditions,
    create_subscription,
    delete_subscription,
    lock_subscription,
    record_change,
    visible,
    with_endpoint,
)


def filters_of(project_id: str, endpoint_id: str, *, scope: Scope = None) -> list[Filter]:
    """Return the enabled filters of an endpoint's subscriptions, by event type, each with its subscription."""
    subscriptions = visible(project_id, scope).filter(endpoint_id=endpoint_id)
    rows = Filter.objects.filter(subscription__in=subscriptions.order_by().values("pk"), enabled_at__isnull=False)
    # A subscription repeats the types and conditions of its filters: 257 KB for each of 1,000 filters.
    rows = rows.select_related("subscription").defer("subscription__event_types", "subscription__filter")
    return list(rows.order_by("event_type", "pk"))


def choose_event_types(project_id: str, endpoint_id: str, types: Sequence[str], *, scope: Scope = None) -> None:
    """Let an endpoint listen to these event types and no others; `*` stands for all.

    The conditions of the types that stay are kept: those of `*` pass to the types that take its place, and a type
    that has conditions keeps them beside `*`. An endpoint without a subscription gets one. Names that are new to the
    endpoint must be event types of the project. Raises InvalidInput.
    """
    wanted = [EVERY_TYPE] if EVERY_TYPE in types else list(dict.fromkeys(types))
    if not wanted:
        raise NoEventTypes
    with transaction.atomic():
        rows = Endpoint.objects.for_project(project_id) if scope is None else scope.order_by()
        endpoint = rows.filter(pk=endpoint_id).only("uid", "name").select_for_update(of=("self",), no_key=True).first()
        if endpoint is None:
            raise SubscribedEndpointNotFound
        held = with_endpoint(visible(project_id, scope)).filter(endpoint_id=endpoint_id).order_by("pk")
        subscriptions = list(held.select_for_update(of=("self",), no_key=True))
        if not subscriptions:
            create_subscription(
                project_id,
                name=endpoint.name,
                endpoint_id=endpoint_id,
                filter_config={"event_types": wanted},
                scope=scope,
                registers=False,
            )
            return
        filters = {each.pk: list(each.filters.all()) for each in subscriptions}
        known = {row.event_type for rows_of_one in filters.values() for row in rows_of_one}
        if missing := unknown(project_id, {*wanted} - known - {EVERY_TYPE}):
            raise EventTypeUnknown(name=min(missing))
        if wanted == [EVERY_TYPE]:
            _take_all(subscriptions, filters)
        else:
            _take_only(subscriptions, filters, wanted)
        for subscription in subscriptions:
            _settle(subscription)


def add_event_types(project_id: str, endpoint_id: str, names: Sequence[str]) -> int:
    """Let an endpoint listen to these event types too, and return how many of them are new to it.

    Raises InvalidInput, as choose_event_types() does.
    """
    with transaction.atomic():
        held = _held(project_id, endpoint_id)
        added = set(names).difference(held)
        if added:
            choose_event_types(project_id, endpoint_id, [*held, *sorted(added)])
    return len(added)


def drop_event_type(project_id: str, endpoint_id: str, name: str) -> None:
    """End an endpoint's listening to an event type; with the last one its subscriptions go.

    Raises FilterNotFound where no filter names the type, SubscribedEndpointNotFound.
    """
    with transaction.atomic():
        held = _held(project_id, endpoint_id)
        if name not in held:
            raise FilterNotFound
        if left := [one for one in held if one != name]:
            choose_event_types(project_id, endpoint_id, left)
        else:
            for uid in list(visible(project_id).filter(endpoint_id=endpoint_id).values_list("pk", flat=True)):
                delete_subscription(project_id, uid)


def _held(project_id: str, endpoint_id: str) -> list[str]:
    """Return the event types that an endpoint listens to, locked until the caller's transaction ends."""
    rows = Endpoint.objects.for_project(project_id).filter(pk=endpoint_id).only("uid")
    if rows.select_for_update(of=("self",), no_key=True).first() is None:
        raise SubscribedEndpointNotFound
    return list(dict.fromkeys(row.event_type for row in filters_of(project_id, endpoint_id)))


def deciding(filters: Iterable[Filter], event_type: str) -> Filter | None:
    """Return the filter, out of an endpoint's enabled ones, that decides on a type: its own, or that of `*`."""
    by_type: dict[str, Filter] = {}
    for row in filters:
        by_type.setdefault(row.event_type, row)
    return by_type.get(event_type) or by_type.get(EVERY_TYPE)


def set_conditions(
    project_id: str, endpoint_id: str, event_type: str, conditions: dict[str, Any], *, scope: Scope = None
) -> None:
    """Set the conditions under which an endpoint takes events of a type; {} takes all of them.

    A type that only a filter for `*` takes gets a filter of its own. A type's own filter is deleted where neither it
    nor that of `*` has conditions. Raises InvalidInput, NotFound.
    """
    checked = checked_conditions(conditions, Doing.SAVE_FILTER)
    with transaction.atomic():
        found = deciding(filters_of(project_id, endpoint_id, scope=scope), event_type)
        if found is None:
            raise FilterNotFound
        subscription = lock_subscription(project_id, found.subscription_id, scope)
        rows = {row.event_type: row for row in subscription.filters.filter(enabled_at__isnull=False)}
        row, every = rows.get(event_type), rows.get(EVERY_TYPE)
        is_superfluous = not checked and event_type != EVERY_TYPE and every is not None and not every.conditions
        if row is None and every is None:
            raise FilterNotFound
        if row is None and not is_superfluous:
            made, _ = Filter.objects.update_or_create(
                subscription=subscription,
                event_type=event_type,
                defaults={"conditions": checked, "enabled_at": timezone.now()},
            )
            changes = differences({}, shown_filter(made), secret=SECRET)
            record_all(project_id, [done(Verb.FILTER_CREATED, subscription, made, changes)])
        elif row is not None and is_superfluous:
            record_all(project_id, [done(Verb.FILTER_DELETED, subscription, row)])
            row.delete()
        elif row is not None:
            before = shown_filter(row)
            row.conditions = checked
            row.save(update_fields=["conditions"])
            record_changes(subscription, {row.uid: before}, [row])
        check_owner(subscription, checked)
        _settle(subscription, records=False)


def _take_all(subscriptions: list[Subscription], filters: dict[str, list[Filter]]) -> None:
    """Enable or add a filter for `*`, and delete the filters that it makes superfluous."""
    every = [row for rows in filters.values() for row in rows if row.event_type == EVERY_TYPE]
    if any(row.enabled_at is not None for row in every):
        return
    now = timezone.now()
    if every:
        taking = every[0]
        _switch_on(next(each for each in subscriptions if each.pk == taking.subscription_id), taking, now)
    else:
        taking = _add(subscriptions[0], EVERY_TYPE, subscriptions[0].filter, now)
    if not taking.conditions:
        plain = [row.pk for rows in filters.values() for row in rows if row.enabled_at and not row.conditions]
        Filter.objects.filter(pk__in=plain).exclude(pk=taking.pk).delete()


def _take_only(subscriptions: list[Subscription], filters: dict[str, list[Filter]], wanted: Sequence[str]) -> None:
    """Delete the enabled filters of other types, and enable or add those that are missing."""
    now = timezone.now()
    covered: set[str] = set()
    for subscription in subscriptions:
        rows = {row.event_type: row for row in filters[subscription.pk]}
        every = rows.get(EVERY_TYPE)
        if every is not None and every.enabled_at is not None:
            _enable(subscription, rows, wanted, every.conditions, now)
        covered |= {name for name, row in rows.items() if row.enabled_at is not None}
    rows = {row.event_type: row for row in filters[subscriptions[0].pk]}
    missing = [name for name in wanted if name not in covered]
    _enable(subscriptions[0], rows, missing, subscriptions[0].filter, now)
    others = Filter.objects.filter(subscription__in=subscriptions, enabled_at__isnull=False)
    others.exclude(event_type__in=wanted).delete()


def _enable(
    subscription: Subscription, rows: dict[str, Filter], names: Iterable[str], conditions: object, now: datetime
) -> None:
    """Enable the filters of these types, whose own conditions stay, and add the missing ones with `conditions`."""
    added = []
    for name in names:
        if name not in rows:
            row = Filter(subscription=subscription, event_type=name, enabled_at=now, conditions=conditions)
            added.append(row)
            rows[name] = row
        elif rows[name].enabled_at is None:
            _switch_on(subscription, rows[name], now)
    if added:
        check_size([row.event_type for row in added], added[0].conditions)
        Filter.objects.bulk_create(added)
        check_owner(subscription, conditions)


def _switch_on(subscription: Subscription, row: Filter, now: datetime) -> None:
    before = shown_filter(row)
    row.enabled_at = now
    row.save(update_fields=["enabled_at"])
    record_changes(subscription, {row.uid: before}, [row])


def _add(subscription: Subscription, name: str, conditions: object, now: datetime) -> Filter:
    return Filter.objects.create(subscription=subscription, event_type=name, enabled_at=now, conditions=conditions)


def _settle(subscription: Subscription, *, records: bool = True) -> None:
    """Set a subscription's event types to those of its filters, and delete it where it has none."""
    names = list(subscription.filters.order_by("pk").values_list("event_type", flat=True))
    if not names:
        subscription.deleted_at = subscription.updated_at = timezone.now()
        subscription.save(update_fields=["deleted_at", "updated_at"])
        record_change(Verb.SUBSCRIPTION_DELETED, subscription)
    elif names != subscription.event_types:
        if records:
            record_change(Verb.SUBSCRIPTION_UPDATED, subscription, {"event_types": [subscription.event_types, names]})
        set_types(subscription, names)
