"""A migration gives the columns of prepared statements other types while workers run."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from endpoints.models import Endpoint
from events.models import EventDelivery
from tests.engine.engine import queue_deliveries, working
from tests.outbound.receivers import Receiver
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback_is_allowed")]

#: Of each statement that a claiming worker prepares by itself, and of those that psycopg prepares for it.
COLUMNS = (
    ("events_event", "idempotency_key"),
    ("events_eventdelivery", "num_trials"),
    ("endpoints_endpoint", "name"),
    ("endpoints_endpoint", "http_timeout"),
)


@pytest.fixture
def change_types() -> Iterator[Callable[[], None]]:
    """Changes the types of the columns; at the end they are the former ones again."""

    def change(types: dict[tuple[str, str], str]) -> None:
        with connection.cursor() as cursor:
            for (table, column), kind in types.items():
                cursor.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {kind}")

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE (attrelid::regclass::text, attname::text) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
            [list(each) for each in zip(*COLUMNS, strict=True)],
        )
        before = {(table, column): kind for table, column, kind in cursor.fetchall()}
    assert before.keys() == set(COLUMNS)
    wider = {"smallint": "bigint", "integer": "bigint"}
    yield lambda: change({each: wider.get(kind, "character varying(2000)") for each, kind in before.items()})
    change(before)


@pytest.mark.slow
def test_a_worker_gets_over_it(
    make_endpoint: Callable[..., Endpoint], receiver: Receiver, change_types: Callable[[], None]
) -> None:
    endpoint = make_endpoint(url=receiver.url("/in"))

    def sent(number: int) -> bool:
        return EventDelivery.objects.filter(status="Success").count() == number

    with working():
        for number in (1, 2):
            queue_deliveries(endpoint)
            eventually(lambda number=number: sent(number), "the statements are prepared")  # type: ignore[misc]
        change_types()
        queue_deliveries(endpoint)
        eventually(lambda: sent(3), "the worker has prepared them again")
    receiver.wait_for(3)
    assert len(receiver.requests()) == 3, "nothing was sent twice"
