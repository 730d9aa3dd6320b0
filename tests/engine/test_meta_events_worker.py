"""The worker at what is not a delivery: meta events, notifications, bulk onboarding."""

import json
from collections.abc import Callable

import pytest

from endpoints.models import Endpoint
from meta_events.models import MetaEvent
from onboarding.models import OnboardBatch
from onboarding.operations import accept
from projects.models import Project
from tests.conftest import API
from tests.engine.engine import queue_deliveries, working
from tests.onboarding.conftest import items
from tests.outbound.receivers import Receiver
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback_is_allowed")]

Enable = Callable[..., None]
MakeEndpoint = Callable[..., Endpoint]
TIMES = ("created_at", "updated_at", "acknowledged_at")


def told(receiver: Receiver, count: int) -> list[dict[str, object]]:
    """Return the bodies of `count` meta events, in the order of their arrival."""
    return [json.loads(request.body) for request in receiver.wait_for(count, "/meta")]


@pytest.mark.slow  # it waits for what does not come
def test_an_endpoint_is_created_and_nothing_else_is_told(
    api: API, project: Project, receiver: Receiver, enable: Enable
) -> None:
    enable("endpoint.created", url=receiver.url("/meta"))
    path = f"/projects/{project.uid}/endpoints"
    with working():
        created = api.post(path, {"url": "https://hooks.example.com/in", "name": "Orders"}).data
        [body] = told(receiver, 1)
        api.put(f"{path}/{created['uid']}", {"url": "https://hooks.example.com/in", "name": "Renamed"})
    assert body["event_type"] == "endpoint.created"
    assert body["data"]["uid"] == created["uid"]  # type: ignore[index]
    assert len(receiver.requests("/meta")) == 1


@pytest.mark.slow  # it waits for a retry
def test_a_failed_delivery_is_told_once_when_it_is_given_up(
    receiver: Receiver, enable: Enable, make_endpoint: MakeEndpoint
) -> None:
    enable("eventdelivery.failed", "eventdelivery.success", url=receiver.url("/meta"))
    receiver.answer("/in", status=500, body=b"broken")
    [delivery] = queue_deliveries(make_endpoint(url=receiver.url("/in")), interval_seconds=1, retry_limit=2)
    with working():
        [body] = told(receiver, 1)
    assert body["event_type"] == "eventdelivery.failed"
    data = body["data"]
    assert isinstance(data, dict)
    assert (data["uid"], data["status"], data["metadata"]["num_trials"]) == (delivery.uid, "Failure", 2)
    assert (data["attempt"]["http_status"], data["attempt"]["response_data"]) == ("500 Internal Server Error", "broken")
    assert len(receiver.requests("/in")) == 2
    assert MetaEvent.objects.count() == 1


@pytest.mark.slow  # it waits for a retry
def test_a_first_attempt_and_a_later_one_are_told_alike(
    receiver: Receiver, enable: Enable, make_endpoint: MakeEndpoint
) -> None:
    enable("eventdelivery.success", url=receiver.url("/meta"))
    receiver.answer_once("/later", status=503)
    queue_deliveries(make_endpoint(url=receiver.url("/at-once")), interval_seconds=1)
    queue_deliveries(make_endpoint(url=receiver.url("/later")), interval_seconds=1)
    with working():
        first, second = (body["data"] for body in told(receiver, 2))
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert [data["metadata"]["num_trials"] for data in (first, second)] == [1, 2]
    assert first.keys() == second.keys()
    for data in (first, second):
        assert all(data[name] > "2020" for name in TIMES)


@pytest.mark.slow  # tens of endpoints
def test_onboarding_is_worked_off(project: Project) -> None:
    with working():
        accept(project, items(60))
        eventually(lambda: not OnboardBatch.objects.filter(finished_at=None).exists(), "every batch is finished")
    assert Endpoint.objects.count() == 60
