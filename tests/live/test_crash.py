"""A short run of crash.py: whatever is killed, what was answered with success arrives."""

from pathlib import Path
from typing import Any

import pytest

from tests.live import crash

pytestmark = pytest.mark.timeout(600)


def test_no_event_is_lost_in_a_crash(tmp_path: Path, record_property: Any) -> None:
    said: list[str] = []
    found = crash.run(tmp_path, rounds=2, events=150, say=said.append)
    record_property("crashes", said)
    assert found.accepted > 0
    assert sum(found.kills.values()) > 0
    assert found.lost == []
