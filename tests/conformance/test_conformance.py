"""This server, over real HTTP with a receiver, beside what Convoy has answered to the same requests."""

from collections.abc import Iterator

import pytest

from convoyclone.settings import ORGANISATION_ID
from tests.conformance.client import Target
from tests.conformance.compare import read_recordings
from tests.conformance.reasons import COMPATIBILITY, documented_rows, read_reasons
from tests.conformance.receiver import Receiver
from tests.conformance.report import OF_THIS_VERSION, TITLE, as_text, of_this_version
from tests.conformance.run import Outcome, held_beside
from tests.conformance.tables import TABLES, Request, read_tables
from tests.conftest import Row
from tests.server import ROOT, Server

RECORDED = 528


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """The findings of one run against one server."""
    server = Server(tmp_path_factory.mktemp("conformance"), DELIVERY_ALLOWED_NETWORKS="127.0.0.0/8", WORKERS="1")
    server.prepared().start()
    try:
        key = server.quickstart["instance_api_key"]
        with Receiver() as receiver:
            target = Target(
                server.url, receiver=receiver.url, instance_key=key, organisation=ORGANISATION_ID, waits=False
            )
            answers = target.run(read_tables())
        yield held_beside(answers, read_recordings(), read_reasons())
    finally:
        server.stop()


@pytest.mark.server
class TestRun:
    def test_every_answer_is_as_recorded_or_explained(self, outcome: Outcome, row: Row) -> None:
        assert len(outcome.same) + len(outcome.differing) + len(outcome.wrong) == RECORDED
        for name, entries in read_tables().items():
            codes = {entry.code for entry in entries if isinstance(entry, Request)}
            with row(name):
                assert [one for one in outcome.unexplained if one.code in codes] == []

    def test_every_reason_explains_something(self, outcome: Outcome) -> None:
        assert outcome.unused == []

    def test_the_report_is_that_of_this_version(self, outcome: Outcome) -> None:
        written = as_text(TITLE, outcome, read_tables())
        assert OF_THIS_VERSION.read_text(encoding="utf-8") == written, "run python -m tests.conformance.report"


@pytest.mark.slow
def test_every_reason_is_a_row_of_the_documentation() -> None:
    rows = documented_rows((ROOT / COMPATIBILITY).read_text(encoding="utf-8"))
    assert {reason.row for reason in read_reasons()} - rows == set()


def test_the_report_is_written_from_the_reasons() -> None:
    assert OF_THIS_VERSION.read_text(encoding="utf-8") == of_this_version(), "run python -m tests.conformance.report"


def test_every_recording_has_a_request() -> None:
    tables = read_tables()
    assert set(tables) == set(TABLES)
    codes = {entry.code for entries in tables.values() for entry in entries if isinstance(entry, Request)}
    recordings = read_recordings()
    assert len(recordings) == RECORDED
    assert recordings.keys() <= codes
