"""The choice of a worker between the whole queue and its parts."""

from collections.abc import Callable
from functools import partial

import pytest

from core.ulid import _DIGITS
from endpoints.models import Endpoint
from engine import looks
from engine.looks import Looks
from engine.parts import PARTS, View, part_of
from engine.queue import Claimed
from events.models import EventDelivery
from tests.engine.claims import claim
from tests.engine.engine import on_a_connection, queue_deliveries

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Endpoint]


def sharing() -> Looks:
    """The looks of a worker that others have not let look."""
    own = Looks()
    for _ in range(looks.OFTEN):
        own.begin(is_woken=True)
        own.note(Claimed(is_busy=True), slots=50, has_more=False)
    return own


@pytest.mark.parametrize(("slots", "wants_all"), [(looks.MUCH, True), (looks.MUCH - 1, False)])
def test_workers_that_meet_over_little_look_at_the_whole_queue(
    slots: int, wants_all: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a worker has few places left, it finds as little, although much may be due."""
    monkeypatch.setattr(looks, "LONG_WAIT", 0)
    own = Looks()
    for found in (Claimed(found=looks.MUCH - 1), Claimed(is_busy=True)):
        assert own.begin(is_woken=True).wants_all
        own.note(found, slots=slots, has_more=False)
    assert own.begin(is_woken=True).wants_all is wants_all


def test_a_worker_that_others_never_let_look_looks_at_a_part() -> None:
    own = Looks()
    for _ in range(looks.OFTEN):
        assert own.begin(is_woken=True).wants_all
        own.note(Claimed(is_busy=True), slots=50, has_more=False)
    assert not own.begin(is_woken=True).wants_all


def test_a_worker_that_waits_for_no_longer_than_others_look_stays_with_the_whole_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looks, "LONG_WAIT", 1_000_000)
    own = Looks()
    for found in (Claimed(found=looks.MUCH), Claimed(is_busy=True), Claimed(is_busy=True)):
        assert own.begin(is_woken=True).wants_all
        own.note(found, slots=50, has_more=True)
    assert own.begin(is_woken=True).wants_all


def test_a_worker_that_finds_much_and_waits_long_goes_from_part_to_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "LONG_WAIT", 0)
    own = Looks()
    own.begin(is_woken=True)
    own.note(Claimed(found=looks.MUCH), slots=50, has_more=True)
    assert own.begin(is_woken=False).wants_all
    own.note(Claimed(is_busy=True), slots=50, has_more=False)
    looked_at = []
    for _ in range(2 * PARTS):
        found = own.begin(is_woken=True)
        assert not found.wants_all
        looked_at.append(found.parts[0])
        own.note(Claimed(part=found.parts[0], found=looks.MUCH), slots=50, has_more=True)
        own.has_seen_all()
    assert looked_at == [*range(PARTS)] * 2


def test_a_part_that_another_had_locked_comes_first_in_the_next_look() -> None:
    own = sharing()
    assert own.begin(is_woken=True).parts[0] == 0
    own.note(Claimed(part=2), slots=50, has_more=True)
    assert own.begin(is_woken=True).parts == [3, 0, 1, 2]
    own.note(Claimed(part=3), slots=50, has_more=True)
    assert own.begin(is_woken=True).parts == [0, 1, 2, 3]


def test_some_time_later_it_looks_at_the_whole_queue_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "SHARE_SECONDS", 0)
    own = sharing()
    assert own.begin(is_woken=False).wants_all


def test_it_waits_only_after_it_has_found_nothing_more_in_each_part() -> None:
    own = sharing()
    for part in range(PARTS):
        assert not own.is_done()
        own.begin(is_woken=False)
        own.note(Claimed(part=part), slots=50, has_more=False)
    assert own.is_done()
    assert not own.is_done()


def test_a_look_at_a_part_tells_where_nothing_is_due_in_any(make_endpoint: Make) -> None:
    """So a worker without much to do need not look at each."""
    own = sharing()
    found = on_a_connection(partial(claim, view=own.begin(is_woken=True)))
    own.note(found, slots=50, has_more=False)
    assert (found.part, found.is_empty, own.is_done()) == (0, True, True)
    [delivery] = queue_deliveries(make_endpoint())
    own_part = part_of(delivery.endpoint_id)
    for parked in (False, True):
        EventDelivery.objects.update(is_parked=parked)
        assert not on_a_connection(partial(claim, view=View(wants_all=False, parts=[(own_part + 1) % PARTS]))).is_empty
    assert len(on_a_connection(partial(claim, view=View(wants_all=False, parts=[own_part]))).claims) == 1


def test_what_wakes_it_may_be_in_a_part_that_it_has_looked_at() -> None:
    own = sharing()
    for part in (*range(PARTS - 1), 0):
        own.begin(is_woken=False)
        own.note(Claimed(part=part), slots=50, has_more=False)
    own.begin(is_woken=True)
    own.note(Claimed(part=PARTS - 1), slots=50, has_more=False)
    assert not own.is_done()


def test_the_probe_is_told_of_a_part_that_is_never_free() -> None:
    own = sharing()
    for part in (0, 1, 2, 0, 1, 2):
        own.begin(is_woken=True)
        own.note(Claimed(part=part), slots=50, has_more=True)
        assert not own.has_seen_all()
    own.note(Claimed(part=3), slots=50, has_more=True)
    assert own.has_seen_all()
    assert not own.has_seen_all()


def test_an_endpoint_whose_place_became_free_waits_for_the_look_at_its_part() -> None:
    freed = {f"{'0' * 25}{digit}" for digit in _DIGITS}
    assert Looks.left(freed, Claimed(is_busy=True)) == freed
    assert Looks.left(freed, Claimed()) == set()
    assert Looks.left(freed, Claimed(part=1)) == {uid for uid in freed if part_of(uid) != 1}
