"""One thread at a time tries a database that is away, whatever the others find out meanwhile."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg.errors import ConnectionTimeout, OperationalError

from core.postgres.bounded import AWAY, Outage


def attempt(outage: Outage) -> None:
    with outage.noticing():
        pass


def in_another_thread(outage: Outage) -> None:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(attempt, outage).result()


def test_the_others_are_refused_while_one_tries() -> None:
    outage = Outage()
    with pytest.raises(ConnectionTimeout), outage.noticing():
        raise ConnectionTimeout
    with outage.noticing(), pytest.raises(OperationalError, match=AWAY):
        in_another_thread(outage)
    assert not outage.is_on


def test_an_outage_that_another_thread_ends_keeps_nobody_away_later() -> None:
    outage = Outage()
    outage.is_on = True
    with outage.noticing():
        outage.is_on = False
    outage.is_on = True
    in_another_thread(outage)
    assert not outage.is_on


def test_an_outage_that_begins_within_a_block() -> None:
    outage = Outage()
    with outage.noticing():
        outage.is_on = True
        in_another_thread(outage)
    assert not outage.is_on
