"""Fixtures of the tests of outbound requests."""

from collections.abc import Iterator

import pytest

from tests.outbound.certificates import Authority
from tests.outbound.receivers import Receiver
from tests.outbound.tokens import ANSWER, answer


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server() -> Iterator[Receiver]:
    """A token server that gives out ANSWER."""
    with Receiver() as running:
        answer(running, ANSWER)
        yield running
