"""A web server whose clock is ahead: what it makes due is due at once, by the clock of the database."""

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from deliveries.batch_retry import create_batch_retry, work_off
from deliveries.filters import DeliveryFilter
from deliveries.operations import force_resend, resend_delivery
from endpoints.models import Endpoint, EndpointState, Notification
from endpoints.operations import activate_endpoint, update_endpoint
from events.models import Event, EventDelivery
from events.operations import content, create_event
from meta_events.models import MetaEvent
from meta_events.operations import resend_meta_event
from projects.models import Project
from replay.operations import replay_event
from tests.deliveries.rows import make_delivery

MakeEndpoint = Callable[..., Endpoint]


class Ahead(datetime):
    """A clock that is five minutes ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Ahead":
        return super().now(tz) + timedelta(minutes=5)


@pytest.fixture
def endpoint(make_endpoint: MakeEndpoint) -> Endpoint:
    return make_endpoint(support_email="ops@example.com")


@pytest.fixture
def ahead(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "datetime", Ahead)


def test_an_event(project: Project, endpoint: Endpoint, ahead: None) -> None:
    event = content(event_type="a", raw=b"{}", value={})
    create_event(project.uid, event, endpoint_id=endpoint.uid)
    assert due(1)


def test_a_replay(project: Project, endpoint: Endpoint, ahead: None) -> None:
    create_event(project.uid, content(event_type="a", raw=b"{}", value={}), endpoint_id=endpoint.uid)
    EventDelivery.objects.all().delete()
    replay_event(project.uid, Event.objects.get().uid)
    assert due(1)


def test_deliveries_that_are_sent_again(project: Project, endpoint: Endpoint, ahead: None) -> None:
    given_up, sent = make_delivery(endpoint, "Failure"), make_delivery(endpoint, "Success")
    resend_delivery(project.uid, given_up.uid)
    force_resend(project.uid, [sent.uid])
    assert due(2)


def test_a_batch_retry(project: Project, endpoint: Endpoint, ahead: None) -> None:
    # The second waits for its next attempt; by this clock its time has come, by the database's not.
    make_delivery(endpoint, "Failure")
    make_delivery(endpoint, "Retry", due_at=datetime.now(timezone.get_current_timezone()) + timedelta(minutes=2))
    create_batch_retry(project.uid, DeliveryFilter(first_uid="0", beyond_uid="Z"))
    work_off()
    assert due(2)


def test_meta_events(project: Project, endpoint: Endpoint, ahead: None) -> None:
    project.meta_event |= {"is_enabled": True, "url": "https://a.example", "event_type": ["endpoint.updated"]}
    project.save()
    update_endpoint(project.uid, endpoint.uid, url=endpoint.url, name=endpoint.name)
    made = MetaEvent.objects.filter(due_at__lte=Now(), next_send_time__lte=Now())
    assert made.count() == 1
    resend_meta_event(project.uid, made[0].uid)
    assert made.count() == 1


def test_an_activation(project: Project, endpoint: Endpoint, ahead: None) -> None:
    EndpointState.objects.create(endpoint=endpoint)
    Endpoint.objects.update(status="inactive")
    activate_endpoint(project.uid, endpoint.uid)
    assert EndpointState.objects.filter(counted_from__lte=Now()).exists()
    assert Notification.objects.filter(due_at__lte=Now()).exists()


def due(count: int) -> bool:
    """Return whether there are `count` deliveries, and all are due."""
    rows = EventDelivery.objects.all()
    return rows.count() == rows.filter(due_at__lte=Now(), next_send_time__lte=Now()).count() == count
