"""The subscription to all events that an endpoint's first event makes."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from endpoints.models import Endpoint
from events.models import EventDelivery
from projects.models import Project
from subscriptions.models import Filter, Subscription
from tests.concurrency import at_once
from tests.events.conftest import MakeSubscription, Post, deliveries, newest

MakeEndpoint = Callable[..., Endpoint]


class TestFirstSubscription:
    def test_an_endpoint_without_one_gets_one_to_everything(self, post: Post, endpoint: Endpoint) -> None:
        post(endpoint_id=endpoint.uid)
        subscription = Subscription.objects.get(endpoint=endpoint)
        assert (subscription.name, subscription.event_types) == (f"{endpoint.name}-subscription", ["*"])
        assert [(row.event_type, row.conditions) for row in subscription.filters.all()] == [("*", {})]
        assert [delivery.subscription_id for delivery in deliveries()] == [subscription.uid]

    def test_once(self, post: Post, endpoint: Endpoint) -> None:
        post(endpoint_id=endpoint.uid)
        post(endpoint_id=endpoint.uid)
        assert Subscription.objects.count() == 1
        assert EventDelivery.objects.count() == 2

    def test_not_in_an_incoming_project(self, post: Post, project: Project, endpoint: Endpoint) -> None:
        """There a subscription belongs to a source, and there are none."""
        Project.objects.filter(pk=project.pk).update(type="incoming")
        assert post(endpoint_id=endpoint.uid).status == 201
        assert newest().status == "Failure"
        assert not Subscription.objects.exists()

    def test_a_deleted_one_is_none(self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription) -> None:
        deleted = subscribe(endpoint, deleted_at=timezone.now())
        post(endpoint_id=endpoint.uid)
        assert [delivery.subscription_id for delivery in deliveries()] != [deleted.uid]
        assert Subscription.objects.filter(deleted_at=None).count() == 1

    def test_a_name_of_full_length(self, post: Post, make_endpoint: MakeEndpoint) -> None:
        assert post(endpoint_id=make_endpoint(name="x" * 255).uid).status == 201
        assert Subscription.objects.get().name.endswith("x-subscription")

    def test_a_duplicate_makes_one_too(self, post: Post, make_endpoint: MakeEndpoint) -> None:
        post(endpoint_id=make_endpoint().uid, idempotency_key="key")
        other = make_endpoint()
        post(endpoint_id=other.uid, idempotency_key="key")
        assert Subscription.objects.filter(endpoint=other).exists()
        assert deliveries() == []

    @pytest.mark.slow
    @pytest.mark.django_db(transaction=True)
    def test_of_events_at_the_same_time_one_makes_it(self, post: Post, endpoint: Endpoint) -> None:
        answers = at_once(8, lambda number: post(endpoint_id=endpoint.uid))
        assert [answer.status for answer in answers] == [201] * 8
        assert Subscription.objects.count() == Filter.objects.count() == 1
        assert EventDelivery.objects.count() == 8
