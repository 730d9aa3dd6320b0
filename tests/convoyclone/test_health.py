"""The probes of the web server."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from core.readiness import TOO_OLD, missing_migrations
from tests.conftest import API
from tests.convoyclone.test_settings import GOOD, run

NOT_MIGRATED = "the database lacks migrations of this version: run manage.py migrate"


@pytest.fixture
def probe(db: None) -> API:
    """A prober: without a key, outside of every API."""
    api = API(None)
    api.root = ""
    return api


class TestWorks:
    @pytest.mark.parametrize("path", ["/healthz", "/readyz"])
    def test_all_is_well(self, probe: API, path: str) -> None:
        assert probe.get(path).message.startswith("ConvoyClone ")

    def test_a_database_that_lacks_a_migration_is_there_but_not_ready(self, probe: API) -> None:
        MigrationRecorder(connection).record_unapplied("events", "0001_initial")
        assert missing_migrations() == ["events.0001_initial"]
        assert probe.get("/readyz").error == (503, NOT_MIGRATED)
        assert probe.get("/healthz").status == 200

    def test_an_empty_database_is_not_ready(self, probe: API) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE django_migrations RENAME TO elsewhere")
        assert probe.get("/readyz").error == (503, NOT_MIGRATED)
        assert probe.get("/healthz").status == 200

    def test_a_database_of_before_the_first_migrations_is_refused_in_one_line(self, probe: API) -> None:
        MigrationRecorder(connection).record_applied("projects", "0002_admin_search")
        assert probe.get("/readyz").error == (503, TOO_OLD)
        with pytest.raises(CommandError, match="the database was made by a development version"):
            call_command("migrate")
        assert probe.get("/healthz").status == 200

    def test_a_database_of_a_newer_version_is_good_enough(self, probe: API) -> None:
        MigrationRecorder(connection).record_applied("events", "9999_of_tomorrow")
        assert probe.get("/readyz").status == 200


_ASK = """
import django; django.setup()
from django.test import Client
for path in ("/healthz", "/readyz", "/metrics"):
    answer = Client(raise_request_exception=False).get(path, headers={"Host": "localhost"})
    print(answer.status_code, answer.content.decode().strip())
"""


@pytest.mark.server
def test_a_database_that_is_away(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", _ASK, DJANGO_SETTINGS_MODULE="convoyclone.settings", **GOOD)
    health, ready, metrics, *rest = done.stdout.splitlines()
    for line in (health, ready):
        assert line == '503 {"status":false,"message":"the database is not available"}'
    assert metrics.startswith("200 ")
    assert rest[-1] == "convoyclone_database_up 0.0"
