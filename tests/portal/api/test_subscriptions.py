"""The portal API's event types, subscriptions and filters:

Contract: docs/contract/portal-sessions.md#portal-subscriptions.
"""

from typing import Any

import pytest

from endpoints.models import Endpoint
from portal_links.capabilities import MANAGE_SUBSCRIPTIONS, READ_ONLY
from projects.models import EventType, Project
from projects.operations import update_project
from subscriptions.models import Subscription
from subscriptions.operations import create_subscription
from tests.conftest import API
from tests.portal.api.customers import ROOT, MakeEndpoint, create_session, customer, portal
from tests.statements import nothing_changes, statements

FORBIDDEN = (403, "Unauthorized")
OUT_OF_SCOPE = (401, "unauthorized")
NOT_FOUND = (404, "failed to find subscription")
NO_SUBSCRIPTION = (404, "subscription not found")


@pytest.fixture
def known(project: Project) -> None:
    """The event types of the project, beside `*`."""
    EventType.objects.bulk_create(EventType(project=project, name=name) for name in ("order.created", "order.paid"))


@pytest.fixture
def subscription(project: Project, endpoint: Endpoint, known: None) -> Subscription:
    """Acme's."""
    config = {"event_types": ["order.created"], "filter": {"body": {"tier": "gold"}}}
    return create_subscription(project.uid, name="Acme's", endpoint_id=endpoint.uid, filter_config=config)


@pytest.fixture
def foreign(project: Project, make_endpoint: MakeEndpoint, known: None) -> Subscription:
    """Globex's, in the same project."""
    endpoint = make_endpoint(owner_id="globex")
    return create_subscription(project.uid, name="Globex's", endpoint_id=endpoint.uid)


@pytest.fixture
def chooser(project: Project) -> API:
    """Acme's customer, who may choose events and nothing else."""
    return portal(create_session(project, capabilities=READ_ONLY | {MANAGE_SUBSCRIPTIONS}).secret)


class TestEventTypes:
    def test_all_of_the_project_are_shown(self, looker: API, known: None) -> None:
        answer = looker.get("/event-types")
        assert (answer.status, answer.message) == (200, "Event types fetched successfully")
        assert [row["name"] for row in answer.data] == ["order.paid", "order.created", "*"]

    def test_a_customer_writes_none(self, manager: API, project: Project) -> None:
        uid = EventType.objects.get(project=project).uid
        body = {"name": "new", "description": "new"}
        with nothing_changes():
            for method, path in (("POST", ""), ("POST", "/"), ("PUT", f"/{uid}"), ("POST", f"/{uid}/deprecate")):
                assert manager(method, f"/event-types{path}", body).error == OUT_OF_SCOPE
                assert manager(method, f"/event-types{path}", b"{").error == OUT_OF_SCOPE
        assert manager.post("/event-types/import", body).status in (404, 405)


class TestLife:
    @pytest.mark.slow
    def test_of_a_subscription(self, manager: API, endpoint: Endpoint, known: None) -> None:
        config = {"event_types": ["order.created"], "filter": {"body": {"tier": "gold"}}}
        body = {"name": "mine", "endpoint_id": endpoint.uid, "filter_config": config}
        created = manager.post("/subscriptions", body)
        assert (created.status, created.message) == (201, "Subscription created successfully")
        assert manager.post("/subscriptions", body).error == (400, "a subscription for this endpoint already exists")
        path = f"/subscriptions/{created.data['uid']}"
        read = manager.get(path)
        assert read.data["endpoint_metadata"]["uid"] == endpoint.uid
        assert "the signing secret" not in read.response.content.decode()
        assert manager.get("/subscriptions").data["content"] == [read.data]
        assert manager.put(path, {"name": "new"}).status == 202
        [own] = manager.get(f"{path}/filters").data
        assert manager.put(f"{path}/filters/{own['uid']}", {"body": {"tier": "silver"}}).status == 200
        made = manager.post(f"{path}/filters", {"event_type": "order.paid"}).data
        assert manager.get(f"{path}/filters/{made['uid']}").data["event_type"] == "order.paid"
        assert manager.post(f"{path}/filters/bulk", [{"event_type": "*"}]).status == 201
        for method in ("POST", "PUT"):
            assert manager(method, f"{path}/filters/bulk_update", [{"uid": made["uid"], "body": {}}]).status == 200
        tested = manager.post(f"{path}/filters/test/order.created", {"payload": {"tier": "silver"}})
        assert tested.data == {"is_match": True}
        assert manager.delete(f"{path}/filters/{made['uid']}").status == 200
        assert manager.delete(path).status == 200
        assert manager.get(path).error == NOT_FOUND

    def test_trials_are_open_to_all(self, looker: API) -> None:
        sent = {"request": {"body": {"a": 1}}, "schema": {"body": {"a": 1}}}
        assert looker.post("/subscriptions/test_filter", sent).data is True
        assert looker.post("/subscriptions/test_function", {"function": "a"}).error[0] == 400


class TestCapability:
    def test_rule_35_choosing_events_needs_no_right_to_endpoints(
        self, chooser: API, project: Project, endpoint: Endpoint, known: None
    ) -> None:
        view_only_link = customer(project, "static token", manages=False)
        for caller in (chooser, view_only_link):
            created = caller.post("/subscriptions", {"name": "a", "endpoint_id": endpoint.uid})
            assert created.status == 201
            assert caller.delete(f"/subscriptions/{created.data['uid']}").status == 200
            with nothing_changes():
                assert caller.put(f"/endpoints/{endpoint.uid}/pause").error == FORBIDDEN

    def test_who_may_only_look_changes_nothing(
        self, project: Project, endpoint: Endpoint, subscription: Subscription
    ) -> None:
        looker = customer(project, "session token", manages=False)
        path, own = f"/subscriptions/{subscription.uid}", subscription.filters.get().uid
        writes: list[tuple[str, str, Any]] = [
            ("POST", "/subscriptions", {"name": "a", "endpoint_id": endpoint.uid}),
            ("PUT", path, {"name": "new"}),
            ("DELETE", path, None),
            ("POST", f"{path}/filters", {"event_type": "order.paid"}),
            ("POST", f"{path}/filters/bulk", [{"event_type": "order.paid"}]),
            ("PUT", f"{path}/filters/bulk_update", [{"uid": own}]),
            ("POST", f"{path}/filters/bulk_update", [{"uid": own}]),
            ("PUT", f"{path}/filters/{own}", {"body": {}}),
            ("DELETE", f"{path}/filters/{own}", None),
        ]
        with nothing_changes():
            for method, way, body in writes:
                assert looker(method, way, body).error == FORBIDDEN, (method, way)
        for way in ("/subscriptions", path, f"{path}/filters", f"{path}/filters/{own}"):
            assert looker.get(way).status == 200

    def test_an_api_key_looks(self, api: API, subscription: Subscription, endpoint: Endpoint) -> None:
        api.root = ROOT
        assert len(api.get("/subscriptions").data["content"]) == 1
        with nothing_changes():
            refused = api.post("/subscriptions", {"name": "a", "endpoint_id": endpoint.uid})
        assert refused.error == (400, "invalid auth object")


class TestScope:
    def test_another_owners_are_not_there(
        self, manager: API, subscription: Subscription, foreign: Subscription
    ) -> None:
        assert [row["name"] for row in manager.get("/subscriptions").data["content"]] == ["Acme's"]
        path, theirs = f"/subscriptions/{foreign.uid}", foreign.filters.get().uid
        calls: list[tuple[str, str, Any, tuple[int, str]]] = [
            ("GET", path, None, NOT_FOUND),
            ("PUT", path, {"name": "mine"}, NOT_FOUND),
            ("DELETE", path, None, NOT_FOUND),
            ("GET", f"{path}/filters", None, NO_SUBSCRIPTION),
            ("POST", f"{path}/filters", {"event_type": "order.paid"}, NO_SUBSCRIPTION),
            ("POST", f"{path}/filters/bulk", [{"event_type": "order.paid"}], NO_SUBSCRIPTION),
            ("PUT", f"{path}/filters/bulk_update", [{"uid": theirs}], NO_SUBSCRIPTION),
            ("GET", f"{path}/filters/{theirs}", None, NO_SUBSCRIPTION),
            ("PUT", f"{path}/filters/{theirs}", {"body": {}}, NO_SUBSCRIPTION),
            ("DELETE", f"{path}/filters/{theirs}", None, NO_SUBSCRIPTION),
            ("POST", f"{path}/filters/test/order.paid", {}, NO_SUBSCRIPTION),
            ("GET", f"/subscriptions/{subscription.uid}/filters/{theirs}", None, (404, "filter not found")),
        ]
        with nothing_changes():
            for method, way, body, refusal in calls:
                assert manager(method, way, body).error == refusal, (method, way)
                unknown = manager(method, way.replace(foreign.uid, "nope").replace(theirs, "nope"), body)
                assert unknown.error == refusal, "one that never was looks the same"

    def test_rule_25_a_list_of_a_foreign_endpoint(
        self, manager: API, endpoint: Endpoint, subscription: Subscription, foreign: Subscription
    ) -> None:
        own = f"endpointId={endpoint.uid}"
        assert len(manager.get(f"/subscriptions?{own}&endpointId=").data["content"]) == 1
        for query in (f"endpointId={foreign.endpoint_id}", f"{own}&endpointId={foreign.endpoint_id}", "endpointId=no"):
            assert manager.get(f"/subscriptions?{query}").error == OUT_OF_SCOPE

    def test_an_empty_scope(self, project: Project, subscription: Subscription) -> None:
        assert customer(project, "static token", owner_id="nobody").get("/subscriptions").data["content"] == []

    def test_rule_26_a_foreign_endpoint(
        self, manager: API, subscription: Subscription, foreign: Subscription, make_endpoint: MakeEndpoint
    ) -> None:
        free = make_endpoint(owner_id="globex")
        with nothing_changes():
            for uid in (foreign.endpoint_id, free.uid, "nope"):
                assert manager.post("/subscriptions", {"name": "a", "endpoint_id": uid}).error == OUT_OF_SCOPE
                moved = manager.put(f"/subscriptions/{subscription.uid}", {"endpoint_id": uid})
                assert moved.error == OUT_OF_SCOPE
            assert manager.post("/subscriptions", {"name": "", "endpoint_id": free.uid}).error == (
                400,
                "name:please provide a valid subscription name",
            )

    def test_the_scope_is_that_of_the_request(
        self, project: Project, endpoint: Endpoint, subscription: Subscription
    ) -> None:
        caller = customer(project, "static token")
        Endpoint.objects.filter(pk=endpoint.pk).update(owner_id="globex")
        assert caller.get(f"/subscriptions/{subscription.uid}").error == NOT_FOUND

    def test_a_list_link(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        listed, other = make_endpoint(), make_endpoint()
        made = [create_subscription(project.uid, name="a", endpoint_id=row.uid) for row in (listed, other)]
        caller = customer(project, "static token", owner_id="", endpoints=[listed.uid])
        assert [row["uid"] for row in caller.get("/subscriptions").data["content"]] == [made[0].uid]
        assert caller.get(f"/subscriptions/{made[1].uid}").error == NOT_FOUND


class TestRule29:
    """A customer chooses among the event types, and makes no new ones."""

    def test_rule_29_unknown_event_types_are_refused(
        self, manager: API, endpoint: Endpoint, subscription: Subscription, project: Project
    ) -> None:
        update_project(project.uid, name=project.name, config={"multiple_endpoint_subscriptions": True})
        config = {"event_types": ["order.paid", "injected"]}
        with nothing_changes():
            for answer in (
                manager.post("/subscriptions", {"name": "a", "endpoint_id": endpoint.uid, "filter_config": config}),
                manager.put(f"/subscriptions/{subscription.uid}", {"filter_config": config}),
            ):
                assert answer.error == (400, "event type injected does not exist")

    def test_the_known_ones_are_not(self, manager: API, subscription: Subscription) -> None:
        config = {"event_types": ["order.paid", "*", "order.created"]}
        answer = manager.put(f"/subscriptions/{subscription.uid}", {"filter_config": config})
        assert answer.data["filter_config"]["event_types"] == config["event_types"]


@pytest.mark.parametrize("rows", [1, 20])
def test_statements(project: Project, make_endpoint: MakeEndpoint, rows: int) -> None:
    for _ in range(rows):
        create_subscription(project.uid, name="a", endpoint_id=make_endpoint(owner_id="acme").uid)
    caller = customer(project, "static token")
    with statements() as run:
        assert len(caller.get("/subscriptions").data["content"]) == rows
    # The link with its project, the ids and sizes of the page, then its rows with their endpoints.
    assert run == ["SELECT portal_links_portallink", *["SELECT subscriptions_subscription"] * 2]
