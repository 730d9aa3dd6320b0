"""POST /api/v1/projects/{projectID}/events/dynamic"""

from collections.abc import Callable
from typing import Any

import pytest

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint, pause_endpoint
from events.models import EventDelivery
from projects.models import Project
from subscriptions.models import Subscription
from tests.concurrency import at_once
from tests.conftest import API
from tests.events.conftest import MakeSubscription, Post, deliveries, newest
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes

MakeEndpoint = Callable[..., Endpoint]

URL = "https://dynamic.example.com/in"
TEMPLATE = "dynamic event URL must be concrete, not an endpoint URL template"


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.post(f"{path}/dynamic", {"url": URL, "event_type": "a", "data": {}})


def types(subscription: Subscription) -> list[tuple[str, Any]]:
    return sorted(subscription.filters.values_list("event_type", "conditions"))


class TestWorks:
    def test_a_new_url_gets_an_endpoint_and_a_subscription(self, post: Post) -> None:
        answer = post("/dynamic", url=URL, secret="mine")
        assert (answer.status, answer.message) == (201, "Dynamic event created successfully")
        event = newest()
        assert answer.data == {"uid": event.uid}
        endpoint = Endpoint.objects.get()
        assert endpoint.name.startswith("endpoint-")
        assert len(endpoint.name) == len("endpoint-") + 26
        assert (endpoint.url, endpoint.http_timeout, endpoint.advanced_signatures) == (URL, 10, True)
        assert (endpoint.status, endpoint.owner_id, endpoint.rate_limit) == ("active", "", 0)
        assert [secret["value"] for secret in endpoint.secrets] == ["mine"]
        subscription = Subscription.objects.get()
        assert (subscription.name, subscription.event_types) == (f"dynamic-subscription-{endpoint.uid}", ["*"])
        assert types(subscription) == [("*", {})]
        assert (event.channel, event.status, event.endpoints) == ("dynamic", "Success", [endpoint.uid])
        assert [(row.endpoint_id, row.status) for row in deliveries()] == [(endpoint.uid, "Scheduled")]

    def test_the_second_event_finds_them(self, post: Post) -> None:
        post("/dynamic", url=URL, secret="first")
        post("/dynamic", url=URL, secret="second")
        assert [secret["value"] for secret in Endpoint.objects.get().secrets] == ["first"]
        assert Subscription.objects.count() == 1
        assert EventDelivery.objects.count() == 2

    def test_a_secret_with_a_line_break(self, api: API, path: str) -> None:
        with nothing_changes():
            answer = api.post(f"{path}/dynamic", {"url": URL, "event_type": "a", "data": {}, "secret": "whsec_YWJj\n"})
        assert answer.error == (400, "the secret must not hold a line break or another control character")

    def test_a_secret_is_generated(self, post: Post) -> None:
        post("/dynamic", url=URL)
        assert len(Endpoint.objects.get().secrets[0]["value"]) == 25

    def test_neither_types_nor_filter_of_the_subscription_count(
        self, post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        first = subscribe(make_endpoint(url=URL), {"other": {"body": {"a": 1}}})
        subscribe(first.endpoint)
        post("/dynamic", url=URL)
        assert [row.subscription_id for row in deliveries()] == [first.uid]

    def test_the_url_must_be_the_same_text(self, post: Post, make_endpoint: MakeEndpoint) -> None:
        make_endpoint(url=f"{URL}/")
        post("/dynamic", url=URL)
        assert Endpoint.objects.count() == 2

    def test_the_letter_case_of_the_scheme_does_not_count(self, post: Post, make_endpoint: MakeEndpoint) -> None:
        make_endpoint(url=URL)
        post("/dynamic", url=URL.replace("http", "HTTP"))
        assert Endpoint.objects.get().url == URL

    def test_event_types_replace_those_of_the_subscription(
        self, post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        conditions = {"body": {"a": 1}}
        subscription = subscribe(make_endpoint(url=URL), {"a": conditions, "b": conditions}, filter=conditions)
        post("/dynamic", url=URL, event_types=["b", "c", "b"])
        subscription.refresh_from_db()
        assert subscription.event_types == ["b", "c"]
        assert types(subscription) == [("b", conditions), ("c", conditions)]
        post("/dynamic", url=URL)
        subscription.refresh_from_db()
        assert subscription.event_types == ["b", "c"]

    def test_event_types_of_a_new_subscription(self, post: Post) -> None:
        post("/dynamic", url=URL, event_types=["x", "y"])
        assert types(Subscription.objects.get()) == [("x", {}), ("y", {})]
        assert len(deliveries()) == 1

    def test_an_endpoint_that_is_paused_is_found_too(
        self, post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        endpoint = make_endpoint(url=URL)
        subscribe(endpoint)
        pause_endpoint(endpoint.project_id, endpoint.uid)
        post("/dynamic", url=URL)
        assert [(row.endpoint_id, row.status) for row in deliveries()] == [(endpoint.uid, "Discarded")]

    def test_one_that_is_deleted_and_one_of_another_project_are_not(
        self, post: Post, make_endpoint: MakeEndpoint, other_project: Project
    ) -> None:
        gone = make_endpoint(url=URL)
        delete_endpoint(gone.project_id, gone.uid)
        foreign = make_endpoint(url=URL, project_id=other_project.uid)
        post("/dynamic", url=URL)
        assert deliveries()[0].endpoint_id not in (gone.uid, foreign.uid)

    def test_a_duplicate_makes_endpoint_and_subscription_too(self, post: Post) -> None:
        post("/dynamic", url=URL, idempotency_key="key")
        post("/dynamic", url=f"{URL}/2", idempotency_key="key")
        assert newest().is_duplicate_event
        assert Endpoint.objects.count() == Subscription.objects.count() == 2
        assert EventDelivery.objects.count() == 1

    @pytest.mark.slow
    @pytest.mark.django_db(transaction=True)
    def test_parallel_events_to_a_new_url_make_one_endpoint(self, post: Post) -> None:
        answers = at_once(10, lambda number: post("/dynamic", url=URL))
        assert {answer.status for answer in answers} == {201}
        assert Endpoint.objects.count() == Subscription.objects.count() == 1
        assert EventDelivery.objects.count() == 10


class TestTemplates:
    @pytest.mark.parametrize("url", ["https://x.example/{id}", "https://x.example/?a={b}", "{"])
    def test_the_event_fails(self, post: Post, url: str) -> None:
        assert post("/dynamic", url=url).status == 201
        event = newest()
        assert (event.status, event.failure_reason, event.endpoints) == ("Failure", TEMPLATE, [])
        assert not Endpoint.objects.exists()

    def test_where_dynamic_events_are_verified_it_is_refused(self, post: Post, project: Project) -> None:
        Project.objects.filter(pk=project.pk).update(config=project.config | {"verify_dynamic_events": True})
        with nothing_changes():
            assert post("/dynamic", url="https://x.example/{id}").error == (400, TEMPLATE)
        assert post("/dynamic", url=URL).status == 201


class TestValidation:
    @pytest.mark.parametrize(
        ("url", "message"),
        [
            ("ftp://x.example/", "invalid endpoint scheme"),
            ("x.example", "endpoint url must include a valid host"),
            ("https://", "endpoint url must include a valid host"),
            (" ", "please provide the endpoint url"),
            ("https://x.example:99999/", "invalid endpoint url: Port out of range 0-65535"),
            ("https://x.example/ a", "invalid endpoint url: it contains a space or a control character"),
            ("https://[::1/", "invalid endpoint url: Invalid IPv6 URL"),
        ],
    )
    def test_a_url_that_cannot_be_delivered_to(self, post: Post, url: str, message: str) -> None:
        with nothing_changes():
            assert post("/dynamic", url=url).error == (400, message)

    def test_a_project_that_takes_https_only(self, post: Post, project: Project) -> None:
        config = project.config | {"ssl": {"enforce_secure_endpoints": True}}
        Project.objects.filter(pk=project.pk).update(config=config)
        with nothing_changes():
            assert post("/dynamic", url="http://x.example/").error == (400, "only https endpoints allowed")

    def test_nothing_at_all(self, api: API, path: str) -> None:
        with nothing_changes():
            assert set(api.post(f"{path}/dynamic", {}).message.split(", ")) == {
                "url:please provide an endpoint url",
                "data:please provide your webhook event data",
                "event_type:please provide an event type",
            }

    @pytest.mark.parametrize("value", ["a", {}, [0], [None], [[]], 1, True])
    def test_event_types_of_another_type(self, post: Post, value: Any) -> None:
        with nothing_changes():
            assert post("/dynamic", url=URL, event_types=value).error[0] == 400


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass
