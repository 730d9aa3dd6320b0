"""Every operation by every kind of credential, on everybody's rows: who may, and that nobody else can.

An operation that is new fails until it has a line in ALLOWED. What is refused changes no row, and
neither answer nor refusal holds anything of a tenant that the caller has nothing to do with.
"""

import re

import pytest
from django.db import connection

from tests.access_table import ALLOWED, DEAD, KINDS, LOOKERS, PROJECT, UNINFORMED
from tests.access_world import IN_ANY_PROJECT, ROWS, World, body_for
from tests.conftest import Row
from tests.routes import EVERY_OPERATION, WITHOUT_SECOND_PATHS, Operation
from tests.surfaces import refusal, send

# Thousands of requests, on a machine that is busy with something else.
pytestmark = [pytest.mark.matrix, pytest.mark.timeout(900)]

#: The operations by what they are about, which is what a test of them is called: "Convoy endpoints".
NOUNS: dict[str, list[Operation]] = {}
for _operation in EVERY_OPERATION:
    if _operation not in WITHOUT_SECOND_PATHS:
        continue
    _nouns = re.findall(r"/([a-z-]+)", _operation.path.removeprefix(PROJECT).removeprefix("/portal-api")) or ["project"]
    NOUNS.setdefault(f"{_operation.surface} {_nouns[0]}", []).append(_operation)

#: (table, project, owner): a digest of those rows.
Snapshot = dict[tuple[str, str, str], str]

_OF_ENDPOINT = "(SELECT owner_id FROM endpoints_endpoint e WHERE e.uid = {})"
_OF_SUBSCRIPTION = "(SELECT {} FROM subscriptions_subscription s WHERE s.uid = t.subscription_id)"
_OWNERS = {
    "projects_project": ("uid", "''"),
    "projects_apikey": ("project_id", "''"),
    "endpoints_endpoint": ("project_id", "owner_id"),
    "activity_activity": ("project_id", "owner_id"),
    "applications_application": ("project_id", "owner_id"),
    "portal_links_portallink": ("project_id", "owner_id"),
    "portal_links_portalsession": ("project_id", "owner_id"),
    "portal_links_deliverylink": ("project_id", "substr(customer, 7)"),
    "onboarding_onboardbatch": ("project_id", "''"),
    "projects_eventtype": ("project_id", "''"),
    "subscriptions_subscription": ("project_id", _OF_ENDPOINT.format("t.endpoint_id")),
    "subscriptions_filter": (
        _OF_SUBSCRIPTION.format("project_id"),
        _OF_ENDPOINT.format(_OF_SUBSCRIPTION.format("endpoint_id")),
    ),
    "meta_events_metaevent": ("project_id", "body::json #>> '{data,owner_id}'"),
    "events_event": (
        "project_id",
        "coalesce((SELECT owner_id FROM endpoints_endpoint e WHERE e.uid = t.endpoints[1]), '')",
    ),
    "events_eventdelivery": ("project_id", _OF_ENDPOINT.format("t.endpoint_id")),
    "events_deliveryattempt": ("project_id", _OF_ENDPOINT.format("t.endpoint_id")),
    "events_batchretry": ("project_id", "''"),
    "jobs_job": ("project_id", "substr(customer, 7)"),
}
_SNAPSHOT = " UNION ALL ".join(
    f"SELECT '{table}', coalesce({project}, ''), {owner}, md5(string_agg(t::text, ' ' ORDER BY uid)) "  # noqa: S608
    f"FROM {table} t GROUP BY 1, 2, 3"
    for table, (project, owner) in _OWNERS.items()
)


def snapshot() -> Snapshot:
    """All rows of all tables, so that two of these are the same only where no row has changed.

    PostgreSQL makes the digests: this is called for each of the thousands of cells that write.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SNAPSHOT)
        return {(table, project, owner): digest for table, project, owner, digest in cursor.fetchall()}


def changed(before: Snapshot, after: Snapshot) -> set[tuple[str, str]]:
    """(project, owner) of the rows that are not the same in both."""
    return {key[1:] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def test_the_table_is_complete() -> None:
    """A new operation fails here until somebody has decided who may use it."""
    assert {str(operation) for operation in EVERY_OPERATION} == ALLOWED.keys()
    for operation in EVERY_OPERATION:
        who, in_path = ALLOWED[str(operation)], operation.path
        names_a_row = any(f"{{{name}}}" in in_path for name in ROWS)
        assert (who.other_owner is not None) == names_a_row
        names_a_project = any(f"{{{name}}}" in in_path for name in ("projectID", *IN_ANY_PROJECT))
        assert (who.other_project is not None) == names_a_project
        assert (who.own | (who.other_owner or set()) | (who.other_project or set())) <= KINDS - DEAD


@pytest.fixture
def world(db: None) -> World:
    made = World()
    assert made.credentials.keys() == KINDS
    return made


@pytest.mark.parametrize("noun", NOUNS)
def test_the_allowed_and_nobody_else(world: World, row: Row, noun: str) -> None:
    before = snapshot()
    for operation in NOUNS[noun]:
        for whose, allowed in ALLOWED[str(operation)]._asdict().items():
            if allowed is None:
                continue
            tenant = getattr(world, whose)
            url, body = tenant.url(operation), body_for(operation, tenant)
            for kind in sorted(KINDS):
                # Each call finds the same world: what it changes is rolled back.
                with row(f"{kind}: {operation} ({whose})") as written:
                    response = send(operation, url, world.credentials[kind], body)
                    what_changed = changed(before, snapshot()) if written else set()
                    strangers = world.strangers_to(kind)
                    if kind in allowed:
                        assert 200 <= response.status_code < 300, (response.status_code, response.content)
                        # A batch whose only item is another project's says so in the outcome of the item.
                        changes = operation.changes and response.status_code != 207
                        assert changes if what_changed else whose != "own" or not changes
                        assert what_changed.isdisjoint(tenant.key for tenant in strangers)
                    else:
                        assert refusal(operation.surface, response)[0] in (400, 401, 403, 404), response.content
                        assert not what_changed
                        strangers = [world.own, world.other_owner, world.other_project]
                    # Each has secrets in it, or could: no cache on the way keeps it.
                    assert response.headers["Cache-Control"] == "no-store"
                    said = response.content.decode() + str(response.headers)
                    assert not [mark for tenant in strangers for mark in tenant.marks if mark in said]
                    assert kind not in LOOKERS or world.own.marks[2] not in said
                    assert kind not in UNINFORMED or not [mark for mark in world.own.marks[4:] if mark in said]
            with row(f"{operation} ({whose})"):
                assert snapshot() == before, "one of the requests has changed rows in a way that was not seen"
