"""A real PgBouncer before the database: web requests and workers, in session and in transaction mode."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.pooling import CANNOT_LISTEN, WRONG_MODE, shares_servers
from endpoints.models import Endpoint
from events.models import EventDelivery
from projects.models import Project
from projects.operations import create_api_key
from tests.conftest import Role
from tests.convoyclone.test_outage import web_server
from tests.engine.engine import queue_deliveries
from tests.engine.process import Deliver, database_url
from tests.outbound.receivers import Receiver
from tests.pgbouncer import PROGRAM, PgBouncer
from tests.waiting import eventually

pytestmark = [
    pytest.mark.server,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed"),
]
Make = Callable[..., Endpoint]
REQUESTS = 200
SHARED: dict[str, Any] = {"DATABASE_POOL_MODE": "transaction"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def succeeded() -> int:
    return EventDelivery.objects.filter(status="Success").count()


@pytest.mark.parametrize(("mode", "shares"), [("session", False), ("transaction", True)])
def test_the_mode_is_found_out(mode: str, shares: bool) -> None:
    with PgBouncer(mode) as pooler:
        assert shares_servers(pooler.url) is shares
    assert not shares_servers(database_url())


class TestTheWebServer:
    def test_no_request_fails_in_transaction_mode(self, project: Project) -> None:
        key = create_api_key(name="admin", role=Role.PROJECT_ADMIN, project=project)[1]
        paths = [f"/api/v1/projects/{project.uid}/{name}" for name in ("endpoints", "events", "eventdeliveries")]
        headers = {"Authorization": f"Bearer {key}"}
        # More threads than servers.
        with PgBouncer("transaction", servers=1) as pooler, web_server(pooler.url, **SHARED) as client:
            assert client.get("/readyz").status_code == 200

            def ask(number: int) -> int:
                if number % 4:
                    return client.get(paths[number % 3], headers=headers).status_code
                body = {"name": f"{number}", "url": "https://example.com/in", "secret": "secret"}
                return client.post(paths[0], headers=headers, json=body).status_code

            with ThreadPoolExecutor(8) as threads:
                statuses = Counter(threads.map(ask, range(REQUESTS)))
        assert statuses == {200: REQUESTS * 3 // 4, 201: REQUESTS // 4}
        assert Endpoint.objects.count() == REQUESTS // 4

    def test_it_says_that_its_setting_is_wrong(self) -> None:
        with PgBouncer("transaction") as pooler, web_server(pooler.url) as client:
            answer = client.get("/readyz")
            assert (answer.status_code, answer.json()["message"]) == (503, WRONG_MODE)


class TestAWorker:
    def test_it_delivers_in_session_mode_as_shipped(self, make_endpoint: Make, receiver: Receiver) -> None:
        endpoint = make_endpoint(url=receiver.url("/in"))
        with PgBouncer("session") as pooler, Deliver(DATABASE_URL=pooler.url) as deliver:
            assert deliver.get("/readyz").status_code == 200
            queue_deliveries(endpoint, 20)
            eventually(lambda: succeeded() == 20, "all are delivered")

    @pytest.mark.parametrize("listens", [True, False])
    def test_it_delivers_in_transaction_mode(self, make_endpoint: Make, receiver: Receiver, listens: bool) -> None:
        endpoint = make_endpoint(url=receiver.url("/in"))
        listening: dict[str, Any] = {"DATABASE_LISTEN_URL": database_url()} if listens else {}
        with (
            PgBouncer("transaction", servers=3) as pooler,
            Deliver(DATABASE_URL=pooler.url, **SHARED, **listening) as deliver,
        ):
            assert deliver.get("/readyz").status_code == 200
            for round_ in range(1, 4):
                queue_deliveries(endpoint, 20)
                eventually(lambda count=20 * round_: succeeded() == count, "all are delivered")  # type: ignore[misc]
                time.sleep(0.1)
            assert ("DATABASE_LISTEN_URL is not set" in deliver.log) is not listens
            assert "ERROR" not in deliver.log
        assert len(receiver.requests()) == 60

    @pytest.mark.parametrize(
        ("settings", "says"), [({}, WRONG_MODE), (SHARED | {"DATABASE_LISTEN_URL": ""}, CANNOT_LISTEN)]
    )
    def test_it_refuses_what_cannot_work(self, settings: dict[str, Any], says: str) -> None:
        with PgBouncer("transaction") as pooler:
            if "DATABASE_LISTEN_URL" in settings:
                settings = settings | {"DATABASE_LISTEN_URL": pooler.url}
            with Deliver(DATABASE_URL=pooler.url, **settings) as deliver:
                assert deliver.process.wait(60) == 1
                assert [line for line in deliver.log.splitlines() if line] == [f"CommandError: {says}"]
