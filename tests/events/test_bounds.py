"""Bound the CPU that customers' filters cost the web server, for an event and for a replay.

A filter here takes some 75,000 of a tenant's 100,000 steps for an event, so that a second one finds too few.
"""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from endpoints.models import Endpoint
from events.models import EventDelivery
from replay import operations as replay
from tests.conftest import API
from tests.events.conftest import MakeSubscription, Post, deliveries, newest

MakeEndpoint = Callable[..., Endpoint]
MakeHostile = Callable[..., Endpoint]

COSTLY = {"*": {"body": {"items.$.found": True}}}
LARGE = {"items": [{"found": 0}] * 25_000 + [{"found": True}]}


@pytest.fixture
def costly(make_endpoint: MakeEndpoint, subscribe: MakeSubscription) -> MakeHostile:
    """Makes an endpoint whose filter matches LARGE, and takes three quarters of what a tenant has for an event."""

    def make(**fields: Any) -> Endpoint:
        endpoint = make_endpoint(**fields)
        subscribe(endpoint, COSTLY)
        return endpoint

    return make


def reached() -> list[str]:
    """Return the endpoints of the newest event's deliveries."""
    return [row.endpoint_id for row in deliveries()]


# Each event here takes as many steps as a tenant may have.
@pytest.mark.slow
class TestAnEvent:
    def test_the_filters_of_an_owner_share_one_bound(
        self, post: Post, costly: MakeHostile, caplog: pytest.LogCaptureFixture
    ) -> None:
        first, *_ = [costly(owner_id="acme") for _ in range(4)]
        other = costly(owner_id="globex")
        with caplog.at_level(logging.WARNING, "events.matching"):
            post("/broadcast", data=LARGE)
        assert reached() == [first.uid, other.uid]
        assert [record.name for record in caplog.records] == ["events.matching"]
        post("/fanout", owner_id="acme", data=LARGE)
        assert reached() == [first.uid]

    def test_the_subscriptions_of_an_endpoint_share_one_bound(
        self, post: Post, costly: MakeHostile, subscribe: MakeSubscription
    ) -> None:
        endpoint = costly(owner_id="acme")
        subscribe(endpoint, COSTLY)
        post(endpoint_id=endpoint.uid, data=LARGE)
        assert reached() == [endpoint.uid]

    def test_endpoints_without_an_owner_are_tenants_of_their_own(self, post: Post, costly: MakeHostile) -> None:
        made = [costly(owner_id="").uid for _ in range(3)]
        post("/broadcast", data=LARGE)
        assert reached() == made

    def test_each_event_has_the_whole(self, post: Post, costly: MakeHostile) -> None:
        endpoint = costly(owner_id="acme")
        for _ in range(3):
            post(endpoint_id=endpoint.uid, data=LARGE)
            assert reached() == [endpoint.uid]

    def test_all_tenants_share_a_greater_bound_and_a_usual_filter_is_not_denied(
        self, post: Post, costly: MakeHostile, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        made = [costly(owner_id=f"customer {number}").uid for number in range(30)]
        usual = make_endpoint(owner_id="acme")
        subscribe(usual, {"*": {"body": {"invoice": 991}}})
        post("/broadcast", data=LARGE | {"invoice": 991})
        found = reached()
        assert found[-1] == usual.uid
        # 2,000,000 steps, at 75,000 to 100,000 each.
        assert found[:-1] == made[: len(found) - 1]
        assert 20 <= len(found) - 1 < 30

    def test_a_filter_that_is_long_to_read_costs_steps(
        self, post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        endpoint = make_endpoint(owner_id="acme")
        long = {"$or": [{"invoice": 991}, {"other": {"$in": [f"{number:09000}" for number in range(100)]}}]}
        for _ in range(13):
            subscribe(endpoint, {"*": {"body": long}})
        post(endpoint_id=endpoint.uid)
        assert len(reached()) == 11


@pytest.mark.slow  # as above, an event for each of a chunk
class TestReplay:
    def test_a_chunk_has_less_than_its_events_alone(
        self, api: API, path: str, post: Post, costly: MakeHostile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The bound of steps is tried, which a slow machine does not reach within that of CPU.
        monkeypatch.setattr(replay, "MOST_CPU_SECONDS", 60)
        endpoint, other = costly(owner_id="acme"), costly(owner_id="globex")
        for _ in range(20):
            post(endpoint_id=endpoint.uid, data=LARGE)
        post(endpoint_id=other.uid, data=LARGE)
        assert api.post(f"{path}/batchreplay").message == "21 successful, 0 failed"
        assert 10 <= EventDelivery.objects.filter(endpoint=endpoint).count() - 20 < 20
        assert EventDelivery.objects.filter(endpoint=other).count() == 2

    def test_one_event_has_as_much_as_when_it_came_in(
        self, api: API, path: str, post: Post, costly: MakeHostile
    ) -> None:
        first, _ = costly(owner_id="acme"), costly(owner_id="acme")
        post("/broadcast", data=LARGE)
        api.put(f"{path}/{newest().uid}/replay")
        assert reached() == [first.uid] * 2
