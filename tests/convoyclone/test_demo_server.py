"""The demo of script/server, as processes: webhooks that arrive, restarts, crashes, and servers without a demo."""

import os
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from tests.convoyclone.pasting import paste, printed_command
from tests.server import Server
from tests.waiting import eventually

pytestmark = pytest.mark.server

#: The outcome of each delivery of the first start.
OUTCOMES = {("Orders", "Success"): 4, ("Billing", "Retry"): 2, ("Newsletter", "Discarded"): 2}
TABLES = ("projects_eventtype", "endpoints_endpoint", "subscriptions_subscription", "events_event")


def page(server: Server) -> str:
    return httpx.get(f"{server.quickstart['receiver_url']}/", trust_env=False).text


def outcomes(server: Server) -> Counter[tuple[str, str]]:
    """The deliveries by the names of their endpoints and their states."""
    path = f"/projects/{server.quickstart['project_id']}/eventdeliveries"
    with server.client() as client:
        found: list[dict[str, Any]] = client.get(path, params={"perPage": 100}).json()["data"]["content"]
    return Counter((one["endpoint_metadata"]["name"], one["status"]) for one in found)


def counts(server: Server) -> list[int]:
    """How many rows each of TABLES has."""
    with psycopg.connect(server.database_url) as connection:
        queries = [SQL("SELECT count(*) FROM {0}").format(Identifier(table)) for table in TABLES]
        return [row[0] for query in queries for row in connection.execute(query)]


def receiver_process(server: Server) -> list[psutil.Process]:
    return [one for one in server.processes() if "convoyclone.receiver" in one.cmdline()]


def first_error(server: Server, demo: dict[str, Any]) -> str:
    """The error of the first attempt of a new event to an endpoint of a demo."""
    path, endpoint = f"/projects/{demo['project_id']}", demo["endpoint_ids"][0]
    with server.client(demo["api_key"]) as client:
        event = {"endpoint_id": endpoint, "event_type": "order.created", "data": {"order_id": "ORD-refused"}}
        event_id = client.post(f"{path}/events", json=event).raise_for_status().json()["data"]["uid"]
        deliveries = client.get(f"{path}/eventdeliveries", params={"eventId": event_id}).json()["data"]["content"]
        attempts = f"{path}/eventdeliveries/{deliveries[0]['uid']}/deliveryattempts"
        eventually(lambda: client.get(attempts).json()["data"], "an attempt is made")
        return str(client.get(attempts).json()["data"][0]["error"])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server after its first start."""
    running = Server(tmp_path_factory.mktemp("demo"), WORKERS="1").prepared().start()
    yield running
    running.stop()


class TestWebhooks:
    def test_the_events_of_the_first_start_are_sent_and_verified(self, running: Server) -> None:
        eventually(lambda: outcomes(running) == OUTCOMES, "each delivery has its outcome")
        shown = page(running)
        assert shown.count("<h2>/works/orders</h2>") == 4
        assert shown.count("<h2>/fails/billing</h2>") == 2
        assert shown.count("Signature verified") == 6
        assert "not verified" not in shown

    def test_the_printed_command_sends_an_event_that_arrives(self, running: Server) -> None:
        assert "ORD-1043" not in page(running)
        assert paste(running, printed_command(running))["status"] is True
        eventually(lambda: "ORD-1043" in page(running), "the event of the command arrives")
        assert "not verified" not in page(running)

    def test_a_rotated_secret_is_verified_too(self, running: Server) -> None:
        known = running.quickstart
        path = f"/projects/{known['project_id']}"
        orders = known["endpoint_ids"][0]
        with running.client() as client:
            rotated = client.put(f"{path}/endpoints/{orders}/expire_secret", json={"expiration": 0})
            assert rotated.status_code == 200, rotated.text
            event = {"endpoint_id": orders, "event_type": "order.created", "data": {"order_id": "ORD-rotated"}}
            assert client.post(f"{path}/events", json=event).status_code == 201
        eventually(lambda: "ORD-rotated" in page(running), "the event arrives")
        assert "not verified" not in page(running)

    def test_a_receiver_that_was_killed_is_started_again_at_its_address(self, running: Server) -> None:
        [killed] = receiver_process(running)
        killed.kill()
        known = "the demo's receiver ended by itself"
        eventually(lambda: known in running.stderr, "the end is noticed")
        assert "None has arrived yet." in page(running)
        assert paste(running, printed_command(running))["status"] is True
        eventually(lambda: "ORD-1043" in page(running), "the event of the command arrives")
        assert "not verified" not in page(running)


class TestRestart:
    def test_nothing_is_made_again_and_a_taken_port_is_changed(self, server: Server) -> None:
        server.settings["WORKERS"] = "1"
        server.prepared().start()
        eventually(lambda: outcomes(server) == OUTCOMES, "each delivery has its outcome")
        before, known = counts(server), server.quickstart
        server.stop()
        assert receiver_process(server) == []

        server.start()
        assert server.quickstart == known
        assert counts(server) == before
        assert outcomes(server) == OUTCOMES
        server.stop()

        with socket.create_server(("127.0.0.1", urlsplit(known["receiver_url"]).port or 0)):
            server.start()
            moved = server.quickstart
            assert moved == known | {"receiver_url": moved["receiver_url"]}
            assert moved["receiver_url"] != known["receiver_url"]
            assert counts(server) == before
            assert paste(server, printed_command(server))["status"] is True
            eventually(lambda: "ORD-1043" in page(server), "the event of the command arrives")
            assert "not verified" not in page(server)

    def test_a_kill_in_the_middle_of_the_first_start_loses_nothing(self, server: Server) -> None:
        server.settings["WORKERS"] = "1"
        server.spawn()
        # The description is there before the commit, or just after it.
        eventually((server.data / "quickstart.json").exists, "the demo is described")
        assert server.process is not None
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
        server.start()
        eventually(lambda: outcomes(server) == OUTCOMES, "each delivery has its outcome")
        assert "not verified" not in page(server)
        with server.client(server.quickstart["instance_api_key"]) as instance:
            assert len(instance.get("/projects").json()["data"]) == 1


class TestNoDemo:
    def test_a_second_server_on_a_database_with_projects(
        self,
        server: Server,
        tmp_path: Path,
        own_database: str,
    ) -> None:
        server.settings |= {"DATABASE_URL": own_database, "WORKERS": "1"}
        server.start()
        assert httpx.get(f"{server.url}/", trust_env=False).status_code == 200
        server.stop()

        other = Server(tmp_path / "other", DATABASE_URL=own_database, WORKERS="1")
        # The secrets belong to the database.
        other.data.mkdir(parents=True)
        (other.data / "secrets.json").write_text((server.data / "secrets.json").read_text())
        try:
            other.start()
            assert not (other.data / "quickstart.json").exists()
            assert [httpx.get(f"{other.url}/{path}", trust_env=False).status_code for path in ("", "healthz")] == [
                404,
                200,
            ]
            assert receiver_process(other) == []
            assert "curl" not in other.stdout
            assert "address not allowed: 127.0.0.1" in first_error(other, server.quickstart)
        finally:
            other.stop()
