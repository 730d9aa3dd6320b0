"""Requests at the same time, each in a thread with a database connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from core import share
from tests.conftest import Answer


def at_once(count: int, request: Callable[[int], Answer]) -> list[Answer]:
    """The answers to `request(0)` … `request(count - 1)`, which begin together.

    The test must be marked django_db(transaction=True): what is not committed, nobody else sees. None is refused for
    being slow, as several are on a busy machine.
    """
    together = Barrier(count)

    def run(number: int) -> Answer:
        try:
            together.wait()
            return request(number)
        finally:
            connections.close_all()

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(count) as threads:
        patch.setattr(share, "_share", share.Share(now=lambda: 0))
        return list(threads.map(run, range(count)))
