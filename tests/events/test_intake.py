"""An event that one statement takes in is stored as the matching in Python would store it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from endpoints.models import Endpoint
from endpoints.operations import pause_endpoint
from events import operations
from events.exceptions import KeyMissing
from events.intake import MOST_AT_ONCE
from events.matching import Candidates, read_candidates
from events.models import Event, EventDelivery
from events.storage import Posted
from projects.models import Project
from subscriptions.models import Subscription
from tests.conftest import Row
from tests.events.conftest import MakeSubscription
from tests.statements import statements, undone

#: Of what a stored event and its deliveries say, all but ids and times.
_EVENT = (
    *("project_id", "channel", "event_type", "endpoints", "owner_id", "headers", "data", "idempotency_key"),
    *("key_scope", "trace", "channels", "tags", "external_id", "is_duplicate_event", "status", "failure_reason"),
)
_DELIVERY = (
    *("project_id", "endpoint_id", "subscription_id", "event_type", "delivery_mode", "status", "test", "description"),
    *("strategy", "interval_seconds", "retry_limit", "num_trials", "num_trials_before", "latency_seconds"),
    *("is_parked", "lease"),
)
_TIMES = ("due_at", "next_send_time", "created_at", "updated_at")


def read_only(project_id: str, event: Any, _channel: Any, **whom: str) -> Candidates:
    """Read the candidates as take_in() does, and store nothing."""
    ids = [whom["endpoint_id"]] if "endpoint_id" in whom else []
    owners = [whom["owner_id"]] if "owner_id" in whom else []
    return read_candidates(project_id, event_types=[event.event_type], ids=ids, owners=owners)


def stored(posted: Posted) -> dict[str, Any]:
    """Return the rows of an event, its deliveries in the order of their ids."""
    event = Event.objects.get(pk=posted.uid)
    deliveries = EventDelivery.objects.filter(event=event).order_by("pk")
    return {
        "event": {name: getattr(event, name) for name in _EVENT},
        "is_late": event.created_at != event.updated_at,
        "deliveries": [
            {name: getattr(each, name) for name in _DELIVERY}
            | {"has_" + name: getattr(each, name) is not None for name in _TIMES}
            | {"is_of_event": each.created_at == each.updated_at == event.created_at}
            | {"is_due_at_once": each.due_at in (None, each.next_send_time)}
            for each in deliveries
        ],
    }


@pytest.mark.slow  # hundreds of events
def test_as_the_long_way(
    project: Project,
    endpoint: Endpoint,
    make_endpoint: Callable[..., Endpoint],
    subscribe: MakeSubscription,
    configure: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    row: Row,
) -> None:
    plain: dict[str, dict[str, Any] | None] = {"*": {}}
    conditions = {"body": {"invoice": 991}}
    exact: dict[str, dict[str, Any] | None] = {"a": {}}
    #: By name: each subscription's filters, what else is done, and whether one statement stores the event.
    situations: dict[str, tuple[list[Any], Callable[[], object], bool]] = {
        "one subscription": ([plain], lambda: None, True),
        "two subscriptions": ([plain, exact], lambda: None, True),
        "as many as are stored at once": ([plain] * MOST_AT_ONCE, lambda: None, True),
        "one more": ([plain] * (MOST_AT_ONCE + 1), lambda: None, False),
        "the exact type beside all types": ([{"*": {}, "a": {}}], lambda: None, True),
        "an exact filter that is off beside all types": ([{"*": {}, "a": None}], lambda: None, True),
        "conditions that the exact type hides": ([{"*": conditions, "a": {}}], lambda: None, True),
        "conditions of the exact type": ([{"*": {}, "a": conditions}], lambda: None, False),
        "conditions beside a subscription without": ([plain, {"*": conditions}], lambda: None, False),
        "another type": ([{"b": {}}], lambda: None, False),
        "another type beside the event's": ([{"b": conditions}, plain], lambda: None, True),
        "a filter that is off": ([{"*": None}], lambda: None, False),
        "a paused endpoint": ([plain], lambda: pause_endpoint(project.uid, endpoint.uid), True),
        "an inactive endpoint": ([plain], lambda: Endpoint.objects.update(status=Endpoint.Status.INACTIVE), True),
        "another strategy": (
            [plain],
            lambda: configure(strategy={"type": "exponential", "duration": 7, "retry_count": 3}),
            True,
        ),
        "an owner's other endpoint": ([plain], lambda: subscribe(make_endpoint(owner_id="acme")), True),
        "a channel of the event": ([plain, exact], lambda: Subscription.objects.update(channels=["eu", "us"]), True),
        "a channel of others": ([plain], lambda: Subscription.objects.update(channels=["us"]), False),
        "a deleted subscription": (
            [plain],
            lambda: subscribe(endpoint, {"*": {}}, deleted_at=endpoint.created_at),
            True,
        ),
    }
    for name, (subscriptions, prepare, is_at_once) in situations.items():
        for key in ("", "key"):
            event = operations.content(
                event_type="a", raw=b'{"invoice": 992}', value={"invoice": 992}, idempotency_key=key
            )._replace(channels=["eu", "asia"], tags=["tag"], external_id="of-the-company")
            calls = [
                partial(operations.create_event, endpoint_id=endpoint.uid, key_scope="customer"),
                partial(operations.create_fanout_event, owner_id="acme"),
            ]
            for call in calls:
                with row(f"{name}, {key or 'no key'}"), undone():
                    for filters in subscriptions:
                        subscribe(endpoint, filters)
                    prepare()
                    with undone(), statements() as found:
                        short = stored(call(project.uid, event))
                    with undone(), monkeypatch.context() as patched:
                        patched.setattr(operations, "take_in", read_only)
                        long = stored(call(project.uid, event))
                    assert short == long
                    assert any(each.startswith("WITH events_event") for each in found) is not is_at_once


def test_its_own_header_needs_a_key(
    project: Project, endpoint: Endpoint, subscribe: MakeSubscription, configure: Callable[..., None]
) -> None:
    subscribe(endpoint)
    configure(request_id_header="X-Request-Key")
    for key, is_stored in (("", False), ("key", True)):
        event = operations.content(event_type="a", raw=b"{}", value={}, idempotency_key=key)
        if is_stored:
            operations.create_event(project.uid, event, endpoint_id=endpoint.uid)
        else:
            with pytest.raises(KeyMissing):
                operations.create_event(project.uid, event, endpoint_id=endpoint.uid)
        assert Event.objects.exists() is is_stored
