"""Discarding a backlog by a filter, and taking that back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from activity.models import Activity
from deliveries.operations import resend_delivery
from endpoints.models import Endpoint
from events.models import EventDelivery
from projects.models import Project
from switches import discards
from switches.discards import Backlog, count_backlog, discard_backlog, forget_old, undo_discard, work_off
from switches.exceptions import DiscardNotFound, TooLateToUndo
from switches.models import UNDO, Discard, DiscardedDelivery
from tests.engine.engine import queue_deliveries
from tests.waiting import eventually

pytestmark = pytest.mark.django_db
Make = Callable[..., Endpoint]
#: The columns that an undo restores.
STATE = ("pk", "status", "description", "due_at", "num_trials", "next_send_time")


def work() -> None:
    for _ in range(50):
        if work_off():
            return
    raise AssertionError("it does not come to its end")


def state(**chosen: Any) -> list[tuple[Any, ...]]:
    return list(EventDelivery.objects.filter(**chosen).order_by("pk").values_list(*STATE))


def discarded() -> set[str]:
    return set(EventDelivery.objects.filter(status="Discarded").values_list("pk", flat=True))


@pytest.fixture
def later() -> Callable[[], None]:
    """Wait until the ids of now are those of the past: a discard leaves out what comes with it."""
    start = timezone.now()

    def wait() -> None:
        eventually(lambda: timezone.now() - start > timedelta(milliseconds=50), "the clock goes on")

    return wait


class TestDiscard:
    def test_what_waits_is_discarded_and_the_rest_stays(
        self, project: Project, other_project: Project, make_endpoint: Make, later: Callable[[], None]
    ) -> None:
        endpoint = make_endpoint(owner_id="acme")
        waiting = queue_deliveries(endpoint, 2, due_in=-60)
        waiting += queue_deliveries(endpoint, 1, due_in=60, status="Retry", num_trials=1)
        waiting += queue_deliveries(endpoint, 1, is_parked=True)
        queue_deliveries(endpoint, 1, status="Processing")
        queue_deliveries(make_endpoint(project_id=other_project.uid))
        later()
        assert count_backlog(Backlog(project_id=project.uid)) == 4
        made = discard_backlog(Backlog(project_id=project.uid))
        work()
        made.refresh_from_db()
        assert (made.state, made.discarded) == ("discarded", 4)
        assert discarded() == {row.pk for row in waiting}
        assert set(EventDelivery.objects.filter(status="Discarded").values_list("due_at", "is_parked")) == {
            (None, False)
        }
        row = Activity.objects.get(verb="deliveries.discarded")
        assert (row.pk, row.count, row.project_id) == (made.pk, 4, project.uid)

    @pytest.mark.slow
    def test_the_filter(self, project: Project, make_endpoint: Make, later: Callable[[], None], row: Any) -> None:
        acme, globex = make_endpoint(owner_id="acme"), make_endpoint(owner_id="globex")
        one = queue_deliveries(acme)[0].pk
        two = queue_deliveries(acme, event_type="invoice.paid", is_parked=True)[0].pk
        three = queue_deliveries(globex)[0].pk
        later()
        given: dict[str, tuple[dict[str, str], set[str]]] = {
            "owner": ({"owner_id": "acme"}, {one, two}),
            "endpoint": ({"endpoint_id": globex.pk}, {three}),
            "type": ({"event_type": "invoice.paid"}, {two}),
            "both": ({"owner_id": "globex", "event_type": "invoice.paid"}, set()),
            "another owner's endpoint": ({"owner_id": "globex", "endpoint_id": acme.pk}, set()),
            "all": ({}, {one, two, three}),
        }
        before = state()
        for name, (chosen, found) in given.items():
            with row(name):
                backlog = Backlog(project_id=project.uid, **chosen)
                assert count_backlog(backlog) == len(found)
                made = discard_backlog(backlog)
                work()
                assert discarded() == found
                undo_discard(made.pk)
                work()
                assert state() == before

    def test_it_goes_on_piece_by_piece(
        self, project: Project, make_endpoint: Make, later: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(discards, "STRETCH", 2)
        monkeypatch.setattr(discards, "PIECE", 2)
        queue_deliveries(make_endpoint(), 5)
        later()
        before = state()
        made = discard_backlog(Backlog(project_id=project.uid))
        assert work_off() == 0
        assert len(discarded()) == 2
        work()
        assert len(discarded()) == 5
        undo_discard(made.pk)
        assert work_off() == 0
        assert len(discarded()) == 3
        work()
        assert state() == before

    def test_what_comes_in_later_is_sent(self, project: Project, make_endpoint: Make) -> None:
        made = discard_backlog(Backlog(project_id=project.uid))
        Discard.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(seconds=1))
        queue_deliveries(make_endpoint())
        work()
        assert discarded() == set()


class TestUndo:
    def test_what_was_sent_again_in_the_meantime_stays(
        self, project: Project, make_endpoint: Make, later: Callable[[], None]
    ) -> None:
        first, second = queue_deliveries(make_endpoint(), 2, status="Retry", num_trials=2, description="was away")
        already = queue_deliveries(make_endpoint(), status="Discarded", due_at=None)[0]
        later()
        made = discard_backlog(Backlog(project_id=project.uid))
        work()
        resend_delivery(project.uid, first.pk)
        undo_discard(made.pk)
        work()
        made.refresh_from_db()
        assert (made.state, made.restored) == ("restored", 1)
        found = dict(EventDelivery.objects.values_list("pk", "status"))
        assert found == {first.pk: "Scheduled", second.pk: "Retry", already.pk: "Discarded"}
        second.refresh_from_db()
        assert (second.description, second.num_trials) == ("was away", 2)
        assert not DiscardedDelivery.objects.exists()
        assert Activity.objects.get(verb="deliveries.restored").count == 2

    def test_it_stops_a_discard_that_is_under_way(
        self, project: Project, make_endpoint: Make, later: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(discards, "STRETCH", 2)
        queue_deliveries(make_endpoint(), 5)
        later()
        made = discard_backlog(Backlog(project_id=project.uid))
        work_off()
        undo_discard(made.pk)
        work()
        assert discarded() == set()
        assert Activity.objects.get(verb="deliveries.discarded").count == 2

    def test_not_twice_and_not_after_its_time(
        self, project: Project, make_endpoint: Make, later: Callable[[], None]
    ) -> None:
        queue_deliveries(make_endpoint())
        later()
        made = discard_backlog(Backlog(project_id=project.uid))
        work()
        assert forget_old() > 0
        assert DiscardedDelivery.objects.count() == 1
        Discard.objects.update(created_at=timezone.now() - UNDO)
        with pytest.raises(TooLateToUndo):
            undo_discard(made.pk)
        assert forget_old() == 0
        assert not DiscardedDelivery.objects.exists()
        with pytest.raises(DiscardNotFound):
            undo_discard("01J00000000000000000000000")
