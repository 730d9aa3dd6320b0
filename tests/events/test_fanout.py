"""POST /api/v1/projects/{projectID}/events/fanout"""

from collections.abc import Callable
from typing import Any

import pytest

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint, pause_endpoint
from events.intake import MOST_AT_ONCE
from events.models import Event, EventDelivery
from events.storage import CHUNK
from projects.models import Project
from subscriptions.models import Filter, Subscription
from tests.concurrency import at_once
from tests.conftest import API
from tests.events.conftest import MakeSubscription, Post, deliveries, newest
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements

MakeEndpoint = Callable[..., Endpoint]

CREATED = "Endpoint fanout event queued successfully"
DUPLICATE = "Duplicate event received, but will not be sent"


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.post(f"{path}/fanout", {"owner_id": "acme", "event_type": "a", "data": {}})


class TestWorks:
    def test_every_endpoint_of_the_owner(
        self, post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        own = [make_endpoint(owner_id="acme") for _ in range(3)]
        for endpoint in [*own, make_endpoint(owner_id="ACME"), make_endpoint(owner_id="globex"), make_endpoint()]:
            subscribe(endpoint)
        answer = post("/fanout", owner_id="acme")
        assert (answer.status, answer.message) == (201, CREATED)
        event = newest()
        assert answer.data == {"uid": event.uid}
        assert (event.channel, event.owner_id, event.status) == ("fanout", "acme", "Success")
        assert event.endpoints == [endpoint.uid for endpoint in own]
        assert [(row.event_id, row.endpoint_id) for row in deliveries()] == [(event.uid, row.uid) for row in own]

    def test_two_subscriptions_get_two_deliveries(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        for name in ("*", "invoice.paid", "other"):
            subscribe(endpoint, {name: {}})
        post("/fanout", owner_id="acme")
        assert len(deliveries()) == 2

    def test_no_subscription_is_made(self, post: Post, endpoint: Endpoint) -> None:
        post("/fanout", owner_id="acme")
        event = newest()
        assert (event.status, event.failure_reason) == ("Failure", "no subscription matched this event")
        assert event.endpoints == [endpoint.uid]
        assert not Subscription.objects.exists()
        assert deliveries() == []

    def test_an_owner_without_endpoints(self, post: Post) -> None:
        assert post("/fanout", owner_id="nobody").status == 201
        event = newest()
        assert (event.status, event.failure_reason) == ("Failure", "no subscription matched this event")
        assert event.endpoints == []

    def test_a_deleted_endpoint_is_passed_over(
        self, post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        gone, paused, active = (make_endpoint(owner_id="acme") for _ in range(3))
        for endpoint in (gone, paused, active):
            subscribe(endpoint)
        delete_endpoint(gone.project_id, gone.uid)
        pause_endpoint(paused.project_id, paused.uid)
        post("/fanout", owner_id="acme")
        assert newest().status == "Success"
        assert {row.endpoint_id: row.status for row in deliveries()} == {
            paused.uid: "Discarded",
            active.uid: "Scheduled",
        }

    def test_a_filter_that_cannot_be_evaluated_harms_only_its_own_subscription(
        self, post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        bad, good = make_endpoint(owner_id="acme"), make_endpoint(owner_id="acme")
        subscribe(bad, {"*": {"body": {"$or": "nonsense"}}})
        subscribe(good)
        assert post("/fanout", owner_id="acme").status == 201
        assert [row.endpoint_id for row in deliveries()] == [good.uid]


class TestIdempotency:
    def test_the_answer_tells_a_duplicate(self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription) -> None:
        subscribe(endpoint)
        answers = [post("/fanout", owner_id="acme", idempotency_key="key") for _ in range(3)]
        assert [(answer.status, answer.message) for answer in answers] == [
            (201, CREATED),
            (201, DUPLICATE),
            (201, DUPLICATE),
        ]
        assert EventDelivery.objects.count() == 1

    def test_all_kinds_of_events_share_one_space_of_keys(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(endpoint)
        post(endpoint_id=endpoint.uid, idempotency_key="key")
        post("/fanout", owner_id="acme", idempotency_key="key")
        post("/broadcast", idempotency_key="key")
        post("/dynamic", url=endpoint.url, idempotency_key="key")
        assert list(Event.objects.order_by("pk").values_list("is_duplicate_event", flat=True)) == [False] + [True] * 3
        assert EventDelivery.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_of_ten_at_the_same_time_one_is_new(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(endpoint)
        answers = at_once(10, lambda number: post("/fanout", owner_id="acme", idempotency_key="key"))
        assert sorted(answer.message for answer in answers) == [DUPLICATE] * 9 + [CREATED]
        assert EventDelivery.objects.count() == 1

    def test_a_project_with_a_header_of_its_own_needs_a_key(self, post: Post, project: Project) -> None:
        Project.objects.filter(pk=project.pk).update(config=project.config | {"request_id_header": "X-Request"})
        for name, fields in (
            ("/fanout", {"owner_id": "acme"}),
            ("/broadcast", {}),
            ("/dynamic", {"url": "https://hooks.example.com"}),
        ):
            with nothing_changes():
                answer = post(name, **fields)
            assert answer.error == (
                400,
                "idempotency_key is required when a custom request_id_header is configured",
            )


class TestValidation:
    @pytest.mark.parametrize("fields", [{}, {"owner_id": ""}, {"owner_id": None}])
    def test_no_owner(self, post: Post, fields: dict[str, Any]) -> None:
        with nothing_changes():
            assert post("/fanout", **fields).error == (400, "owner_id:please provide an owner id")

    def test_nothing_at_all(self, api: API, path: str) -> None:
        assert set(api.post(f"{path}/fanout", {}).message.split(", ")) == {
            "owner_id:please provide an owner id",
            "data:please provide your data",
            "event_type:please provide an event type",
        }


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


def test_the_same_owner_in_another_project_gets_nothing(
    post: Post, other_project: Project, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
) -> None:
    subscribe(make_endpoint(owner_id="acme", project_id=other_project.uid))
    post("/fanout", owner_id="acme")
    assert newest().endpoints == []
    assert not EventDelivery.objects.exists()


class TestStatements:
    @pytest.mark.parametrize("count", [1, MOST_AT_ONCE, MOST_AT_ONCE + 1, 50])
    def test_the_same_few_for_one_endpoint_as_for_fifty(
        self, post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription, count: int
    ) -> None:
        for _ in range(count):
            subscribe(make_endpoint(owner_id="acme"))
        with statements() as found:
            post("/fanout", owner_id="acme")
        assert len(deliveries()) == count
        others = ["WITH events_event"] if count > MOST_AT_ONCE else []
        assert found == ["SELECT projects_apikey", "WITH projects_project", *others]

    @pytest.mark.slow  # it writes thousands of subscriptions, filters and deliveries
    def test_more_deliveries_than_one_statement_takes(self, post: Post, endpoint: Endpoint) -> None:
        rows = [
            Subscription(project_id=endpoint.project_id, endpoint=endpoint, name="n", event_types=["*"])
            for _ in range(CHUNK + 1)
        ]
        Subscription.objects.bulk_create(rows, batch_size=1000)
        filters = [Filter(subscription=row, event_type="*", enabled_at=row.created_at) for row in rows]
        Filter.objects.bulk_create(filters, batch_size=1000)
        with statements() as found:
            post("/fanout", owner_id="acme", idempotency_key="key")
        assert found[2:] == ["INSERT events_event", *["INSERT events_eventdelivery"] * 2]
        assert EventDelivery.objects.filter(status="Scheduled").count() == CHUNK + 1
        post("/fanout", owner_id="acme", idempotency_key="key")
        assert newest().is_duplicate_event
        assert EventDelivery.objects.count() == CHUNK + 1
