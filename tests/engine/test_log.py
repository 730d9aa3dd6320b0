"""The line that a worker logs for people, for each attempt."""

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.log import SHOWN_CHARACTERS, text_of
from engine.outcomes import Attempt, Outcome
from tests.engine.test_attempt import a_claim

NOW = datetime(2026, 11, 28, 18, 41, 59, tzinfo=UTC)


def line(
    *, status: str = "Retry", delay: float | None = 20.0, http: str = "500 X", error: str = "", **claim: Any
) -> str:
    """The line of an outcome."""
    attempt = Attempt("01K4", "http://a.example", "", "{}", "{}", http, "", error, False, NOW, NOW)
    return text_of(Outcome(a_claim(**{"num_trials": 1} | claim), status, "", delay, 0.0, attempt), NOW)


class TestText:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({}, "18:41:59  500  Billing  invoice.paid  attempt 2 of 3, again in 20 s"),
            (
                {"status": "Success", "delay": None, "http": "200 OK"},
                "18:41:59  200  Billing  invoice.paid  attempt 2 of 3",
            ),
            (
                {"status": "Failure", "delay": None, "num_trials": 2},
                "18:41:59  500  Billing  invoice.paid  attempt 3 of 3, given up",
            ),
            (
                {"http": "", "error": "connection refused"},
                "18:41:59  ---  Billing  invoice.paid  attempt 2 of 3, again in 20 s  connection refused",
            ),
            # It was sent again by hand, and has its whole allowance.
            (
                {"num_trials": 3, "num_trials_before": 3},
                "18:41:59  500  Billing  invoice.paid  attempt 1 of 3, again in 20 s",
            ),
            (
                {"retry_limit": 0, "num_trials": 0},
                "18:41:59  500  Billing  invoice.paid  attempt 1 of 1, again in 20 s",
            ),
        ],
    )
    def test_one_line(self, given: dict[str, Any], expected: str) -> None:
        assert line(**given) == expected

    def test_a_terminal_obeys_nothing_of_a_name_or_an_error(self) -> None:
        written = line(name="\x1b[2J\nforged  200", http="", error="a\r\u202eb" + "c" * 500)
        assert written.isprintable()
        assert len(written.splitlines()) == 1
        assert len(written.rpartition("  ")[2]) == SHOWN_CHARACTERS
