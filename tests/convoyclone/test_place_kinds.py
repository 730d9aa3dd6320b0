"""Places by the cost of a caller's requests, and by whose they are. Contract: docs/reliability.md#web-server."""

from collections import Counter

import pytest

from convoyclone.places import FEWEST_CHEAP, LONG_SECONDS, MEMORY_SECONDS, MOST_COSTLY, MOST_KINDS, PLACES
from core.callers import kind_of
from tests.convoyclone.place_requests import Requests
from tests.waiting import eventually

pytestmark = pytest.mark.slow  # requests wait for one another


class TestKinds:
    """The cost of a request is that of its caller's requests of the same kind before."""

    def test_costly_requests_have_one_place_beside_cheap_ones(self, requests: Requests) -> None:
        requests.spend("a", 0.1, 50, path="/costly")
        requests.come("a", 3, "/costly")
        requests.come("a", PLACES)
        assert requests.held == {"a": PLACES}
        assert Counter(each.kind[1] for each in requests.places._held) == {"/costly": 1, "": PLACES - 1}

    def test_cheap_requests_do_not_make_costly_ones_of_another_kind_cheap(self, requests: Requests) -> None:
        requests.spend("a", 0.1, 50, path="/costly")
        requests.spend("a", 0.001, 1_000)
        requests.come("a", 3, "/costly")
        assert requests.held == {"a": 1}

    def test_the_first_requests_of_a_kind_do_not_come_in_a_burst(self, requests: Requests) -> None:
        requests.spend("a", 0.001, 100)
        requests.come("a", 10, "/other")
        assert requests.held == {"a": FEWEST_CHEAP}
        requests.end_all()
        requests.spend("a", 0.05, 2, path="/other")
        requests.come("a", 10, "/other")
        assert requests.held == {"a": 1}

    def test_ids_in_paths_and_lengths_of_bodies(self) -> None:
        post = {"REQUEST_METHOD": "POST", "PATH_INFO": "/api/v1/projects/01ABC/events", "CONTENT_LENGTH": "800"}
        assert kind_of(post) == ("POST", "/api/*/projects/*/events", 3)
        assert kind_of(post) == kind_of(post | {"PATH_INFO": "/api/v1/projects/02ABC/events", "CONTENT_LENGTH": "100"})
        assert kind_of(post) != kind_of(post | {"CONTENT_LENGTH": "1000000"})
        assert kind_of(post) == kind_of(post | {"CONTENT_LENGTH": "0000000800"})
        assert kind_of({"PATH_INFO": "/" + "a" * 100_000}) == kind_of({"PATH_INFO": "/" + "a" * 200_000})
        assert kind_of({"PATH_INFO": "/events/order.paid2/x"}) == ("", "/events/*/x", 0)

    def test_a_method_is_not_kept_in_full(self) -> None:
        """The server passes one of 300 KB on, and each caller has MOST_KINDS of them."""
        assert kind_of({"REQUEST_METHOD": "X" * 300_000})[0] == "X" * len("OPTIONS")

    def test_kinds_that_a_caller_makes_up_are_forgotten(self, requests: Requests) -> None:
        for number in range(1_000):
            requests.spend("a", 0.001, path="/" + "a" * number)
        assert len(requests.places._callers["project", "a"].averages) == MOST_KINDS

    def test_made_up_kinds_of_costly_requests_are_taken_for_costly(self, requests: Requests) -> None:
        for number in range(MOST_KINDS + 1):
            requests.spend("a", 0.05, path="/costly/" + "a" * number)
        for number in range(10):
            requests.come("a", path="/costly/" + "b" * number)
        assert requests.held == {"a": 1}
        requests.end_all()
        requests.now += MEMORY_SECONDS + 1
        requests.meet_others()
        requests.come("a", 10, "/other")
        assert requests.held == {"a": FEWEST_CHEAP}

    def test_made_up_kinds_of_cheap_requests_let_no_burst_in(self, requests: Requests) -> None:
        for number in range(MOST_KINDS):
            requests.spend("a", 0.0005, path="/" + "a" * number)
        requests.come("a", 10, "/costly")
        assert requests.held == {"a": FEWEST_CHEAP}

    def test_a_long_request_that_computes_is_counted(self, requests: Requests) -> None:
        requests.spend("a", 0.1, 50)
        requests.come("a", 2)
        requests.now += LONG_SECONDS
        [held] = requests.places._held
        # As if its thread had used a second by now.
        held.started -= 1
        requests.come("a")
        assert requests.held == {"a": 1}
        held.started += 1
        eventually(lambda: requests.held == {"a": 2}, "it only waits")

    def test_a_system_that_does_not_tell_what_another_thread_computes(
        self, requests: Requests, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As macOS: a long request is taken to wait."""
        monkeypatch.delattr("time.pthread_getcpuclockid")
        requests.spend("a", 0.1, 50)
        requests.come("a")
        requests.now += LONG_SECONDS
        requests.come("a")
        assert requests.held == {"a": 2}


class TestStrangers:
    """Made-up credentials are of no use."""

    def test_they_have_one_line(self, requests: Requests) -> None:
        for number in range(50):
            requests.spend(f"made-up-{number}", 0.1, is_known=False)
        for number in range(10):
            requests.come(f"another-{number}", is_known=False)
        assert sum(requests.held.values()) == 1
        requests.come("a", 10)
        assert requests.held["a"] == PLACES - 1

    def test_a_credential_that_was_found_to_be_one_has_its_own_line(self, requests: Requests) -> None:
        requests.spend("real", 0.001, is_known=False, party=("project", "p"))
        requests.spend("made-up", 0.1, 50, is_known=False)
        requests.come("made-up", 10, is_known=False)
        requests.come("real", 10, is_known=False)
        assert requests.held == {"made-up": 1, "real": FEWEST_CHEAP}

    def test_a_known_network_has_a_line_of_its_own(self, requests: Requests) -> None:
        for address in ("8.8.8.8", "9.9.9.9"):
            requests.places._take({"REMOTE_ADDR": address}, 1)
        assert {each.caller.name for each in requests.places._held} == {"8.8.8.8", "9.9.9.9"}
        requests.places._held.clear()
        requests.places._free = PLACES

    def test_made_up_kinds_of_owners_of_one_project_hold_no_more(self, requests: Requests) -> None:
        for number in range(3):
            for length in range(MOST_KINDS + 1):
                requests.spend(f"{number}", 0.05, party=("owner", f"p {number}"), path="/" + "a" * length)
        for number in range(3):
            for length in range(3):
                requests.come(f"{number}", path="/other/" + "b" * length)
        assert sum(requests.held.values()) == MOST_COSTLY

    def test_owners_of_one_project_hold_a_part_of_the_places_with_costly_requests(self, requests: Requests) -> None:
        for number in range(10):
            requests.spend(f"{number}", 0.1, 50, party=("owner", f"p {number}"))
        requests.spend("other", 0.1, 50, party=("owner", "q 0"))
        for number in range(10):
            requests.come(f"{number}")
        requests.come("other")
        assert sum(requests.held.values()) == MOST_COSTLY + 1
        assert requests.held["other"] == 1
