"""Short runs of crash.py: whatever is killed, what was answered with success arrives."""

from pathlib import Path
from typing import Any

import pytest

from tests.live import crash
from tests.server import prepare

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize(
    ("rounds", "events"), [(1, 60), pytest.param(2, 150, marks=pytest.mark.long)], ids=["one round", "two rounds"]
)
def test_no_event_is_lost_in_a_crash(tmp_path: Path, record_property: Any, rounds: int, events: int) -> None:
    said: list[str] = []
    prepare(tmp_path / "data")
    found = crash.run(tmp_path, rounds=rounds, events=events, say=said.append)
    record_property("crashes", said)
    assert found.accepted > 0
    assert sum(found.kills.values()) > 0
    assert found.lost == []
