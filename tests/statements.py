"""What the tests say about the database: which statements ran, and that no row changed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

_table = re.compile(r'(?:FROM|INTO|UPDATE) "?(\w+)')


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements of a block, in order, as "SELECT projects_apikey"; a SELECT … FOR UPDATE is a LOCK.

    The savepoints that a test's own transaction adds are left out. The list is filled when the
    block ends.
    """
    found: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        yield found
    for query in queries.captured_queries:
        sql = query["sql"]
        verb = "LOCK" if "FOR UPDATE" in sql or "FOR NO KEY UPDATE" in sql else sql.split()[0]
        if verb not in ("SAVEPOINT", "RELEASE"):
            table = _table.search(sql)
            found.append(f"{verb} {table[1]}" if table else verb)


@contextmanager
def nothing_changes() -> Iterator[None]:
    """The block leaves every row of every table of ours as it was."""
    before = _rows()
    yield
    assert _rows() == before


def _rows() -> dict[str, Any]:
    ours = (
        model
        for app in ("projects", "endpoints", "portal_links", "subscriptions", "events", "meta_events", "onboarding")
        for model in apps.get_app_config(app).get_models()
    )
    return {model.__name__: list(model._default_manager.order_by("pk").values_list()) for model in ours}
