"""Ids: their order, their form and their time."""

import time
from datetime import UTC, datetime

import pytest

from core.ulid import first_ulid_at, new_ulid


def test_ids_follow_one_another_within_a_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_783_000_000_000_000_000)
    ids = [new_ulid() for _ in range(1000)]
    assert ids == sorted(set(ids))
    assert {each[:10] for each in ids} == {first_ulid_at(datetime.fromtimestamp(1_783_000_000, UTC))[:10]}
    # By steps that nobody can guess, as another process may have begun with the same id.
    assert len({each[-10:] for each in ids}) == 1000


def test_an_id_has_the_time_of_its_making() -> None:
    before = first_ulid_at(datetime.fromtimestamp(time.time() - 0.001, UTC))
    made = new_ulid()
    time.sleep(0.002)
    assert before < made < first_ulid_at(datetime.now(UTC))
    assert len(made) == 26


def test_the_form_is_crockfords_base32() -> None:
    # The example of the ULID specification: its time, and a random part of zeros.
    assert first_ulid_at(datetime.fromtimestamp(1_469_918_176.385, UTC)) == "01ARYZ6S41" + "0" * 16
