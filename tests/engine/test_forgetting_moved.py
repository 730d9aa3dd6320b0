"""`manage.py forget_owner` where an endpoint has had several owners: each loses what is their own, and nothing else."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from activity.models import Activity
from endpoints.models import Endpoint, Notification
from endpoints.operations import update_endpoint
from events.models import DeliveryAttempt, Event, EventDelivery
from meta_events.models import MetaEvent
from projects.models import Project
from tests.activity.rows import make_activity
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.engine.test_forgetting import NEIGHBOUR, OWNER, MakeEndpoint, forget, numbers, rows_that_name
from tests.meta_events.rows import make_meta_event

pytestmark = pytest.mark.slow  # each test fills every table


def test_an_endpoint_that_was_theirs_loses_what_it_got_then(project: Project, make_endpoint: MakeEndpoint) -> None:
    endpoint = make_endpoint(owner_id=OWNER)
    then = make_delivery(endpoint, "Success")
    make_attempt(then)
    now = timezone.now
    update_endpoint(project.uid, endpoint.uid, url=endpoint.url, name="Orders", owner_id=NEIGHBOUR)
    since = make_delivery(endpoint, "Success", at=now() + timedelta(seconds=2))
    Event.objects.filter(pk=since.event_id).update(uid=since.pk)
    EventDelivery.objects.filter(pk=since.pk).update(event=since.pk)
    counted = forget(project)
    assert numbers(forget(project, "--yes")) == numbers(counted)
    assert list(EventDelivery.objects.values_list("pk", flat=True)) == [since.pk]
    assert list(Event.objects.values_list("pk", flat=True)) == [since.pk]
    endpoint.refresh_from_db()
    assert (endpoint.owner_id, endpoint.deleted_at) == (NEIGHBOUR, None)
    assert not any(rows_that_name({OWNER}).values())


def test_what_an_endpoint_got_for_an_earlier_owner_is_that_owners(
    project: Project, make_endpoint: MakeEndpoint, tmp_path: Path
) -> None:
    endpoint = make_endpoint(owner_id=NEIGHBOUR)
    event = make_event(project.uid, owner_id=NEIGHBOUR, endpoints=[endpoint.uid], data='{"of":"the neighbour"}')
    make_attempt(make_delivery(endpoint, "Success", event=event), response_data="to the neighbour")
    Notification.objects.create(endpoint=endpoint, channel="email", subject="for the neighbour")
    make_meta_event(project, {"uid": endpoint.uid, "owner_id": NEIGHBOUR})
    make_activity(project.uid, owner_id=NEIGHBOUR, endpoint_id=endpoint.uid, object_name="by the neighbour")
    update_endpoint(project.uid, endpoint.uid, url=endpoint.url, name="Orders", owner_id=OWNER)
    since = make_event(project.uid, owner_id=OWNER, endpoints=[endpoint.uid], data='{"of":"the owner"}')
    make_delivery(endpoint, "Success", event=since)
    counted = forget(project)
    path = tmp_path / "acme.jsonl"
    assert numbers(forget(project, "--yes", "--export", str(path))) == numbers(counted)
    exported = path.read_text("utf-8")
    assert "the owner" in exported
    assert [text for text in ("the neighbour", NEIGHBOUR) if text in exported] == []
    # Its deliveries went with the endpoint, which is the owner's now.
    assert list(Event.objects.values_list("pk", "owner_id")) == [(event.pk, NEIGHBOUR)]
    assert MetaEvent.objects.count() == 1
    assert Activity.objects.filter(owner_id=NEIGHBOUR, object_name="by the neighbour").exists()
    assert not any(model.objects.exists() for model in (Endpoint, EventDelivery, DeliveryAttempt, Notification))
    assert not any(rows_that_name({OWNER}).values())
