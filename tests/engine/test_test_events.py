"""Test events, sent by a worker: outside of everything but their own delivery and attempt."""

from collections.abc import Callable

import pytest

from endpoints.models import Endpoint, EndpointHour, EndpointState, Notification
from engine import breaker
from events.models import DeliveryAttempt, EventDelivery
from meta_events.models import MetaEvent
from projects.models import Project
from tests.engine.engine import on_a_connection, queue_deliveries, working
from tests.outbound.receivers import Receiver
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback_is_allowed")]
Make = Callable[..., Endpoint]


@pytest.mark.parametrize("status", ["paused", "inactive"])
def test_a_test_event_arrives_before_its_endpoint_is_enabled(
    make_endpoint: Make, receiver: Receiver, status: str
) -> None:
    endpoint = make_endpoint(url=receiver.url("/in"))
    Endpoint.objects.update(status=status)
    queue_deliveries(endpoint, test="test", retry_limit=1)
    with working():
        [request] = receiver.wait_for(1)
        eventually(lambda: EventDelivery.objects.filter(status="Success").exists(), "the outcome is written")
    assert ("webhook-test", "1") in request.headers
    endpoint.refresh_from_db()
    assert endpoint.status == status


@pytest.mark.slow
def test_failures_of_test_events_have_no_consequence(
    project: Project, make_endpoint: Make, receiver: Receiver, enable: Callable[..., None]
) -> None:
    project.config["disable_endpoint"] = True
    project.save()
    enable("eventdelivery.failed", url=receiver.url("/meta"))
    receiver.answer("/in", status=500)
    endpoint = make_endpoint(url=receiver.url("/in"), support_email="ops@acme.example")
    queue_deliveries(endpoint, 20, test="test", retry_limit=1)
    with working():
        eventually(lambda: EventDelivery.objects.filter(status="Failure").count() == 20, "all have failed")
    on_a_connection(breaker.look)
    assert list(DeliveryAttempt.objects.values_list("is_test", flat=True)) == [True] * 20
    endpoint.refresh_from_db()
    assert endpoint.status == "active"
    for model in (Notification, MetaEvent, EndpointHour, EndpointState):
        assert not model.objects.exists(), model
    # The same without the mark disables the endpoint, and tells of it.
    queue_deliveries(endpoint, 1, retry_limit=1)
    with working():
        eventually(lambda: Notification.objects.exists(), "the endpoint is disabled")
    endpoint.refresh_from_db()
    assert endpoint.status == "inactive"
    assert endpoint.status_actor == {"kind": "server", "uid": "", "name": "", "owner_id": ""}
    assert endpoint.status_reason.startswith("500")
    assert endpoint.status_since is not None
    assert MetaEvent.objects.exists()
    assert EndpointHour.objects.get().failed == 1


def test_a_test_event_that_succeeds_saves_no_endpoint(
    project: Project, make_endpoint: Make, receiver: Receiver
) -> None:
    """One event that an endpoint refuses does not disable it where it accepts later ones. A test is none of these."""
    project.config["disable_endpoint"] = True
    project.save()
    receiver.answer("/in", status=500)
    endpoint = make_endpoint(url=receiver.url("/in"))
    [refused] = queue_deliveries(endpoint, retry_limit=1, due_in=3600)
    queue_deliveries(endpoint, test="test", status="Success", due_at=None)
    EventDelivery.objects.filter(pk=refused.pk).update(due_at=refused.created_at)
    with working():
        eventually(lambda: Endpoint.objects.get().status == "inactive", "the endpoint is disabled")
