"""Events with an idempotency key."""

from collections.abc import Callable

import pytest

from endpoints.models import Endpoint
from events.models import Event, EventDelivery
from projects.models import Project
from subscriptions.models import Filter
from tests.concurrency import at_once
from tests.conftest import API
from tests.events.conftest import MakeSubscription, Post, newest
from tests.events.test_create import MakeEndpoint
from tests.statements import nothing_changes


class TestIdempotency:
    def test_a_second_event_with_the_key_is_a_duplicate(self, post: Post, endpoint: Endpoint) -> None:
        answers = [post(endpoint_id=endpoint.uid, idempotency_key="key") for _ in range(2)]
        assert [(answer.status, answer.message) for answer in answers] == [(201, "Event queued successfully")] * 2
        first, second = Event.objects.order_by("pk")
        assert [answer.data["uid"] for answer in answers] == [first.uid, second.uid]
        assert (first.is_duplicate_event, second.is_duplicate_event) == (False, True)
        assert [delivery.event_id for delivery in EventDelivery.objects.all()] == [first.uid]

    def test_a_duplicate_is_finished(self, post: Post, endpoint: Endpoint) -> None:
        for _ in range(2):
            post(endpoint_id=endpoint.uid, idempotency_key="key")
        event = newest()
        assert (event.status, event.failure_reason, event.endpoints) == ("Success", "", [endpoint.uid])

    def test_an_event_that_has_failed_holds_its_key(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscription = subscribe(endpoint, {"other": {}})
        post(endpoint_id=endpoint.uid, idempotency_key="key")
        Filter.objects.filter(subscription=subscription).update(event_type="*")
        post(endpoint_id=endpoint.uid, idempotency_key="key")
        assert newest().is_duplicate_event
        assert not EventDelivery.objects.exists()

    def test_without_a_key_nothing_is_a_duplicate(self, post: Post, endpoint: Endpoint) -> None:
        for fields in ({}, {"idempotency_key": ""}, {"idempotency_key": None}):
            post(endpoint_id=endpoint.uid, **fields)
        assert not Event.objects.filter(is_duplicate_event=True).exists()
        assert EventDelivery.objects.count() == 3

    def test_a_key_is_one_projects(
        self, post: Post, endpoint: Endpoint, make_endpoint: MakeEndpoint, other_api: API, other_project: Project
    ) -> None:
        post(endpoint_id=endpoint.uid, idempotency_key="key")
        foreign = make_endpoint(project_id=other_project.uid)
        body = {"endpoint_id": foreign.uid, "event_type": "a", "data": 1, "idempotency_key": "key"}
        other_api.post(f"/projects/{other_project.uid}/events", body)
        assert not newest().is_duplicate_event

    @pytest.mark.slow
    @pytest.mark.django_db(transaction=True)
    def test_of_twenty_at_the_same_time_one_is_sent(self, post: Post, endpoint: Endpoint) -> None:
        post(endpoint_id=endpoint.uid)
        answers = at_once(20, lambda number: post(endpoint_id=endpoint.uid, idempotency_key="key"))
        assert {answer.status for answer in answers} == {201}
        events = Event.objects.filter(idempotency_key="key")
        assert (events.count(), events.filter(is_duplicate_event=False).count()) == (20, 1)
        assert EventDelivery.objects.filter(event__in=events).count() == 1

    def test_a_project_with_a_header_of_its_own_needs_a_key(
        self, post: Post, endpoint: Endpoint, configure: Callable[..., None]
    ) -> None:
        configure(request_id_header="X-Request")
        with nothing_changes():
            assert post(endpoint_id=endpoint.uid).error == (
                400,
                "idempotency_key is required when a custom request_id_header is configured",
            )
        assert post(endpoint_id=endpoint.uid, idempotency_key="key").status == 201
