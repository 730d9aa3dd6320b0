"""PUT /api/v1/projects/{projectID}/subscriptions/{subscriptionID}"""

from collections.abc import Callable
from typing import Any

import pytest

from endpoints.models import Endpoint
from projects.models import EventType, Project
from projects.operations import update_project
from subscriptions.models import Filter, Subscription
from tests.concurrency import at_once
from tests.conftest import API
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements
from tests.subscriptions.conftest import MakeSubscription, filters_of

MakeEndpoint = Callable[..., Endpoint]
GOLD = {"tier": "gold"}
TAKEN = (400, "a subscription for this endpoint already exists")


@pytest.fixture
def subscription(make_subscription: MakeSubscription, endpoint: Endpoint) -> Subscription:
    return make_subscription("a", "b", endpoint=endpoint, body=GOLD)


@pytest.fixture
def path(subscriptions: str, subscription: Subscription) -> str:
    return f"{subscriptions}/{subscription.uid}"


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.put(path, {"name": "new"})


class TestAccess(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


class TestFields:
    def test_what_is_sent_changes(self, api: API, path: str) -> None:
        before = api.get(path).data
        sent = {"name": "new", "source_id": "s", "delivery_mode": "at_most_once"}
        answer = api.put(path, sent)
        assert (answer.status, answer.message) == (202, "Subscription updated successfully")
        assert answer.data["updated_at"] > before["updated_at"]
        changed = {"name": "new", "delivery_mode": "at_most_once", "updated_at": answer.data["updated_at"]}
        assert answer.data == before | changed
        assert api.get(path).data == answer.data

    def test_what_is_empty_is_kept(self, api: API, path: str) -> None:
        before = api.get(path).data
        empty = {
            **dict.fromkeys(("name", "endpoint_id", "source_id", "function", "delivery_mode"), ""),
            **{name: {} for name in ("alert_config", "retry_config", "rate_limit_config")},
        }
        for sent in (empty, dict.fromkeys(empty), {}):
            assert api.put(path, sent).data | {"updated_at": ""} == before | {"updated_at": ""}

    def test_settings_without_effect_are_merged(self, api: API, path: str) -> None:
        api.put(path, {"alert_config": {"count": 5, "threshold": "1h"}, "rate_limit_config": {"count": 9}})
        api.put(path, {"retry_config": {"type": "exponential", "duration": "1m30s", "retry_count": 3}})
        api.put(path, {"alert_config": {"count": 0, "threshold": "2h"}, "retry_config": {"interval_seconds": 7}})
        data = api.get(path).data
        assert data["alert_config"] == {"count": 5, "threshold": "2h"}
        assert data["rate_limit_config"] == {"count": 9, "duration": 0}
        assert data["retry_config"] == {"type": "exponential", "duration": 7, "retry_count": 3}

    @pytest.mark.parametrize(
        ("sent", "said"),
        [
            ({"delivery_mode": "x"}, "invalid delivery mode value, must be either 'at_least_once' or 'at_most_once'"),
            ({"retry_config": {"duration": "soon"}}, 'time: invalid duration "soon"'),
            ({"retry_config": {"duration": "-1s"}}, "retry_config: the duration is out of range"),
            ({"retry_config": {"type": "random"}}, "retry_config: the type must be linear or exponential"),
            ({"endpoint_id": "nope"}, "failed to find endpoint by id: the endpoint may not belong to project"),
            ({"filter_config": {"filter": {"body": {"$a": 1}}}}, "failed to update subscription: unknown operator $a"),
            ({"name": 5}, 'body contains incorrect JSON type for field "name"'),
        ],
    )
    def test_what_is_wrong(self, api: API, path: str, sent: dict[str, Any], said: str) -> None:
        with nothing_changes():
            assert api.put(path, {"name": "new"} | sent).error == (400, said)

    def test_a_function(self, api: API, path: str) -> None:
        with nothing_changes():
            assert "functions are not supported" in api.put(path, {"function": "a"}).error[1]

    def test_one_that_is_not_there(self, api: API, subscriptions: str, endpoint: Endpoint) -> None:
        for body in ({"name": "new"}, {"endpoint_id": endpoint.uid}, {}):
            assert api.put(f"{subscriptions}/nope", body).error == (400, "failed to find subscription")


class TestEndpoint:
    def test_it_may_move(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        other = make_endpoint()
        assert api.put(path, {"endpoint_id": other.uid}).data["endpoint_metadata"]["uid"] == other.uid
        assert api.put(path, {"endpoint_id": other.uid}).status == 202

    def test_not_to_one_that_has_one(
        self, api: API, path: str, project: Project, make_subscription: MakeSubscription
    ) -> None:
        other = make_subscription("a")
        with nothing_changes():
            assert api.put(path, {"endpoint_id": other.endpoint_id}).error == TAKEN
        update_project(project.uid, name=project.name, config={"multiple_endpoint_subscriptions": True})
        assert api.put(path, {"endpoint_id": other.endpoint_id}).status == 202

    def test_not_to_another_projects(
        self, api: API, path: str, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        foreign = make_endpoint(project_id=other_project.uid).uid
        with nothing_changes():
            status, message = api.put(path, {"endpoint_id": foreign}).error
        assert (status, message) == (400, "failed to find endpoint by id: the endpoint may not belong to project")

    @pytest.mark.slow
    @pytest.mark.django_db(transaction=True)
    def test_two_that_move_at_once(
        self, api: API, subscriptions: str, make_subscription: MakeSubscription, make_endpoint: MakeEndpoint
    ) -> None:
        ids = [make_subscription("a").uid for _ in range(4)]
        target = make_endpoint().uid
        answers = at_once(4, lambda number: api.put(f"{subscriptions}/{ids[number]}", {"endpoint_id": target}))
        assert sorted(answer.status for answer in answers) == [202, 400, 400, 400]


class TestFilters:
    """Matching reads the filters only: they follow."""

    def test_event_types_replace_the_ones_before(self, api: API, path: str, subscription: Subscription) -> None:
        config = {"event_types": ["b", "c"], "filter": {"body": GOLD}}
        assert api.put(path, {"filter_config": config}).data["filter_config"]["event_types"] == ["b", "c"]
        assert filters_of(subscription) == dict.fromkeys("bc", (True, {"body": GOLD}))
        assert EventType.objects.filter(name="c").exists()

    def test_rule_5_conditions_are_rewritten_for_kept_types_too(
        self, api: API, path: str, subscription: Subscription
    ) -> None:
        kept = Filter.objects.get(subscription=subscription, event_type="a")
        Filter.objects.filter(subscription=subscription, event_type="b").update(enabled_at=None)
        silver = {"headers": {"x": "1"}, "body": {"tier": "silver"}}
        api.put(path, {"filter_config": {"filter": silver}})
        assert filters_of(subscription) == {"a": (True, silver), "b": (False, silver)}
        after = Filter.objects.get(subscription=subscription, event_type="a")
        assert (after.uid, after.enabled_at) == (kept.uid, kept.enabled_at)
        for tier, is_match in (("silver", True), ("gold", False)):
            sent = {"request": {"body": {"tier": tier}, "headers": {"X": "1"}}}
            assert api.post(f"{path}/filters/test/a", sent).data == {"is_match": is_match}

    def test_a_config_without_conditions_empties_them(self, api: API, path: str, subscription: Subscription) -> None:
        api.put(path, {"filter_config": {"event_types": []}})
        assert filters_of(subscription) == dict.fromkeys("ab", (True, {}))

    def test_a_name_changes_no_filter(self, api: API, path: str, subscription: Subscription) -> None:
        before = filters_of(subscription)
        api.put(path, {"name": "new"})
        assert filters_of(subscription) == before

    def test_what_was_read_can_be_sent_back(self, api: API, path: str, subscription: Subscription) -> None:
        """A client that renames a subscription must not lose the conditions of one of its event types."""
        other = api.get(f"{path}/filters").data[0]
        api.put(f"{path}/filters/{other['uid']}", {"body": {"own": 1}})
        before = filters_of(subscription)
        read = api.get(path).data
        api.put(path, {"name": "new", "filter_config": read["filter_config"]})
        assert filters_of(subscription) == before

    @pytest.mark.parametrize("count", [1, 300])
    def test_statements(self, api: API, path: str, make_event_types: Callable[..., None], count: int) -> None:
        types = [f"type {number}" for number in range(count)]
        with statements() as run:
            api.put(path, {"filter_config": {"event_types": types}})
        assert run == [
            "SELECT projects_apikey",
            "SELECT projects_project",
            "LOCK subscriptions_subscription",
            "SELECT projects_eventtype",
            "INSERT projects_eventtype",
            "DELETE subscriptions_filter",
            "UPDATE subscriptions_filter",
            "INSERT subscriptions_filter",
            "UPDATE subscriptions_subscription",
            "INSERT activity_activity",
        ]
