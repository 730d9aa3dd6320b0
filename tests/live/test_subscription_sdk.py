"""convoy-python 1.0.0a1, the official client, on event types, subscriptions and filters of the running server."""

from typing import Any

import pytest
from convoy import AuthenticatedClient
from convoy.api.event_types import (
    create_event_type,
    deprecate_event_type,
    get_event_types,
    import_open_api_spec,
    update_event_type,
)
from convoy.api.filters import (
    bulk_create_filters,
    bulk_update_filters,
    create_filter,
    delete_filter,
    get_filter,
    get_filters,
    test_filter,
    update_filter,
)
from convoy.api.subscriptions import (
    create_subscription,
    delete_subscription,
    get_subscription,
    get_subscriptions,
    test_subscription_filter,
    test_subscription_function,
    toggle_subscription_status,
    update_subscription,
)
from convoy.errors import UnexpectedStatus
from convoy.models import (
    DatastoreMType0,
    GetSubscriptionsDirection,
    ModelsBulkUpdateFilterRequest,
    ModelsCreateEventType,
    ModelsCreateFilterRequest,
    ModelsCreateSubscription,
    ModelsFilterConfiguration,
    ModelsFilterSchema,
    ModelsFS,
    ModelsFunctionRequest,
    ModelsImportOpenAPISpec,
    ModelsOptionalTime,
    ModelsTestFilter,
    ModelsTestFilterRequest,
    ModelsUpdateEventType,
    ModelsUpdateFilterRequest,
    ModelsUpdateSubscription,
)

from tests.live.conftest import LiveProject
from tests.live.test_sdk import convoy, data, refusal, walk

__all__ = ["convoy"]


SPEC = '{"openapi": "3.1.0", "webhooks": {"order.lost": {"post": {"description": "lost"}}}}'


def conditions(value: dict[str, Any]) -> Any:
    return DatastoreMType0.from_dict(value)


def test_event_types(project: LiveProject, convoy: AuthenticatedClient) -> None:
    body = ModelsCreateEventType(name="order.created", category="orders", description="placed")
    created = data(create_event_type.sync_detailed(project.uid, client=convoy, body=body), 201)
    assert (created.name, created.category, created.description) == ("order.created", "orders", "placed")
    taken = create_event_type.sync_detailed(project.uid, client=convoy, body=body)
    assert refusal(taken) == (400, "an event type with this name already exists")

    imported = data(
        import_open_api_spec.sync_detailed(project.uid, client=convoy, body=ModelsImportOpenAPISpec(spec=SPEC)), 200
    )
    assert [(row.name, row.description) for row in imported] == [("order.lost", "lost")]
    found = data(get_event_types.sync_detailed(project.uid, client=convoy), 200)
    assert [row.name for row in found] == ["order.lost", "order.created", "*"]
    assert found[1].deprecated_at is None


def test_subscriptions_and_filters(project: LiveProject, convoy: AuthenticatedClient) -> None:
    endpoint = project.make_endpoint(owner_id="acme")
    body = ModelsCreateSubscription(
        name="orders",
        endpoint_id=endpoint,
        filter_config=ModelsFilterConfiguration(
            event_types=["order.created"], filter_=ModelsFS(body=conditions({"amount": {"$gte": 100}}))
        ),
    )
    created = data(create_subscription.sync_detailed(project.uid, client=convoy, body=body), 201)
    assert created.filter_config.event_types == ["order.created"]
    second = create_subscription.sync_detailed(project.uid, client=convoy, body=body)
    assert refusal(second) == (400, "a subscription for this endpoint already exists")
    one = (project.uid, created.uid)
    fetched = data(get_subscription.sync_detailed(*one, client=convoy), 200)
    assert fetched.endpoint_metadata.uid == endpoint
    assert fetched.filter_config.filter_.body.to_dict() == {"amount": {"$gte": 100}}
    renamed = update_subscription.sync_detailed(*one, client=convoy, body=ModelsUpdateSubscription(name="renamed"))
    assert data(renamed, 202).name == "renamed"
    assert toggle_subscription_status.sync_detailed(*one, client=convoy).status_code == 202

    [own] = data(get_filters.sync_detailed(*one, client=convoy), 200)
    assert (own.event_type, own.body.to_dict()) == ("order.created", {"amount": {"$gte": 100}})
    tests = [(150, True), (50, False), ("150", True)]
    for amount, is_match in tests:
        sent = ModelsTestFilterRequest(payload={"amount": amount})
        tested = test_filter.sync_detailed(*one, "order.created", client=convoy, body=sent)
        assert data(tested, 200).is_match is is_match

    star = ModelsCreateFilterRequest(event_type="*", body=conditions({"tier": "gold"}))
    made = data(create_filter.sync_detailed(*one, client=convoy, body=star), 201)
    assert data(get_filter.sync_detailed(*one, made.uid, client=convoy), 200).raw_body.to_dict() == {"tier": "gold"}
    since = ModelsOptionalTime(set_=True, time="2026-07-03T09:41:00Z")
    changed = ModelsUpdateFilterRequest(body=conditions({"tier": "silver"}), enabled_at=since)
    updated = data(update_filter.sync_detailed(*one, made.uid, client=convoy, body=changed), 200)
    assert (updated.body.to_dict(), updated.enabled_at) == ({"tier": "silver"}, "2026-07-03T09:41:00Z")
    several = [ModelsBulkUpdateFilterRequest(uid=made.uid, enabled_at=ModelsOptionalTime(set_=True))]
    [disabled] = data(bulk_update_filters.sync_detailed(*one, client=convoy, body=several), 200)
    assert disabled.enabled_at is None
    assert delete_filter.sync_detailed(*one, made.uid, client=convoy).status_code == 200
    assert refusal(get_filter.sync_detailed(*one, made.uid, client=convoy)) == (404, "filter not found")
    [again] = data(bulk_create_filters.sync_detailed(*one, client=convoy, body=[star]), 201)
    assert again.event_type == "*"

    assert delete_subscription.sync_detailed(*one, client=convoy).status_code == 200
    assert refusal(get_subscription.sync_detailed(*one, client=convoy)) == (404, "failed to find subscription")
    assert data(create_subscription.sync_detailed(project.uid, client=convoy, body=body), 201).uid != created.uid


def test_trials(project: LiveProject, convoy: AuthenticatedClient) -> None:
    body = ModelsTestFilter(
        request=ModelsFilterSchema(body={"amount": 150}), schema=ModelsFilterSchema(body={"amount": {"$gte": 100}})
    )
    assert data(test_subscription_filter.sync_detailed(project.uid, client=convoy, body=body), 200) is True
    function = ModelsFunctionRequest(function="function transform(p){return p}")
    refused = test_subscription_function.sync_detailed(project.uid, client=convoy, body=function)
    assert refusal(refused)[0] == 400


def test_deprecation(project: LiveProject, convoy: AuthenticatedClient) -> None:
    """The published document says 201 for what Convoy's server answers with 200 and 202, and so does this one.

    A client that was told to raise for what is not in the document raises. What was asked for is done.
    """
    body = ModelsCreateEventType(name="order.created")
    uid = data(create_event_type.sync_detailed(project.uid, client=convoy, body=body), 201).uid
    with pytest.raises(UnexpectedStatus, match="200"):
        deprecate_event_type.sync_detailed(project.uid, uid, client=convoy)
    with pytest.raises(UnexpectedStatus, match="202"):
        update_event_type.sync_detailed(project.uid, uid, client=convoy, body=ModelsUpdateEventType(category="a"))
    [changed, _] = data(get_event_types.sync_detailed(project.uid, client=convoy), 200)
    assert changed.category == "a"
    assert changed.deprecated_at


def test_pages_there_and_back(project: LiveProject, convoy: AuthenticatedClient) -> None:
    made = []
    for number in range(7):
        body = ModelsCreateSubscription(name=str(number), endpoint_id=project.make_endpoint())
        made.append(data(create_subscription.sync_detailed(project.uid, client=convoy, body=body), 201).uid)

    def fetch(**query: Any) -> Any:
        return get_subscriptions.sync_detailed(project.uid, client=convoy, per_page=3, **query)

    assert walk(fetch, GetSubscriptionsDirection.PREV) == made[::-1]
