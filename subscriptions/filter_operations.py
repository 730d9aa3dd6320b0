"""Create, update and delete the filters of a subscription. Each function owns its transaction.

Contract: docs/contract/subscriptions.md#filters. The subscription is locked while its filters change,
and its `event_types` are always those that it has filters for. A filter of another subscription looks
exactly like one that does not exist.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from activity.operations import Changes, Done, Verb, differences, record_all
from core.api import pagination
from core.json_text import json_text
from endpoints.models import Scope
from projects.models import EVERY_TYPE
from subscriptions import filters
from subscriptions.event_types import unknown
from subscriptions.exceptions import (
    Doing,
    FilteredSubscriptionNotFound,
    FilteredTypeUnknown,
    FilterExists,
    FilterListedTwice,
    FilterNotFound,
    FiltersTooLarge,
    ListedFilterExists,
    ListedFilterNotFound,
    ListedTypeUnknown,
    TypeListedTwice,
)
from subscriptions.models import Filter, Subscription
from subscriptions.operations import SECRET, check_owner, checked_conditions, find_subscription, lock_subscription


def list_filters(project_id: str, subscription_id: str, *, scope: Scope = None) -> QuerySet[Filter]:
    """Return all filters of a subscription, newest first. Raises NotFound."""
    subscription = _subscription(project_id, subscription_id, scope)
    return subscription.filters.order_by("-pk")


def get_filter(project_id: str, subscription_id: str, filter_id: str, *, scope: Scope = None) -> Filter:
    """Return one filter. Raises NotFound."""
    return _find(_subscription(project_id, subscription_id, scope), filter_id)


def create_filter(project_id: str, subscription_id: str, *, scope: Scope = None, **sent: Any) -> Filter:
    """Add a filter for one more event type to a subscription, enabled now where no `enabled_at` is sent.

    `sent` holds validated fields of CreateFilterRequest. Raises InvalidInput, NotFound.
    """
    conditions = checked_conditions(sent, Doing.CREATE_FILTER)
    with transaction.atomic():
        subscription = _lock(project_id, subscription_id, scope)
        name = sent.get("event_type", "")
        _check_name(project_id, subscription, name)
        [made] = _create(subscription, [(name, sent.get("enabled_at", timezone.now()), conditions)])
    return made


def create_filters(
    project_id: str, subscription_id: str, items: Sequence[dict[str, Any]], *, scope: Scope = None
) -> list[Filter]:
    """Add several filters, all or none; returns them in the order of `items`. Raises InvalidInput, NotFound."""
    patterns = filters.Patterns()
    made = [(item, checked_conditions(item, Doing.CREATE_FILTERS, patterns)) for item in items]
    _check_answer(conditions for _, conditions in made)
    with transaction.atomic():
        subscription = _lock(project_id, subscription_id, scope)
        names = [item.get("event_type", "") for item in items]
        _check_names(project_id, names)
        taken = set(subscription.filters.filter(event_type__in=names).values_list("event_type", flat=True))
        for name in names:
            if name in taken:
                raise ListedFilterExists(name=name)
        now = timezone.now()
        rows = [(item.get("event_type", ""), item.get("enabled_at", now), conditions) for item, conditions in made]
        return _create(subscription, rows)


def update_filter(project_id: str, subscription_id: str, filter_id: str, *, scope: Scope = None, **sent: Any) -> Filter:
    """Change what is sent of a filter: {} clears a scope, an `enabled_at` of None disables.

    Raises InvalidInput, NotFound.
    """
    checked_conditions(sent, Doing.UPDATE_FILTER)
    with transaction.atomic():
        subscription = _lock(project_id, subscription_id, scope)
        changed = _find(subscription, filter_id)
        before = shown(changed)
        if (name := sent.get("event_type", "")) and name != changed.event_type:
            _check_name(project_id, subscription, name)
        _rename(subscription, {changed.event_type: name or changed.event_type})
        _change(changed, sent)
        changed.save(update_fields=["event_type", "enabled_at", "conditions"])
        check_owner(subscription, *(sent.get(name) for name in filters.SCOPES))
        record_changes(subscription, {changed.uid: before}, [changed])
    return changed


def update_filters(
    project_id: str, subscription_id: str, items: Sequence[dict[str, Any]], *, scope: Scope = None
) -> list[Filter]:
    """Change several filters, each named by its `uid`, all or none. Raises InvalidInput, NotFound.

    An event type that a filter has cannot be given to another one in the same call.
    """
    patterns = filters.Patterns()
    for item in items:
        checked_conditions(item, Doing.UPDATE_FILTERS, patterns)
    with transaction.atomic():
        subscription = _lock(project_id, subscription_id, scope)
        # Those of the call, whose number is bounded, and not all of the subscription with their conditions.
        rows = {row.uid: row for row in subscription.filters.filter(pk__in=[item["uid"] for item in items])}
        before = {row.uid: shown(row) for row in rows.values()}
        ids: set[str] = set()
        for item in items:
            if item["uid"] not in rows:
                raise ListedFilterNotFound(uid=item["uid"])
            if item["uid"] in ids:
                raise FilterListedTwice(uid=item["uid"])
            ids.add(item["uid"])
        names = [item["event_type"] for item in items if item.get("event_type")]
        _check_names(project_id, names)
        owners = dict(subscription.filters.filter(event_type__in=names).values_list("event_type", "pk"))
        renamed = {}
        for item in items:
            row = rows[item["uid"]]
            name = item.get("event_type") or row.event_type
            if owners.get(name, row.uid) != row.uid:
                raise ListedFilterExists(name=name)
            renamed[row.event_type] = name
            _change(row, item)
        _rename(subscription, renamed)
        changed = [rows[item["uid"]] for item in items]
        _check_answer(row.conditions for row in changed)
        # As an insert of rows that are there: bulk_update() builds a condition for each value.
        written = ["event_type", "enabled_at", "conditions"]
        Filter.objects.bulk_create(
            changed, batch_size=500, update_conflicts=True, unique_fields=["uid"], update_fields=written
        )
        check_owner(subscription, *(item.get(name) for item in items for name in filters.SCOPES))
        record_changes(subscription, before, changed)
    return changed


def _check_answer(together: Iterable[dict[str, Any]]) -> None:
    """Raise FiltersTooLarge where the conditions of several filters, as written and with dotted keys, are too large.

    Dotted keys repeat the names of the objects in which they stand: a body of 1 MiB would be answered with 100 MB.
    """
    left = pagination.MAX_PAGE_BYTES
    for conditions in together:
        for scope in conditions.values():
            left -= len(json_text(scope)) + len(json_text(filters.flatten(scope)))
        if left < 0:
            raise FiltersTooLarge


def delete_filter(project_id: str, subscription_id: str, filter_id: str, *, scope: Scope = None) -> None:
    """Delete a filter, and its event type from the subscription. Raises NotFound."""
    with transaction.atomic():
        subscription = _lock(project_id, subscription_id, scope)
        deleted = _find(subscription, filter_id)
        record_all(project_id, [done(Verb.FILTER_DELETED, subscription, deleted)])
        deleted.delete()
        set_types(subscription, [name for name in subscription.event_types if name != deleted.event_type])


def would_take(
    project_id: str,
    subscription_id: str,
    event_type: str,
    *,
    payload: Any = None,
    request: dict[str, Any] | None = None,
    scope: Scope = None,
) -> bool:
    """Return whether a subscription would take an event of this type. Nothing is sent. Raises NotFound.

    `request` has validated fields of TestFilterRequestScopes; its body takes precedence over `payload`. As in
    the original, true where there is a filter neither for this type nor for all of them.
    Contract: docs/contract/subscriptions.md#filter-test.
    """
    subscription = _subscription(project_id, subscription_id, scope)
    rows = {row.event_type: row for row in subscription.filters.filter(event_type__in=[event_type, EVERY_TYPE])}
    if not rows:
        return True
    enabled = [rows[name] for name in (event_type, EVERY_TYPE) if name in rows and rows[name].enabled_at is not None]
    if not enabled:
        return False
    given = request or {}
    return filters.matches_event(
        enabled[0].conditions,
        body=given.get("body", payload),
        headers=given.get("headers", given.get("header", {})),
        query=given.get("query", {}),
        path=given.get("path", {}),
    )


def _subscription(project_id: str, subscription_id: str, scope: Scope) -> Subscription:
    return find_subscription(project_id, subscription_id, scope, unseen=FilteredSubscriptionNotFound)


def _lock(project_id: str, subscription_id: str, scope: Scope) -> Subscription:
    return lock_subscription(project_id, subscription_id, scope, unseen=FilteredSubscriptionNotFound)


def _find(subscription: Subscription, filter_id: str) -> Filter:
    found = subscription.filters.filter(pk=filter_id).first()
    if found is None:
        raise FilterNotFound
    return found


def _check_name(project_id: str, subscription: Subscription, name: str) -> None:
    """Refuse an event type that the project does not have, or for which the subscription has a filter."""
    if unknown(project_id, [name]):
        raise FilteredTypeUnknown
    if subscription.filters.filter(event_type=name).exists():
        raise FilterExists


def _check_names(project_id: str, names: Sequence[str]) -> None:
    """Refuse event types that are listed twice, or that the project does not have."""
    missing = unknown(project_id, names)
    seen: set[str] = set()
    for name in names:
        if name in missing:
            raise ListedTypeUnknown(name=name)
        if name in seen:
            raise TypeListedTwice(name=name)
        seen.add(name)


def _create(subscription: Subscription, rows: Iterable[tuple[str, datetime | None, dict[str, Any]]]) -> list[Filter]:
    made = Filter.objects.bulk_create(
        Filter(subscription=subscription, event_type=name, enabled_at=enabled_at, conditions=conditions)
        for name, enabled_at, conditions in rows
    )
    check_owner(subscription, *(row.conditions for row in made))
    set_types(subscription, [*subscription.event_types, *(row.event_type for row in made)])
    record_all(
        subscription.project_id,
        (done(Verb.FILTER_CREATED, subscription, row, differences({}, shown(row), secret=SECRET)) for row in made),
    )
    return made


def shown(row: Filter) -> dict[str, Any]:
    """Return the values of a filter for the record of activity, with its conditions one by one."""
    conditions = {scope: row.conditions.get(scope) for scope in filters.SCOPES}
    return {"event_type": row.event_type, "is_enabled": row.enabled_at is not None} | conditions


def done(verb: Verb, subscription: Subscription, row: Filter, changes: Changes | None = None) -> Done:
    """Return what was done to a filter, for the record of activity."""
    endpoint = subscription.endpoint
    return Done(verb, endpoint.owner_id, endpoint.uid, row.uid, row.event_type, changes)


def record_changes(subscription: Subscription, before: dict[str, dict[str, Any]], rows: Sequence[Filter]) -> None:
    """Record the filters that differ from what they were `before`, by their ids."""
    changes = {row.uid: differences(before[row.uid], shown(row), secret=SECRET) for row in rows}
    record_all(
        subscription.project_id,
        (done(Verb.FILTER_UPDATED, subscription, row, changes[row.uid]) for row in rows if changes[row.uid]),
    )


def _change(row: Filter, sent: dict[str, Any]) -> None:
    row.event_type = sent.get("event_type") or row.event_type
    row.enabled_at = sent.get("enabled_at", row.enabled_at)
    conditions = row.conditions | {scope: sent[scope] for scope in filters.SCOPES if scope in sent}
    row.conditions = {scope: given for scope, given in conditions.items() if given}


def _rename(subscription: Subscription, names: dict[str, str]) -> None:
    if any(old != new for old, new in names.items()):
        set_types(subscription, [names.get(name, name) for name in subscription.event_types])


def set_types(subscription: Subscription, names: list[str]) -> None:
    """Set the event types of a locked subscription, which are those of its filters."""
    subscription.event_types = names
    subscription.updated_at = timezone.now()
    subscription.save(update_fields=["event_types", "updated_at"])
