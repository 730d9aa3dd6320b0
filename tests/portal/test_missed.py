"""Sending what an endpoint has missed: the number that is offered, returned and sent is the same."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.utils import timezone
from pytest_django import Settings

from core.exceptions import Forbidden
from deliveries.batch_retry import create_batch_retry, work_off
from deliveries.exceptions import RetryUnderWay
from deliveries.filters import DeliveryFilter, missed_filter
from deliveries.health import endpoint_health
from endpoints.exceptions import EndpointNotFound, StatusNotChangeable
from endpoints.models import Endpoint
from events.models import BatchRetry, EventDelivery
from events.operations import content, create_event
from portal.operations import activate_and_send_missed, pause_endpoint
from portal_links.access import Access
from portal_links.capabilities import CREATE_ATTEMPTS, EVERYTHING, MANAGE_ENDPOINT
from projects.models import Project
from tests.deliveries.rows import make_delivery
from tests.engine.engine import working
from tests.outbound.receivers import Receiver
from tests.portal.customers import OWNER
from tests.statements import nothing_changes
from tests.waiting import eventually

Make = Callable[..., Endpoint]


@pytest.fixture
def access(project: Project) -> Access:
    return Access(project=project, owner_id=OWNER, capabilities=EVERYTHING)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def post(endpoint: Endpoint, number: int) -> None:
    for each in range(number):
        create_event(
            endpoint.project_id, content(event_type="a", raw=b"{}", value={"n": each}), endpoint_id=endpoint.uid
        )


def offered(endpoint: Endpoint) -> int:
    return endpoint_health([endpoint.uid])[endpoint.uid].missed


@pytest.mark.slow  # it runs a worker
@pytest.mark.django_db(transaction=True)
def test_a_worker_sends_exactly_what_was_missed(
    access: Access, make_endpoint: Make, receiver: Receiver, settings: Settings
) -> None:
    settings.DELIVERY_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    endpoint = make_endpoint(owner_id=OWNER, url=receiver.url("/in"))
    other = make_endpoint(owner_id=OWNER, url=receiver.url("/other"))
    with working():
        # Deliveries that were missed in an earlier pause were not wanted then, and are not sent now.
        pause_endpoint(access, endpoint.uid)
        post(endpoint, 4)
        Endpoint.objects.filter(pk=endpoint.uid).update(status="active")
        pause_endpoint(access, endpoint.uid)
        pause_endpoint(access, other.uid)
        post(endpoint, 3)
        post(other, 2)
        refresh(endpoint)
        make_delivery(endpoint, "Discarded", test="test")
        make_delivery(endpoint, "Failure")
        assert offered(endpoint) == missed_filter(endpoint).rows(access.project.uid).count() == 3
        assert activate_and_send_missed(access, endpoint.uid) == 3
        eventually(lambda: BatchRetry.objects.filter(finished_at__isnull=False).exists(), "the batch has ended")
        eventually(lambda: EventDelivery.objects.filter(status="Success").count() == 3, "all three have arrived")
    assert len(receiver.requests()) == 3
    assert BatchRetry.objects.get().retried == 3
    assert EventDelivery.objects.filter(endpoint=endpoint, status="Discarded").count() == 4 + 1
    refresh(endpoint)
    assert endpoint.status == "active"


def test_what_waited_when_the_endpoint_was_disabled_is_missed_too(access: Access, make_endpoint: Make) -> None:
    endpoint = make_endpoint(owner_id=OWNER)
    begun = timezone.now()
    Endpoint.objects.update(status="inactive", status_since=begun)
    make_delivery(endpoint, "Discarded", at=begun - timedelta(days=3), updated_at=timezone.now())
    assert offered(endpoint) == activate_and_send_missed(access, endpoint.uid) == 1
    while work_off():
        pass
    assert EventDelivery.objects.get().status == "Scheduled"


def test_nothing_was_missed(access: Access, make_endpoint: Make) -> None:
    endpoint = make_endpoint(owner_id=OWNER)
    pause_endpoint(access, endpoint.uid)
    assert activate_and_send_missed(access, endpoint.uid) == 0
    assert not BatchRetry.objects.exists()
    refresh(endpoint)
    assert endpoint.status == "active"


def test_an_endpoint_that_was_switched_off_before_that_was_kept(access: Access, make_endpoint: Make) -> None:
    endpoint = make_endpoint(owner_id=OWNER)
    Endpoint.objects.update(status="inactive")
    make_delivery(endpoint, "Discarded")
    assert offered(endpoint) == activate_and_send_missed(access, endpoint.uid) == 0


def test_refusals_change_nothing(access: Access, make_endpoint: Make, project: Project) -> None:
    endpoint, of_another = make_endpoint(owner_id=OWNER), make_endpoint(owner_id="somebody else")
    with nothing_changes(), pytest.raises(StatusNotChangeable):
        activate_and_send_missed(access, endpoint.uid)
    Endpoint.objects.update(status="paused", status_since=timezone.now())
    post(endpoint, 1)
    with nothing_changes(), pytest.raises(EndpointNotFound):
        activate_and_send_missed(access, of_another.uid)
    for lacking in (MANAGE_ENDPOINT, CREATE_ATTEMPTS):
        less = Access(project=project, owner_id=OWNER, capabilities=EVERYTHING - {lacking})
        with nothing_changes(), pytest.raises(Forbidden):
            activate_and_send_missed(less, endpoint.uid)
    create_batch_retry(
        project.uid, DeliveryFilter(first_uid="", beyond_uid="Z", endpoint_ids=[]), customer=access.customer
    )
    with nothing_changes(), pytest.raises(RetryUnderWay):
        activate_and_send_missed(access, endpoint.uid)


def test_a_batch_retry_leaves_test_events_alone(access: Access, make_endpoint: Make, project: Project) -> None:
    endpoint = make_endpoint(owner_id=OWNER)
    own, test = make_delivery(endpoint, "Failure"), make_delivery(endpoint, "Failure", test="test")
    create_batch_retry(project.uid, DeliveryFilter(first_uid="", beyond_uid="Z", endpoint_ids=[endpoint.uid]))
    while work_off():
        pass
    statuses = dict(EventDelivery.objects.values_list("pk", "status"))
    assert statuses == {own.uid: "Scheduled", test.uid: "Failure"}


def refresh(endpoint: Endpoint) -> None:
    endpoint.refresh_from_db()
