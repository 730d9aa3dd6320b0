"""POST /api/v1/projects/{projectID}/events/broadcast"""

from collections.abc import Callable
from typing import Any

import pytest

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint
from projects.models import Project
from subscriptions.models import Subscription
from tests.conftest import API
from tests.events.conftest import MakeSubscription, Post, deliveries, newest
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements

MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.post(f"{path}/broadcast", {"event_type": "a", "data": {}})


class TestWorks:
    def test_every_endpoint_that_takes_it(
        self, post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription, other_project: Project
    ) -> None:
        taking = [make_endpoint(owner_id=owner) for owner in ("acme", "globex", "")]
        for endpoint in taking:
            subscribe(endpoint)
        subscribe(make_endpoint(), {"other": {}})
        subscribe(make_endpoint(project_id=other_project.uid))
        make_endpoint()
        gone = make_endpoint()
        subscribe(gone)
        delete_endpoint(gone.project_id, gone.uid)
        answer = post("/broadcast")
        assert (answer.status, answer.message) == (201, "Broadcast event created successfully")
        event = newest()
        assert answer.data == {"uid": event.uid}
        assert (event.channel, event.status) == ("broadcast", "Success")
        assert event.endpoints == [endpoint.uid for endpoint in taking]
        assert [row.endpoint_id for row in deliveries()] == event.endpoints
        assert Subscription.objects.count() == 6

    def test_one_delivery_for_an_endpoint_with_two_subscriptions(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(endpoint)
        exact = subscribe(endpoint, {"invoice.paid": {}})
        subscribe(endpoint)
        post("/broadcast")
        assert [row.subscription_id for row in deliveries()] == [exact.uid]

    def test_where_the_exact_ones_filter_fails_another_may_take_it(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        other = subscribe(endpoint)
        subscribe(endpoint, {"invoice.paid": {"body": {"invoice": 1}}})
        post("/broadcast")
        assert [row.subscription_id for row in deliveries()] == [other.uid]

    def test_the_delivery_mode_is_the_subscriptions(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(endpoint, delivery_mode="at_most_once")
        post("/broadcast")
        assert [row.delivery_mode for row in deliveries()] == ["at_most_once"]

    def test_a_filter_that_cannot_be_evaluated_harms_only_its_own_subscription(
        self, post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(make_endpoint(), {"*": {"body": {"$and": 1}}})
        good = subscribe(make_endpoint())
        assert post("/broadcast").status == 201
        assert [row.subscription_id for row in deliveries()] == [good.uid]

    def test_nobody_takes_it(self, post: Post, endpoint: Endpoint) -> None:
        post("/broadcast")
        event = newest()
        assert (event.status, event.failure_reason) == ("Failure", "no subscription matched this event")
        assert event.endpoints == []

    def test_what_the_original_reads_beyond_its_documentation_is_ignored(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(endpoint)
        assert post("/broadcast", source_id="unknown", acknowledged_at="yesterday").status == 201
        assert newest().status == "Success"


class TestValidation:
    def test_nothing_at_all(self, api: API, path: str) -> None:
        with nothing_changes():
            status, message = api.post(f"{path}/broadcast", {}).error
        assert (status, set(message.split(", "))) == (
            400,
            {"data:please provide your data", "event_type:please provide an event type"},
        )

    @pytest.mark.parametrize("headers", [{"Connection": "close"}, {"Webhook-Id": "x"}])
    def test_headers(self, post: Post, headers: Any) -> None:
        with nothing_changes():
            assert post("/broadcast", custom_headers=headers).error[0] == 400


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


@pytest.mark.parametrize("count", [1, 50])
def test_as_many_statements_for_one_endpoint_as_for_fifty(
    post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription, count: int
) -> None:
    for _ in range(count):
        subscribe(make_endpoint(), {"*": {"body": {"invoice": 991}}})
    with statements() as found:
        post("/broadcast")
    assert len(deliveries()) == count
    assert found == ["SELECT projects_apikey", "SELECT projects_project", "WITH events_event"]
