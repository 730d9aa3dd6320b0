"""/metrics of the web server: the queue's figures, for those who may see them."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from convoyclone import health
from deliveries import figures
from deliveries.figures import QueueCollector
from endpoints.models import Endpoint
from events.models import EventDelivery
from tests.engine.engine import queue_deliveries
from tests.server import Server

pytestmark = pytest.mark.django_db
Make = Callable[..., Endpoint]

TOKEN = "a token for the tests"


@pytest.fixture(autouse=True)
def nothing_is_known_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CollectorRegistry()
    registry.register(QueueCollector())
    monkeypatch.setattr(health, "registry", registry)


def scrape() -> str:
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.content.decode()


def queue() -> dict[str, float]:
    """The deliveries by state, and the age of the oldest."""
    samples = [sample for family in text_string_to_metric_families(scrape()) for sample in family.samples]
    assert {sample.name for sample in samples} == {
        "convoyclone_database_up",
        "convoyclone_queue_deliveries",
        "convoyclone_queue_oldest_due_seconds",
    }
    return {
        sample.labels.get("state", "oldest"): sample.value
        for sample in samples
        if sample.name != "convoyclone_database_up"
    }


class TestFigures:
    def test_an_empty_queue(self) -> None:
        assert queue() == {"due": 0, "later": 0, "parked": 0, "in_flight": 0, "oldest": 0}

    def test_every_state_is_counted_once(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint()
        queue_deliveries(endpoint, 2, due_in=-90)
        # The lease of a lost worker
        queue_deliveries(endpoint, 1, due_in=-30, status="Processing")
        queue_deliveries(endpoint, 4, due_in=60)
        queue_deliveries(endpoint, 1, due_in=3600, status="Retry")
        queue_deliveries(endpoint, 6, due_in=-300, is_parked=True)
        queue_deliveries(endpoint, 7, due_in=60, status="Processing")
        for status in ("Success", "Failure", "Discarded"):
            queue_deliveries(endpoint, 9, status=status, due_at=None)
        found = queue()
        assert 80 <= found.pop("oldest") < 200
        assert found == {"due": 3, "later": 5, "parked": 6, "in_flight": 7}

    def test_what_is_not_due_has_no_age(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint(), due_in=60)
        assert queue() == {"due": 0, "later": 1, "parked": 0, "in_flight": 0, "oldest": 0}

    def test_counting_has_an_end(self, make_endpoint: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(figures, "COUNTED_AT_MOST", 10)
        endpoint = make_endpoint()
        queue_deliveries(endpoint, 200, due_in=-60)
        queue_deliveries(endpoint, 100, is_parked=True)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE events_eventdelivery")
        found = queue()
        assert found.pop("oldest") > 0
        assert found == {"due": 200, "later": 0, "parked": 100, "in_flight": 0}

    def test_it_is_counted_once_however_often_it_is_asked_for(self, make_endpoint: Make) -> None:
        scrape()
        queue_deliveries(make_endpoint())
        with CaptureQueriesContext(
            connection,
        ) as queries:
            first = scrape()
            assert scrape() == first
        assert len(queries) == 0
        assert 'state="due"} 0.0' in first

    def test_it_names_no_tenant(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint(name="Acme", owner_id="acme")
        [delivery] = queue_deliveries(endpoint)
        EventDelivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        text = scrape()
        words = [endpoint.uid, endpoint.project_id, endpoint.url, "Acme", "acme", delivery.uid, delivery.event_type]
        assert [word for word in words if word in text] == []


class TestAccess:
    @pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
    def test_without_a_token_this_machine_may(self, address: str) -> None:
        assert Client(REMOTE_ADDR=address).get("/metrics").status_code == 200

    @pytest.mark.parametrize("address", ["203.0.113.7", "10.0.0.1", "2001:db8::1", ""])
    def test_without_a_token_no_other_machine_may(self, address: str) -> None:
        assert Client(REMOTE_ADDR=address).get("/metrics").status_code == 404

    @pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
    @pytest.mark.parametrize("is_trusted", [False, True])
    def test_what_a_proxy_of_this_machine_brings_is_not_of_this_machine(
        self, settings: Settings, header: str, is_trusted: bool
    ) -> None:
        settings.TRUST_PROXY_HEADERS = is_trusted
        assert Client(REMOTE_ADDR="127.0.0.1").get("/metrics", headers={header: "127.0.0.1"}).status_code == 404

    def test_with_a_token_everybody_needs_it(self, settings: Settings) -> None:
        settings.METRICS_TOKEN = TOKEN
        for address in ("127.0.0.1", "203.0.113.7"):
            client = Client(REMOTE_ADDR=address)
            for sent in ("", TOKEN, f"Bearer {TOKEN} ", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", "Bearer ü"):
                assert client.get("/metrics", headers={"Authorization": sent}).status_code == 404
            assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200

    def test_a_refusal_is_that_of_an_unknown_path(self) -> None:
        client = Client(REMOTE_ADDR="203.0.113.7")
        assert client.get("/metrics").content == client.get("/metricz").content


@pytest.mark.server
def test_a_server_as_it_is_started(tmp_path: Path) -> None:
    server = Server(tmp_path, WORKERS="1")
    try:
        server.prepared().start()
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            assert client.get("/readyz").status_code == 200
            assert 'convoyclone_queue_deliveries{state="due"} ' in client.get("/metrics").text
            assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 404
    finally:
        server.stop()
