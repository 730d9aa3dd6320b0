"""A migration that locks tables while requests use them. Contract: docs/upgrade.md."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from tests.locks import another_transaction, somebody_waits
from tests.waiting import PATIENCE_SECONDS, eventually

#: Migrations that drop a constraint between two tables, with those before them and the table that has it.
DROPPED = {
    "events": ("0011_resend_permission", "0012_projects_are_not_locked", "events_event"),
    "portal_links": ("0008_revoked_links_by_owner", "0009_projects_are_not_locked", "portal_links_portallink"),
}


def migrate(app: str, name: str) -> None:
    try:
        MigrationExecutor(connection).migrate([(app, name)])
    finally:
        connections.close_all()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("app", DROPPED)
def test_a_request_that_reads_a_project_and_then_writes_is_answered(app: str) -> None:
    before, after, table = DROPPED[app]
    migrate(app, before)
    try:
        with ThreadPoolExecutor(1) as pool:
            with another_transaction() as cursor:
                cursor.execute("SELECT 1 FROM projects_project LIMIT 1")
                migrated = pool.submit(migrate, app, after)
                eventually(somebody_waits, "the migration waits for the request")
                cursor.execute(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE")
            migrated.result(PATIENCE_SECONDS)
    finally:
        migrate(app, after)
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table).values()
    assert not [each for each in constraints if each["columns"] == ["project_id"] and each["foreign_key"]]
