"""The places of a worker, and who may hold how many of them."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from endpoints.models import Endpoint
from engine.parts import Place
from engine.shares import Places, Shares
from tests.engine.claims import claim, holder
from tests.engine.engine import on_a_connection, queue_deliveries

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Endpoint]


class TestPlaces:
    @pytest.mark.parametrize("number", [1, 2, 3, 10, 340, 2048])
    def test_room_is_the_number_of_places_that_can_be_taken_one_by_one(self, number: int) -> None:
        target = holder("a", "acme")
        for owner_id in ("", "acme"):
            places = Places(number)
            room = places.room("a", owner_id)
            taken = 0
            while places.room("a", owner_id):
                places.take(target)
                taken += 1
            assert taken == room >= 1

    def test_a_project_takes_three_quarters_and_an_owner_half(self) -> None:
        assert Places(2048).room("a") == 1536
        assert Places(2048).room("a", "acme") == 1024

    def test_a_rest_is_left_where_several_take_all_that_they_can(self) -> None:
        places = Places(2048)
        for project in "abcd":
            for _ in range(places.room(project)):
                places.take(holder(project, ""))
        assert places.room("z") > 0

    def test_owners_leave_a_rest_of_their_project_to_others(self) -> None:
        places = Places(2048)
        for owner in "abcd":
            for _ in range(places.room("p", owner)):
                places.take(holder("p", owner))
        assert places.room("p", "z") > 0

    def test_a_slow_request_gives_its_quick_place_away_once(self) -> None:
        shares, target = Shares(100, 4), holder("a", "")
        for uid in ("1", "2", "3"):
            shares.take(uid, target)
        assert (shares.free, shares.offer().has_room("a")) == (1, False)
        for _ in range(2):
            shares.note_slow("1", target)
        assert (shares.free, shares.offer().has_room("a")) == (2, True)
        for uid in ("1", "2", "3"):
            shares.give_back(uid, target)
        assert shares.free == 4
        assert shares.offer().rooms() == {}


class TestSilent:
    """An endpoint that does not answer has few places, so that the others of its project have some."""

    @pytest.fixture
    def shares(self) -> Shares:
        return Shares(100, 100)

    def begin(self, shares: Shares, *uids: str, slow: bool = True) -> None:
        for uid in uids:
            shares.take(uid, holder("a", ""))
            if slow:
                shares.note_slow(uid, holder("a", ""))

    def end(self, shares: Shares, *uids: str, answered: bool) -> None:
        for uid in uids:
            shares.give_back(uid, holder("a", ""), has_answered=answered)

    def test_slow_requests_without_an_answer_leave_it_a_few(self, shares: Shares) -> None:
        self.begin(shares, "1")
        assert shares.offer().room_of("e", 10) == 10
        self.begin(shares, "2")
        assert shares.offer().room_of("e", 10) == 0
        assert shares.offer().room_of("another", 10) == 10
        self.end(shares, "1", answered=False)
        assert shares.offer().room_of("e", 10) == 1
        self.begin(shares, "3", slow=False)
        assert shares.offer().room_of("e", 10) == 0

    def test_it_has_all_again_once_it_answers(self, shares: Shares) -> None:
        self.begin(shares, "1", "2")
        self.end(shares, "1", "2", answered=False)
        self.begin(shares, "3", slow=False)
        assert shares.offer().room_of("e", 10) == 1
        self.end(shares, "3", answered=True)
        assert shares.offer().room_of("e", 10) == 10

    def test_one_that_only_takes_long_is_not_among_them(self, shares: Shares) -> None:
        self.begin(shares, "1", "2", "3", "4")
        self.end(shares, "1", "2", answered=True)
        assert shares.offer().room_of("e", 10) == 10
        self.begin(shares, "5", "6", "7")
        assert shares.offer().room_of("e", 10) == 10
        self.end(shares, "3", answered=False)
        self.begin(shares, "8")
        assert shares.offer().room_of("e", 10) == 0

    def test_nothing_is_kept_of_those_that_have_answered(self, shares: Shares) -> None:
        self.begin(shares, "1", "2")
        self.end(shares, "1", "2", answered=True)
        silent = shares._silent
        assert (silent.running, silent._slow, silent._silent) == ({}, {}, {})

    def test_what_is_remembered_has_a_bound(self, shares: Shares, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("engine.shares.MOST_REMEMBERED", 3)
        for number in range(5):
            for uid in (f"{number}a", f"{number}b"):
                shares.take(uid, holder("a", "", str(number)))
                shares.note_slow(uid, holder("a", "", str(number)))
        assert [shares.offer().room_of(str(number), 10) for number in range(5)] == [10, 10, 0, 0, 0]

    def test_its_other_deliveries_are_parked_and_stay_so(self, make_endpoint: Make) -> None:
        silent, healthy = make_endpoint(), make_endpoint()
        queue_deliveries(silent, 4, due_in=-10)
        queue_deliveries(healthy, 4)

        async def look(connected: psycopg.AsyncConnection[Any]) -> list[Counter[str]]:
            shares = Shares(100, 100)
            found: list[Counter[str]] = []
            first = await claim(connected, slots=2, cap=10, offer=shares.offer())
            for each in first.claims:
                shares.take(each.delivery.uid, each.target)
                shares.note_slow(each.delivery.uid, each.target)
            for _ in range(2):
                seen = await claim(connected, slots=10, cap=10, place=Place(is_wide=True), offer=shares.offer())
                found.append(Counter(each.delivery.endpoint_id for each in seen.claims))
            shares.give_back(first.claims[0].delivery.uid, first.claims[0].target, has_answered=True)
            seen = await claim(connected, slots=10, cap=10, place=Place(is_wide=True), offer=shares.offer())
            return [*found, Counter(each.delivery.endpoint_id for each in seen.claims)]

        assert on_a_connection(look) == [{healthy.uid: 4}, {}, {silent.uid: 2}]
