"""The places of a web process, and who holds how many. Contract: docs/reliability.md#web-server."""

import contextlib
import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError

from convoyclone import places
from convoyclone.places import (
    ALONE_SECONDS,
    COSTLY_SECONDS,
    FEWEST_CHEAP,
    FIRST_REQUESTS,
    LONG_SECONDS,
    MEMORY_SECONDS,
    MOST_REMEMBERED,
    MOST_WAITING,
    OWN_PLACES,
    PLACES,
    SECONDS_A_PLACE,
    NoPlace,
    Places,
    TooManyOfCaller,
)
from convoyclone.threads import THREADS
from core.callers import PARTY, credential_of
from core.rows import Row, read_rows
from tests.convoyclone.place_requests import Requests, asking
from tests.waiting import eventually

pytestmark = pytest.mark.slow  # requests wait for one another


@pytest.mark.usefixtures("without_database")
class TestPlaces:
    def test_whoever_waits_too_long_is_refused_and_leaves_the_place_to_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(places, "PLACE_SECONDS", 0.01)
        one = Places(1)
        with one.one({}), pytest.raises(NoPlace), one.one({}):
            pass
        assert (one._free, len(one._waiting), len(one._held)) == (1, 0, 0)

    def test_a_place_is_free_again_after_an_error(self) -> None:
        one = Places(1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError), one.one({}):
                raise ZeroDivisionError
        assert (one._free, len(one._connections)) == (1, 1)


class TestTurns:
    def test_a_quick_caller_alone_has_all_places_and_is_never_refused(self, requests: Requests) -> None:
        requests.spend("a", 0.0005, 100)
        requests.come("a", THREADS)
        assert requests.held == {"a": PLACES}

    def test_who_has_waited_longest_is_next_where_all_hold_as_many(self, requests: Requests) -> None:
        requests.come("a", PLACES)
        for name in "bcde":
            requests.now += 0.001
            requests.come(name)
        for _ in range(4):
            requests.end("a")
        assert requests.order[-4:] == list("bcde")

    def test_a_caller_with_fewer_places_is_earlier(self, requests: Requests) -> None:
        requests.come("a", 40)
        requests.come("b")
        requests.end("a")
        assert requests.held == {"a": PLACES - 1, "b": 1}

    def test_two_callers_come_to_hold_as_many(self, requests: Requests) -> None:
        requests.come("a", 20)
        requests.come("b", 20)
        for _ in range(3):
            requests.end("a")
        assert requests.held == {"a": PLACES - 3, "b": 3}

    def test_who_holds_many_places_still_has_a_turn_before_those_that_came_long_after(self, requests: Requests) -> None:
        requests.come("a", PLACES + 1)
        requests.now += SECONDS_A_PLACE * PLACES
        requests.come("b")
        requests.end("a")
        assert requests.held == {"a": PLACES}


class TestCostly:
    @pytest.mark.parametrize(
        ("seconds", "number"), [(0.0008, 7), (0.0014, 4), (0.0019, 3), (0.005, 2), (0.007, 2), (0.008, 1), (0.5, 1)]
    )
    def test_the_places_of_a_caller_by_what_its_requests_cost(
        self, requests: Requests, seconds: float, number: int
    ) -> None:
        requests.spend("a", seconds, 150)
        requests.come("a", 10)
        assert requests.held == {"a": number}

    def test_others_have_the_places_that_a_costly_caller_may_not_take(self, requests: Requests) -> None:
        requests.spend("a", 0.1, 50)
        requests.come("a", 5)
        requests.come("b", 10)
        assert requests.held == {"a": 1, "b": PLACES - 1}
        requests.end("b")
        assert requests.held == {"a": 1, "b": PLACES - 1}
        requests.end("a")
        assert requests.held == {"a": 1, "b": PLACES - 1}

    def test_its_line_has_an_end_and_that_of_others_has_none(self, requests: Requests) -> None:
        requests.spend("a", COSTLY_SECONDS + 0.001, 100)
        # So a caller with 32 connections is not refused where its ordinary requests are costly for a slow machine.
        requests.come("a", 1 + 36)
        with pytest.raises(TooManyOfCaller), requests.places.one(asking("a")):
            pass
        requests.come("b", 20)
        assert requests.held == {"a": 1, "b": PLACES - 1}

    def test_the_lines_of_several_leave_threads_for_others(self, requests: Requests) -> None:
        for name, number in zip("abcdef", (8, 8, 8, 8, 8, 6), strict=True):
            requests.spend(name, COSTLY_SECONDS + 0.001, 100)
            requests.come(name, 1 + number)
        for name in "abcdef":
            with pytest.raises(TooManyOfCaller), requests.places.one(asking(name)):
                pass
        requests.come("g", 2)
        assert requests.held == Counter("abcdefg")
        assert PLACES + MOST_WAITING + OWN_PLACES < THREADS

    def test_one_that_waits_too_long_in_its_own_line_is_told_so(
        self, requests: Requests, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        requests.spend("a", 0.1, 50)
        requests.come("a")
        monkeypatch.setattr(places, "PLACE_SECONDS", 0.01)
        with pytest.raises(TooManyOfCaller), requests.places.one(asking("a")):
            pass
        assert requests.places._waiting == []

    def test_a_long_request_does_not_hold_up_the_others_of_its_caller(self, requests: Requests) -> None:
        requests.spend("a", 0.1, 50)
        requests.come("a", 3)
        assert requests.held == {"a": 1}
        requests.now += LONG_SECONDS
        eventually(lambda: requests.held == {"a": 2}, "one of those that wait has noticed")
        requests.now += LONG_SECONDS / 2
        requests.come("a")
        assert requests.held == {"a": 2}

    def test_single_costly_requests_refuse_nobody(self, requests: Requests) -> None:
        requests.come("a")
        requests.spend("a", 0.001, 10)
        requests.spend("a", 30, 2)
        requests.come("a", THREADS - 1)
        assert 1 <= requests.held["a"] < PLACES

    def test_the_first_requests_of_a_process_tell_nothing(self, requests: Requests) -> None:
        requests.places._first = FIRST_REQUESTS
        requests.spend("a", 0.2, FIRST_REQUESTS)
        requests.come("a", THREADS)
        assert requests.held == {"a": PLACES}

    def test_it_has_all_places_again_when_its_requests_are_quick(self, requests: Requests) -> None:
        requests.spend("a", 0.1, 50)
        requests.spend("a", 0.0005, 100)
        requests.come("a", 10)
        assert requests.held == {"a": PLACES}

    def test_alone_it_has_all_places_and_no_end_of_its_line(self, requests: Requests) -> None:
        requests.spend("a", 0.1, 50, party=("project", "p"))
        requests.spend("b", 0.1, 50, party=("project", "p"))
        requests.now += ALONE_SECONDS
        requests.come("a", 2)
        assert requests.held == {"a": 1}
        requests.now += 0.001
        for name in "ab":
            requests.come(name, MOST_WAITING // 2)
        assert requests.held == {"a": PLACES}
        requests.come("c")
        requests.end("a")
        assert requests.held == {"a": PLACES - 1, "c": 1}

    def test_its_cost_is_forgotten_in_time(self, requests: Requests) -> None:
        requests.spend("a", 0.1, 50)
        requests.now += MEMORY_SECONDS + 1
        requests.meet_others()
        requests.come("a", 10)
        assert requests.held == {"a": FEWEST_CHEAP}, "as many as of an unknown caller"

    def test_the_credentials_of_one_party_have_one_line(self, requests: Requests) -> None:
        for name in "abc":
            requests.spend(name, 0.1, 50, party=("owner", "acme"))
        requests.spend("d", 0.1, 50, party=("owner", "globex"))
        for name in "abcd":
            requests.come(name, 2)
        assert requests.held == {"a": 1, "d": 1}

    def test_no_more_callers_are_remembered_than_that(self, requests: Requests) -> None:
        for number in range(MOST_REMEMBERED + 100):
            requests.spend(f"a{number}", 0.1, party=("owner", f"p {number}"))
        assert len(requests.places._callers) == MOST_REMEMBERED

    def test_a_caller_is_no_other_one_by_the_name_of_its_party(self, without_database: None) -> None:
        spent = iter(range(1_000))
        alone = Places(now=lambda: 0.0, cpu=lambda: float(next(spent)))
        alone._first = 0
        for _ in range(3):
            with alone.one(environ := asking("a")):
                environ[PARTY] = ("project", "p")
        for _ in range(PLACES):
            alone._take(asking("a"), credential_of(asking("a")))
        assert alone._free == 0

    def test_places_of_files_and_probes_have_no_shares(self, without_database: None) -> None:
        spent = iter(range(1_000))
        own = Places(2, costly=math.inf, cpu=lambda: float(next(spent)))
        own._first = 0
        for _ in range(20):
            with own.one({}):
                pass
        own._take({}, None)
        own._take({}, None)
        assert own._free == 0


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_has_failed_is_not_left_for_the_next_request() -> None:
    one = Places(1)

    def fail() -> None:
        with one.one({}):
            with contextlib.suppress(OperationalError):
                read_rows("SELECT pg_terminate_backend(pg_backend_pid())", [])
            raise ZeroDivisionError

    def follow() -> list[Row]:
        with one.one({}):
            return read_rows("SELECT 1", [])

    with ThreadPoolExecutor(1) as pool:
        try:
            with pytest.raises(ZeroDivisionError):
                pool.submit(fail).result()
            assert pool.submit(follow).result() == [(1,)]
        finally:
            for connection in one._connections:
                connection.close()
