"""Subscriptions that an event matches."""

from collections.abc import Callable
from typing import Any

import pytest

from endpoints.models import Endpoint
from tests.events.conftest import MakeSubscription, Post, deliveries, newest

MakeEndpoint = Callable[..., Endpoint]


class TestMatching:
    @pytest.mark.parametrize(
        ("types", "event_type", "taken"),
        [
            ({"a": {}}, "a", True),
            ({"a": {}}, "b", False),
            ({"a": {}}, "A", False),
            ({"*": {}}, "b", True),
            ({"a": {}, "*": {}}, "b", True),
            ({"invoice.*": {}}, "invoice.paid", False),
            ({"invoice.*": {}}, "invoice.*", True),
            ({"a": {}}, "*", False),
            ({"*": {}}, "*", True),
            ({"a": None}, "a", False),
            ({"a": None, "*": {}}, "a", True),
            ({"*": None}, "a", False),
            ({"a": {}, "*": None}, "a", True),
            ({"a": {"body": {"x": 1}}}, "a", True),
            ({"a": {"body": {"x": 2}}}, "a", False),
            # The exact row hides that of "*".
            ({"a": {"body": {"x": 2}}, "*": {}}, "a", False),
            ({"a": {}, "*": {"body": {"x": 2}}}, "a", True),
            ({"a": None, "*": {"body": {"x": 2}}}, "a", False),
            ({"a": {"headers": {"X-Tenant": "acme"}}}, "a", True),
            ({"a": {"headers": {"X-Tenant": "globex"}}}, "a", False),
            ({"a": {"query": {"x": 1}}}, "a", False),
            ({"a": {"path": {"path": "/"}}}, "a", False),
            ({"a": {"body": {"x": 1}, "headers": {"X-Tenant": "globex"}}}, "a", False),
        ],
    )
    def test_type_and_filter(
        self,
        post: Post,
        endpoint: Endpoint,
        subscribe: MakeSubscription,
        types: dict[str, Any],
        event_type: str,
        taken: bool,
    ) -> None:
        subscribe(endpoint, types)
        fields = {"event_type": event_type, "data": {"x": 1}, "custom_headers": {"X-Tenant": "acme"}}
        assert post(endpoint_id=endpoint.uid, **fields).status == 201
        event = newest()
        assert event.endpoints == [endpoint.uid]
        assert len(deliveries()) == taken
        expected = ("Success", "") if taken else ("Failure", "no subscription matched this event")
        assert (event.status, event.failure_reason) == expected

    def test_each_subscription_that_takes_it_gets_a_delivery(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        taking = [subscribe(endpoint), subscribe(endpoint, {"invoice.paid": {}})]
        subscribe(endpoint, {"other": {}})
        post(endpoint_id=endpoint.uid)
        assert [delivery.subscription_id for delivery in deliveries()] == [row.uid for row in taking]
        assert newest().endpoints == [endpoint.uid] * 2

    def test_only_the_endpoint_that_is_named(
        self, post: Post, endpoint: Endpoint, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(endpoint)
        subscribe(make_endpoint(owner_id="acme"))
        post(endpoint_id=endpoint.uid)
        assert [delivery.endpoint_id for delivery in deliveries()] == [endpoint.uid]

    def test_a_condition_on_a_missing_key_fails(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(endpoint, {"*": {"body": {"a": 1, "b": 2}}})
        post(endpoint_id=endpoint.uid, data={"a": 1})
        assert newest().status == "Failure"
        post(endpoint_id=endpoint.uid, data={"a": 1, "b": 2})
        assert newest().status == "Success"

    def test_a_filter_that_cannot_be_evaluated_harms_only_its_own_subscription(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(endpoint, {"*": {"body": {"invoice": {"$nonsense": 1}}}})
        subscribe(endpoint, {"*": {"body": {"invoice": {"$regex": "["}}}})
        good = subscribe(endpoint, {"*": {"body": {"invoice": 991}}})
        assert post(endpoint_id=endpoint.uid).status == 201
        assert [delivery.subscription_id for delivery in deliveries()] == [good.uid]
