"""Channels of events and of subscriptions. Contract: docs/contract/subscriptions.md#channels."""

import pytest

from endpoints.models import Endpoint
from events.operations import content, create_broadcast_event, create_event, create_fanout_event
from events.storage import Content
from replay.operations import replay_event
from tests.events.conftest import MakeSubscription, Post, deliveries, newest


def message(*channels: str) -> Content:
    """An event with channels."""
    return content(event_type="a", raw=b"{}", value={})._replace(channels=channels)


@pytest.mark.parametrize(
    ("listening", "sent", "taken"),
    [
        ([], (), True),
        ([], ("north",), True),
        (["north"], ("north",), True),
        (["north"], ("south", "north"), True),
        (["north", "east"], ("south", "east"), True),
        (["north"], ("south",), False),
        (["north"], ("North",), False),
        (["north"], (), False),
    ],
)
def test_one_that_is_shared_is_enough(
    endpoint: Endpoint, subscribe: MakeSubscription, listening: list[str], sent: tuple[str, ...], taken: bool
) -> None:
    subscribe(endpoint, channels=listening)
    project = endpoint.project_id
    create_fanout_event(project, message(*sent), owner_id="acme")
    assert (len(deliveries()), newest().channels) == (taken, list(sent))
    create_broadcast_event(project, message(*sent))
    assert len(deliveries()) == taken
    create_event(project, message(*sent), endpoint_id=endpoint.uid)
    assert len(deliveries()) == taken


def test_each_subscription_has_its_own(endpoint: Endpoint, subscribe: MakeSubscription) -> None:
    north = subscribe(endpoint, {"a": {}}, channels=["north"])
    every = subscribe(endpoint)
    subscribe(endpoint, channels=["south"])
    create_fanout_event(endpoint.project_id, message("north"), owner_id="acme")
    assert [row.subscription_id for row in deliveries()] == [north.uid, every.uid]


def test_an_event_of_convoys_calls_has_none(post: Post, endpoint: Endpoint, subscribe: MakeSubscription) -> None:
    subscribe(endpoint, channels=["north"])
    assert post("/fanout", owner_id="acme").status == 201
    assert (newest().channels, newest().status, deliveries()) == ([], "Failure", [])


def test_a_replay_matches_the_channels_of_today(endpoint: Endpoint, subscribe: MakeSubscription) -> None:
    subscription = subscribe(endpoint, channels=["north"])
    create_fanout_event(endpoint.project_id, message("south"), owner_id="acme")
    replay_event(endpoint.project_id, newest().uid)
    assert deliveries() == []
    subscription.channels = ["south"]
    subscription.save(update_fields=["channels"])
    replay_event(endpoint.project_id, newest().uid)
    assert len(deliveries()) == 1
