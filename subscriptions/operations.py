"""Create, update and delete subscriptions. Each function owns its transaction.

Contract: docs/contract/subscriptions.md. Events are matched with filter rows only, so each
change of a subscription's event types or conditions changes its filters too. A subscription of
another project, or outside the `scope` that is given, looks exactly like one that does not exist.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, Case, Func, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone

from activity.operations import Changes, Verb, differences, record
from core.api.values import parse_go_duration
from core.exceptions import InvalidInput, NotFound
from core.json_text import json_text
from endpoints.models import Endpoint, Scope
from projects.exceptions import ProjectNotFound
from projects.models import EVERY_TYPE, Project
from subscriptions import filters
from subscriptions.event_types import register, unknown
from subscriptions.exceptions import (
    ConditionsRefused,
    ConditionsTooLarge,
    DeliveryModeUnknown,
    Doing,
    EndpointTaken,
    EventTypeUnknown,
    FilterRefused,
    FunctionRefused,
    NewEndpointNotFound,
    RetryDurationOutOfRange,
    RetryTypeUnknown,
    SourceMissing,
    SourceNotFound,
    SubscribedEndpointNotFound,
    SubscriptionNameBlank,
    SubscriptionNotFound,
    TooManyFilterBytes,
    TooManySubscriptions,
)
from subscriptions.models import Filter, Subscription, SubscriptionQuerySet

#: The fields that an update may change.
EDITABLE = [
    *("name", "endpoint", "source_id", "delivery_mode", "event_types", "filter"),
    *("alert_config", "retry_config", "rate_limit_config", "updated_at"),
]
#: The condition whose values the record of activity leaves out: a header can be a credential.
SECRET = ("headers",)
#: The size of the conditions of all filters together: they are stored with each event type.
MAX_STORED_BYTES = 4_194_304


def visible(project_id: str, scope: Scope = None) -> SubscriptionQuerySet:
    """Return the live subscriptions of a project on the endpoints of the scope."""
    rows = Subscription.objects.for_project(project_id)
    return rows if scope is None else rows.filter(endpoint__in=scope.order_by().values("pk"))


def create_subscription(
    project_id: str,
    *,
    name: str,
    endpoint_id: str,
    source_id: str = "",
    function: str = "",
    delivery_mode: str = "",
    filter_config: dict[str, Any] | None = None,
    alert_config: dict[str, Any] | None = None,
    rate_limit_config: dict[str, Any] | None = None,
    scope: Scope = None,
    registers: bool = True,
) -> Subscription:
    """Create a subscription with one enabled filter for each of its event types.

    `filter_config` is a validated {"event_types", "filter"}. Names that are not event types yet
    are added to the project's; without `registers` they are refused. Raises InvalidInput, NotFound.
    """
    if not name.strip():
        raise SubscriptionNameBlank
    _check_function(function)
    mode = _checked_mode(delivery_mode or Subscription.DeliveryMode.AT_LEAST_ONCE)
    sent = filter_config or {}
    types = list(dict.fromkeys(sent.get("event_types") or [EVERY_TYPE]))
    conditions = checked_conditions(sent.get("filter", {}), Doing.CREATE_SUBSCRIPTION)
    check_size(types, conditions)
    with transaction.atomic():
        project = _project(project_id)
        _check_source(project, source_id)
        endpoint = _lock_endpoint(project, endpoint_id, scope, SubscribedEndpointNotFound)
        _admit(project, types, registers=registers)
        subscription = Subscription(
            project=project,
            endpoint=endpoint,
            name=name,
            source_id=source_id,
            delivery_mode=mode,
            event_types=types,
            filter=conditions,
            alert_config=_alert({}, alert_config) if alert_config else None,
            rate_limit_config=_rate_limit({}, rate_limit_config) if rate_limit_config else None,
        )
        subscription.save(force_insert=True)
        _add_filters(subscription, types)
        check_owner(subscription, conditions)
        record_change(Verb.SUBSCRIPTION_CREATED, subscription, {"event_types": [None, types]})
    return subscription


def update_subscription(
    project_id: str,
    subscription_id: str,
    *,
    name: str = "",
    endpoint_id: str = "",
    source_id: str = "",
    function: str = "",
    delivery_mode: str = "",
    filter_config: dict[str, Any] | None = None,
    alert_config: dict[str, Any] | None = None,
    retry_config: dict[str, Any] | None = None,
    rate_limit_config: dict[str, Any] | None = None,
    scope: Scope = None,
    registers: bool = True,
) -> Subscription:
    """Change what is given, and not empty, of a subscription; its filters follow.

    With a `filter_config`, its conditions replace the subscription's, also where it has none. Where
    they differ, they replace those of all its filters too, which stay enabled or disabled.
    Raises InvalidInput, NotFound.
    """
    _check_function(function)
    if delivery_mode:
        _checked_mode(delivery_mode)
    sent = filter_config or {}
    conditions = checked_conditions(sent.get("filter", {}), Doing.UPDATE_SUBSCRIPTION)
    with transaction.atomic():
        project = _project(project_id)
        subscription = lock_subscription(project_id, subscription_id, scope)
        before, owner_before = shown(subscription), subscription.endpoint.owner_id
        if endpoint_id:
            _check_source(project, source_id)
            subscription.endpoint = _lock_endpoint(project, endpoint_id, scope, NewEndpointNotFound, moved=subscription)
        subscription.name = name if name.strip() else subscription.name
        subscription.source_id = source_id or subscription.source_id
        subscription.delivery_mode = delivery_mode or subscription.delivery_mode
        if filter_config is not None:
            types = list(dict.fromkeys(sent.get("event_types") or subscription.event_types))
            _change_filters(project, subscription, types, conditions, registers=registers)
        if alert_config:
            subscription.alert_config = _alert(subscription.alert_config, alert_config)
        if retry_config:
            subscription.retry_config = _retry(subscription.retry_config, retry_config)
        if rate_limit_config:
            subscription.rate_limit_config = _rate_limit(subscription.rate_limit_config, rate_limit_config)
        subscription.updated_at = timezone.now()
        subscription.save(update_fields=EDITABLE)
        check_owner(subscription, subscription.endpoint.owner_id != owner_before)
        if changes := differences(before, shown(subscription), secret=SECRET):
            record_change(Verb.SUBSCRIPTION_UPDATED, subscription, changes)
    return subscription


def delete_subscription(project_id: str, subscription_id: str, *, scope: Scope = None) -> None:
    """Delete a subscription: no event matches it any more, and its endpoint may get another. Raises NotFound."""
    with transaction.atomic():
        subscription = lock_subscription(project_id, subscription_id, scope)
        subscription.deleted_at = subscription.updated_at = timezone.now()
        subscription.save(update_fields=["deleted_at", "updated_at"])
        record_change(Verb.SUBSCRIPTION_DELETED, subscription)


def find_subscription(
    project_id: str, subscription_id: str, scope: Scope = None, *, unseen: type[NotFound] = SubscriptionNotFound
) -> Subscription:
    """Return one live subscription with its endpoint. Raises `unseen`."""
    try:
        return with_endpoint(visible(project_id, scope)).get(pk=subscription_id)
    except Subscription.DoesNotExist:
        raise unseen from None


def lock_subscription(
    project_id: str, subscription_id: str, scope: Scope = None, *, unseen: type[NotFound] = SubscriptionNotFound
) -> Subscription:
    """Return the same, locked until the caller's transaction ends. Raises `unseen`."""
    try:
        rows = with_endpoint(visible(project_id, scope))
        return rows.select_for_update(of=("self",), no_key=True).get(pk=subscription_id)
    except Subscription.DoesNotExist:
        raise unseen from None


def with_endpoint(rows: SubscriptionQuerySet) -> SubscriptionQuerySet:
    """Join the columns of endpoints that an answer shows, without their secrets."""
    return rows.select_related("endpoint").defer(
        *("endpoint__secrets", "endpoint__authentication", "endpoint__mtls_client_cert"),
        *("endpoint__custom_headers", "endpoint__metadata"),
    )


def checked_conditions(sent: dict[str, Any], doing: Doing, patterns: filters.Patterns | None = None) -> dict[str, Any]:
    """Return the scopes of `sent` that have conditions. Raises ConditionsRefused, which names the operation.

    `patterns` is what several filters of one request share.
    """
    patterns = patterns or filters.Patterns()
    for scope in filters.SCOPES:
        if sent.get(scope):
            try:
                filters.check(sent[scope], wildcards=scope == "body", patterns=patterns)
                filters.check_can_match(sent[scope])
            except FilterRefused as error:
                raise ConditionsRefused(doing=doing, reason=error.message) from None
    return {scope: sent[scope] for scope in filters.SCOPES if sent.get(scope)}


def shown(subscription: Subscription) -> dict[str, Any]:
    """Return the values of a subscription that an update may change, with its conditions one by one."""
    names = [name for name in EDITABLE if name not in ("endpoint", "filter", "updated_at")]
    values = {name: getattr(subscription, name) for name in ("endpoint_id", *names)}
    return values | {scope: subscription.filter.get(scope) for scope in filters.SCOPES}


def record_change(verb: Verb, subscription: Subscription, changes: Changes | None = None) -> None:
    """Record what was done to a subscription, which holds its endpoint."""
    record(
        subscription.project_id,
        verb,
        owner_id=subscription.endpoint.owner_id,
        endpoint_id=subscription.endpoint_id,
        object_uid=subscription.uid,
        object_name=subscription.name,
        changes=changes,
    )


def _project(project_id: str) -> Project:
    try:
        return Project.objects.live().get(pk=project_id)
    except Project.DoesNotExist:
        raise ProjectNotFound from None


def _lock_endpoint(
    project: Project,
    endpoint_id: str,
    scope: Scope,
    unseen: type[InvalidInput],
    *,
    moved: Subscription | None = None,
) -> Endpoint:
    """Return an endpoint that may get a subscription, new or `moved` to it, locked so that two calls take turns.

    Its owner is locked too, so that two calls at once are counted both. Raises InvalidInput.
    """
    rows = Endpoint.objects.for_project(project.uid) if scope is None else scope.order_by()
    deferred = ("secrets", "authentication", "mtls_client_cert", "custom_headers", "metadata")
    most = project.owner_subscriptions
    owned = Func(
        *("project_id", "owner_id", Value(most)), function="subscriptions_of_owner", output_field=IntegerField()
    )
    # Without an owner an endpoint belongs to the company.
    counted: QuerySet[Any] = rows.annotate(owned=Case(When(~Q(owner_id=""), then=owned), default=0))
    endpoint: Any = counted.filter(pk=endpoint_id).defer(*deferred).select_for_update(of=("self",), no_key=True).first()
    if endpoint is None:
        raise unseen
    is_counted = moved is not None and moved.endpoint.owner_id == endpoint.owner_id
    if most and not is_counted and endpoint.owned >= most:
        raise TooManySubscriptions(most=most)
    if not project.config["multiple_endpoint_subscriptions"]:
        others = Subscription.objects.filter(endpoint=endpoint, deleted_at=None).exclude(pk=moved and moved.pk)
        if others.exists():
            raise EndpointTaken
    found: Endpoint = endpoint
    return found


def _check_function(function: str) -> None:
    if function:
        raise FunctionRefused


def _checked_mode(mode: str) -> str:
    if mode not in Subscription.DeliveryMode.values:
        raise DeliveryModeUnknown
    return mode


def _check_source(project: Project, source_id: str) -> None:
    """Refuse incoming projects: their webhooks come from a source, and there are no sources here."""
    if project.type == Project.Type.INCOMING:
        raise SourceNotFound if source_id else SourceMissing


def check_size(types: list[str], conditions: dict[str, Any]) -> None:
    """Refuse conditions that are too large to be stored with each of the event types. Raises ConditionsTooLarge."""
    if len(types) * len(json_text(conditions).encode()) > MAX_STORED_BYTES:
        raise ConditionsTooLarge(most=MAX_STORED_BYTES)


def check_owner(subscription: Subscription, *written: object) -> None:
    """Refuse conditions that were just written, where an endpoint's owner now has more than the project allows.

    Costs a statement where any of them is not empty. The owner is locked until the caller's transaction ends. Raises
    TooManyFilterBytes.
    """
    owner_id = subscription.endpoint.owner_id
    if not owner_id or not any(written):
        return
    used = Func("uid", Value(owner_id), function="filter_bytes_of_owner", output_field=BigIntegerField())
    rows = Project.objects.filter(pk=subscription.project_id, owner_filter_bytes__gt=0)
    for used_bytes, most in rows.values_list(used, "owner_filter_bytes"):
        if used_bytes > most:
            raise TooManyFilterBytes(most=most)


def check_new_owner(endpoint_ids: Sequence[str]) -> None:
    """Refuse to give endpoints to an owner who then has too many subscriptions, or bytes of filters.

    Raises TooManySubscriptions, TooManyFilterBytes.
    """
    rows = Subscription.objects.filter(endpoint__in=endpoint_ids, deleted_at=None)
    subscription = rows.select_related("project", "endpoint").first()
    if subscription is None or not subscription.endpoint.owner_id:
        return
    if most := subscription.project.owner_subscriptions:
        arguments = Value(subscription.project_id), Value(subscription.endpoint.owner_id), Value(most + 1)
        owned = Func(*arguments, function="subscriptions_of_owner", output_field=IntegerField())
        if Project.objects.filter(pk=subscription.project_id).values_list(owned, flat=True).get() > most:
            raise TooManySubscriptions(most=most)
    check_owner(subscription, True)


def _admit(project: Project, types: Iterable[str], *, registers: bool) -> None:
    """Make the names event types of the project, where they are none yet; without `registers`, refuse these."""
    if registers:
        register(project.uid, types)
    elif missing := unknown(project.uid, types):
        raise EventTypeUnknown(name=min(missing))


def _change_filters(
    project: Project, subscription: Subscription, types: list[str], conditions: dict[str, Any], *, registers: bool
) -> None:
    """Set the event types and conditions of a locked subscription, and the filters that follow from them."""
    check_size(types, conditions)
    kept = set(subscription.event_types).intersection(types)
    added = [name for name in types if name not in kept]
    if added:
        _admit(project, added, registers=registers)
    has_changed = conditions != subscription.filter
    subscription.event_types, subscription.filter = types, conditions
    subscription.filters.exclude(event_type__in=types).delete()
    if has_changed:
        subscription.filters.update(conditions=conditions)
    _add_filters(subscription, added)
    if has_changed or added:
        check_owner(subscription, conditions)


def _add_filters(subscription: Subscription, types: Iterable[str]) -> None:
    now = timezone.now()
    Filter.objects.bulk_create(
        Filter(subscription=subscription, event_type=name, enabled_at=now, conditions=subscription.filter)
        for name in types
    )


# Settings that are stored and shown without effect: the project's strategy and the endpoint's limits count.


def _alert(stored: dict[str, Any] | None, sent: dict[str, Any]) -> dict[str, Any]:
    return {"count": 0, "threshold": ""} | (stored or {}) | {name: value for name, value in sent.items() if value}


def _rate_limit(stored: dict[str, Any] | None, sent: dict[str, Any]) -> dict[str, Any]:
    return {"count": 0, "duration": 0} | (stored or {}) | {name: value for name, value in sent.items() if value}


def _retry(stored: dict[str, Any] | None, sent: dict[str, Any]) -> dict[str, Any]:
    """Return `duration` in whole seconds; it may be sent as a text such as "10s" or as `interval_seconds`."""
    kept: dict[str, Any] = {"type": "linear", "duration": 0, "retry_count": 0} | (stored or {})
    strategy = sent.get("type") or kept["type"]
    if strategy not in ("linear", "exponential"):
        raise RetryTypeUnknown
    seconds = float(sent.get("interval_seconds") or kept["duration"])
    if sent.get("duration"):
        try:
            seconds = parse_go_duration(sent["duration"])
        except ValueError as error:
            raise InvalidInput(str(error), field="retry_config") from None
    if not 0 <= seconds < 2**31:
        raise RetryDurationOutOfRange
    return {"type": strategy, "duration": int(seconds), "retry_count": sent.get("retry_count") or kept["retry_count"]}
