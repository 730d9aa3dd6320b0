"""Requests at the same time, each in a thread with a database connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections

from tests.conftest import Answer


def at_once(count: int, request: Callable[[int], Answer]) -> list[Answer]:
    """The answers to `request(0)` … `request(count - 1)`, which begin together.

    The test must be marked django_db(transaction=True): what is not committed, nobody else sees.
    """
    together = Barrier(count)

    def run(number: int) -> Answer:
        try:
            together.wait()
            return request(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))
