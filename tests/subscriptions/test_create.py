"""POST /api/v1/projects/{projectID}/subscriptions"""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint
from projects.models import EventType, Project
from projects.operations import create_project, update_project
from subscriptions.models import Subscription
from tests.concurrency import at_once
from tests.conftest import API, as_text
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements
from tests.subscriptions.conftest import filters_of

MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def body(endpoint: Endpoint) -> dict[str, Any]:
    return {"name": "orders to acme", "endpoint_id": endpoint.uid}


@pytest.fixture
def call(subscriptions: str, body: dict[str, Any]) -> Call:
    return lambda api: api.post(subscriptions, body)


class TestAccess(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


class TestWorks:
    def test_in_full(self, api: API, subscriptions: str, body: dict[str, Any], endpoint: Endpoint) -> None:
        conditions = {"headers": {"X-A": "1"}, "body": {"amount": {"$gte": 100}, "customer": {"tier": "gold"}}}
        sent = body | {
            "delivery_mode": "at_most_once",
            "source_id": "whatever",
            "app_id": "whatever",
            "function": None,
            "filter_config": {"event_types": ["order.created", "order.paid", "order.created"], "filter": conditions},
            "alert_config": {"count": 5, "threshold": "1h"},
            "rate_limit_config": {"count": 10, "duration": 60},
            "retry_config": {"type": "nonsense"},
        }
        answer = api.post(subscriptions, sent)
        assert (answer.status, answer.message) == (201, "Subscription created successfully")
        row = Subscription.objects.get()
        times = {name: answer.data[name] for name in ("created_at", "updated_at")}
        assert answer.data == {
            "uid": row.uid,
            "name": "orders to acme",
            "type": "api",
            "project_id": endpoint.project_id,
            "function": None,
            "source_metadata": None,
            "endpoint_metadata": None,
            "device_metadata": None,
            "filter_config": {
                "event_types": ["order.created", "order.paid"],
                "filter": {"is_flattened": False, **conditions, "query": {}, "path": {}},
            },
            "delivery_mode": "at_most_once",
            "alert_config": {"count": 5, "threshold": "1h"},
            "rate_limit_config": {"count": 10, "duration": 60},
            **times,
            "deleted_at": None,
        }
        assert filters_of(row) == dict.fromkeys(("order.created", "order.paid"), (True, conditions))

    @pytest.mark.parametrize("config", [None, {}, {"event_types": []}, {"event_types": None, "filter": None}])
    def test_without_event_types_it_takes_all(
        self, api: API, subscriptions: str, body: dict[str, Any], config: Any
    ) -> None:
        data = api.post(subscriptions, body | {"filter_config": config}).data
        assert data["filter_config"]["event_types"] == ["*"]
        assert filters_of(data["uid"]) == {"*": (True, {})}
        assert not {"alert_config", "retry_config", "rate_limit_config"} & data.keys()
        assert data["delivery_mode"] == "at_least_once"

    def test_unknown_event_types_are_added(self, api: API, subscriptions: str, body: dict[str, Any]) -> None:
        api.post(subscriptions, body | {"filter_config": {"event_types": ["*", "b", "a"]}})
        found = EventType.objects.values_list("name", "category", "description", "json_schema")
        assert set(found) == {("*", "", "", None), ("a", "", "", None), ("b", "", "", None)}

    def test_deleting_one_frees_the_endpoint(self, api: API, subscriptions: str, body: dict[str, Any]) -> None:
        first = api.post(subscriptions, body).data["uid"]
        assert api.delete(f"{subscriptions}/{first}").status == 200
        assert api.post(subscriptions, body).status == 201


class TestConditionsThatNeverMatch:
    def test_are_refused(self, api: API, subscriptions: str, body: dict[str, Any]) -> None:
        conditions = {"filter": {"body": {"repositories": ["x"]}}}
        with nothing_changes():
            status, message = api.post(subscriptions, body | {"filter_config": conditions}).error
        assert status == 400
        assert message.startswith("failed to create subscription: the bare array of repositories never matches: ")


class TestOneForAnEndpoint:
    def test_a_second_one_is_refused(self, api: API, subscriptions: str, body: dict[str, Any]) -> None:
        api.post(subscriptions, body)
        with nothing_changes():
            answer = api.post(subscriptions, body | {"filter_config": {"event_types": ["new"]}})
        assert answer.error == (400, "a subscription for this endpoint already exists")

    def test_the_projects_setting_allows_more(
        self, api: API, project: Project, subscriptions: str, body: dict[str, Any]
    ) -> None:
        update_project(project.uid, name=project.name, config={"multiple_endpoint_subscriptions": True})
        assert [api.post(subscriptions, body).status for _ in range(3)] == [201] * 3

    @pytest.mark.django_db(transaction=True)
    def test_two_at_once_make_one(self, api: API, subscriptions: str, body: dict[str, Any]) -> None:
        answers = at_once(6, lambda _: api.post(subscriptions, body))
        assert sorted(answer.status for answer in answers) == [201] + [400] * 5
        assert Subscription.objects.count() == 1

    @pytest.mark.slow
    @pytest.mark.django_db(transaction=True)
    def test_new_event_types_at_once(
        self, api: API, subscriptions: str, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        """Neither a name that two register nor their order makes one fail."""
        names = [f"type {number}" for number in range(50)]
        ids = [make_endpoint().uid for _ in range(4)]

        def create(number: int) -> Any:
            config = {"event_types": names[:: (-1) ** number]}
            return api.post(subscriptions, {"name": "n", "endpoint_id": ids[number], "filter_config": config})

        assert [answer.status for answer in at_once(4, create)] == [201] * 4
        assert EventType.objects.filter(project=project).count() == 51


class TestRefuses:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"name": ""}, "name:please provide a valid subscription name"),
            ({"name": " "}, "name:please provide a valid subscription name"),
            ({"endpoint_id": None}, "endpoint_id:please provide a valid endpoint id"),
            ({"endpoint_id": "nope"}, "failed to find endpoint by id"),
            (
                {"delivery_mode": "twice"},
                "invalid delivery mode value, must be either 'at_least_once' or 'at_most_once'",
            ),
            ({"filter_config": []}, 'body contains incorrect JSON type for field "filter_config"'),
            (
                {"filter_config": {"event_types": "a"}},
                'body contains incorrect JSON type for field "filter_config.event_types"',
            ),
            (
                {"filter_config": {"filter": {"body": []}}},
                'body contains incorrect JSON type for field "filter_config.filter.body"',
            ),
        ],
    )
    def test_what_is_wrong(
        self, api: API, subscriptions: str, body: dict[str, Any], change: dict[str, Any], said: str
    ) -> None:
        with nothing_changes():
            assert api.post(subscriptions, body | change).error == (400, said)

    def test_a_function_is_not_stored_and_not_ignored(self, api: API, subscriptions: str, body: dict[str, Any]) -> None:
        with nothing_changes():
            status, message = api.post(subscriptions, body | {"function": "function transform(p){return p}"}).error
        assert status == 400
        assert "functions are not supported" in message
        assert api.post(subscriptions, body | {"function": ""}).status == 201

    def test_an_endpoint_of_another_project_looks_like_none(
        self, api: API, other_project: Project, make_endpoint: MakeEndpoint, subscriptions: str, project: Project
    ) -> None:
        foreign, deleted = make_endpoint(project_id=other_project.uid), make_endpoint()
        delete_endpoint(project.uid, deleted.uid)
        with nothing_changes():
            for uid in (foreign.uid, deleted.uid, "\ud7ff", "a" * 255):
                answer = api.post(subscriptions, {"name": "a", "endpoint_id": uid})
                assert answer.error == (400, "failed to find endpoint by id")

    @pytest.mark.parametrize(
        "conditions",
        [
            {"body": {"a": {"$near": 1}}},
            {"body": {"$or": {}}},
            {"body": {"a.$": 1}},
            {"body": {"a": {"$regex": "("}}},
            {"body": {"a": {"$exist": "yes"}}},
            {"body": {"a": "\x00"}},
            {"body": {"\x00": 1}},
            {"headers": {"a.$.b": 1}},
            {"query": {"$.a": 1}},
            {"path": {"a.$.b": 1}},
            {"body": {str(number): 1 for number in range(20_000)}},
        ],
        ids=as_text,
    )
    def test_conditions_that_cannot_be_evaluated(
        self, api: API, subscriptions: str, body: dict[str, Any], conditions: dict[str, Any]
    ) -> None:
        with nothing_changes():
            status, message = api.post(subscriptions, body | {"filter_config": {"filter": conditions}}).error
        assert status == 400
        assert message.startswith("failed to create subscription: ")

    @pytest.mark.parametrize("depth", [40, 300, 1000])
    def test_conditions_that_are_too_deep(self, api: API, subscriptions: str, endpoint: Endpoint, depth: int) -> None:
        conditions = b'{"a":' * depth + b"1" + b"}" * depth
        sent = orjson.dumps({"name": "a", "endpoint_id": endpoint.uid, "filter_config": {"filter": {"body": "DEEP"}}})
        with nothing_changes():
            assert api.post(subscriptions, sent.replace(b'"DEEP"', conditions)).error[0] == 400

    @pytest.mark.parametrize("types", [[""], ["a" * 256], ["a\x00"], [str(number) for number in range(1001)]])
    def test_event_types_that_cannot_be(
        self, api: API, subscriptions: str, body: dict[str, Any], types: list[str]
    ) -> None:
        with nothing_changes():
            assert api.post(subscriptions, body | {"filter_config": {"event_types": types}}).error[0] == 400

    def test_many_event_types_with_long_conditions(self, api: API, subscriptions: str, body: dict[str, Any]) -> None:
        """They are stored with each event type: a small request must not fill the database."""
        config = {
            "event_types": [str(number) for number in range(1000)],
            "filter": {"body": {"a": {"$in": ["b" * 5000]}}},
        }
        with nothing_changes():
            assert api.post(subscriptions, body | {"filter_config": config}).error[0] == 400

    def test_incoming_projects_have_no_sources(self, instance: API, make_endpoint: MakeEndpoint) -> None:
        project = create_project(name="In", type="incoming")[0]
        body = {"name": "a", "endpoint_id": make_endpoint(project_id=project.uid).uid}
        path = f"/projects/{project.uid}/subscriptions"
        assert instance.post(path, body).error == (400, "source_id is required for incoming projects")
        assert instance.post(path, body | {"source_id": "a"}).error == (400, "failed to find source by id")


@pytest.mark.parametrize("count", [1, 500])
def test_statements(api: API, subscriptions: str, body: dict[str, Any], count: int) -> None:
    """They do not grow with the number of event types."""
    with statements() as run:
        api.post(subscriptions, body | {"filter_config": {"event_types": [str(number) for number in range(count)]}})
    assert run == [
        "SELECT projects_apikey",
        "SELECT projects_project",
        "LOCK endpoints_endpoint",
        "SELECT subscriptions_subscription",
        "SELECT projects_eventtype",
        "INSERT projects_eventtype",
        "INSERT subscriptions_subscription",
        "INSERT subscriptions_filter",
        "INSERT activity_activity",
    ]
