"""A worker tells its state over HTTP, and waits with its work until the database is ready."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from prometheus_client.parser import text_string_to_metric_families

from activity.models import Activity
from core.readiness import TOO_OLD
from endpoints.models import Endpoint
from engine import status
from engine.status import serving
from engine.worker import Worker
from events.models import EventDelivery
from switches.exceptions import WorkerNotFound
from switches.models import Worker as WorkerRow
from switches.operations import drain_worker, refill_worker
from tests.engine.engine import queue_deliveries
from tests.engine.process import SECONDS, Deliver
from tests.outbound.receivers import Receiver
from tests.server import free_port
from tests.waiting import eventually

pytestmark = [pytest.mark.server, pytest.mark.django_db(transaction=True)]
Make = Callable[..., Endpoint]


def samples(text: str) -> dict[str, float]:
    """The figures of a scrape, by name and labels as they stand in it."""
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@contextlib.contextmanager
def without_a_migration() -> Iterator[str]:
    """A database that lacks the last migration of the events."""
    recorder = MigrationRecorder(connection)
    name = max(name for app, name in recorder.applied_migrations() if app == "events")
    recorder.record_unapplied("events", name)
    try:
        yield f"events.{name}"
    finally:
        recorder.record_applied("events", name)


class TestMetrics:
    def test_attempts_and_the_queue(self, make_endpoint: Make) -> None:
        with Receiver() as receiver:
            receiver.answer("/bad", status=500)
            receiver.answer("/slow", hang=True)
            queue_deliveries(make_endpoint(url=receiver.url("/good")), 3)
            queue_deliveries(make_endpoint(url=receiver.url("/bad")), 2)
            queue_deliveries(make_endpoint(url=receiver.url("/bad")), retry_limit=1)
            queue_deliveries(make_endpoint(url=receiver.url("/good"), name="paused"), 4, is_parked=True)
            Endpoint.objects.filter(name="paused").update(status="paused")
            with Deliver() as deliver:
                eventually(
                    lambda: EventDelivery.objects.exclude(status="Scheduled").count() == 6, "six attempts have ended"
                )
                queue_deliveries(make_endpoint(url=receiver.url("/slow"), http_timeout=60))
                receiver.wait_for(1, "/slow")
                eventually(
                    lambda: samples(deliver.get("/metrics").text).get("convoyclone_attempt_seconds_count") == 6,
                    "the metrics count six attempts",
                )
                answer = deliver.get("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        found = samples(answer.text)
        assert found["convoyclone_attempts_total[Success]"] == 3
        assert found["convoyclone_attempts_total[Retry]"] == 2
        assert found["convoyclone_attempts_total[Failure]"] == 1
        assert found["convoyclone_attempts_in_flight"] == 1
        assert found["convoyclone_attempts_in_flight_limit"] == settings.DELIVERY_CONCURRENCY
        assert found["convoyclone_attempt_seconds_count"] == 6
        assert found["convoyclone_database_up"] == 1
        assert found["convoyclone_queue_deliveries[parked]"] == 4
        assert found["process_cpu_seconds_total"] > 0

    def test_nothing_names_a_tenant(self, make_endpoint: Make) -> None:
        with Receiver() as receiver, Deliver() as deliver:
            endpoint = make_endpoint(url=receiver.url("/in"), name="Acme")
            [delivery] = queue_deliveries(endpoint)
            eventually(lambda: EventDelivery.objects.filter(status="Success").exists(), "the delivery has succeeded")
            text = deliver.get("/metrics").text
        tenants = [endpoint.uid, endpoint.url, endpoint.name, endpoint.project_id, delivery.event_id, "order.created"]
        assert not [word for word in tenants if word in text]

    def test_with_a_token_it_is_asked_for(self) -> None:
        with Deliver(METRICS_TOKEN="a token for the tests") as deliver:
            for sent in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "a token for the tests"}):
                assert deliver.get("/metrics", **sent).status_code == 401
            assert deliver.get("/metrics", Authorization="Bearer a token for the tests").status_code == 200
            assert deliver.get("/healthz").status_code == 200

    def test_every_outcome_is_there_before_the_first_attempt(self) -> None:
        with Deliver() as deliver:
            found = samples(deliver.get("/metrics").text)
        for outcome in ("Success", "Retry", "Failure"):
            assert found[f"convoyclone_attempts_total[{outcome}]"] == 0

    def test_without_a_port_nothing_listens(self, make_endpoint: Make) -> None:
        with Receiver() as receiver, Deliver(port=0) as deliver:
            queue_deliveries(make_endpoint(url=receiver.url("/in")))
            receiver.wait_for(1)
            assert deliver.terminate() == 0


class TestProbes:
    def test_a_worker_that_works(self) -> None:
        with Deliver() as deliver:
            for path in ("/healthz", "/readyz"):
                answer = deliver.get(path)
                assert (answer.status_code, answer.text) == (200, "ok\n")
            assert deliver.get("/nothing").status_code == 404

    def test_a_database_that_is_older_than_the_worker_is_not_ready(self) -> None:
        with Deliver() as deliver:
            assert deliver.get("/readyz").status_code == 200
            with without_a_migration():
                answer = deliver.get("/readyz")
                assert (answer.status_code, answer.text.rstrip()) == (
                    503,
                    "the database lacks migrations of this version: run manage.py migrate",
                )
                assert deliver.get("/healthz").status_code == 200

    def test_few_open_files_are_said_and_enough_for_what_is_left(self, make_endpoint: Make) -> None:
        with Receiver() as receiver, Deliver(open_files=256) as deliver:
            answer = deliver.get("/readyz")
            assert (answer.status_code, answer.text) == (
                200,
                "ok, with 64 requests at once: too few open files are allowed\n",
            )
            assert deliver.log.count("open files") == 1
            for number in range(10):
                queue_deliveries(make_endpoint(url=receiver.url(f"/{number}")), 20)
            eventually(lambda: EventDelivery.objects.filter(status="Success").count() == 200, "all are delivered")
            assert "Too many open files" not in deliver.log

    def test_while_it_drains_it_is_healthy_and_not_ready(self, make_endpoint: Make) -> None:
        with Receiver() as receiver, Deliver() as deliver:
            receiver.answer("/slow", hang=True)
            queue_deliveries(make_endpoint(url=receiver.url("/slow"), http_timeout=5))
            receiver.wait_for(1)
            deliver.process.terminate()
            eventually(
                lambda: deliver.get("/readyz").text == "the worker is stopping\n",
                "the worker is stopping",
            )
            assert deliver.get("/healthz").status_code == 200
            assert deliver.process.wait(SECONDS) == 0
        assert EventDelivery.objects.get().status == "Retry"

    def test_a_worker_that_cannot_read_the_queue_is_not_healthy(self) -> None:
        worker, port = Worker(f"postgresql://127.0.0.1:{free_port()}/x"), free_port()

        async def ask() -> tuple[int, str]:
            # It is not at work, as one whose database hangs.
            async with serving(worker, "127.0.0.1", port), httpx.AsyncClient(trust_env=False) as client:
                assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
                worker._alive_at -= status.SILENT_SECONDS + 1
                answer = await client.get(f"http://127.0.0.1:{port}/healthz")
                return answer.status_code, answer.text

        code, text = asyncio.run(ask())
        assert code == 503
        assert text.startswith("the queue could not be read for ")


class TestStart:
    def test_a_database_without_its_migrations_ends_it(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint())
        with without_a_migration() as missing, Deliver() as deliver:
            assert deliver.process.wait(SECONDS) == 1
            assert deliver.log == f"CommandError: the database lacks {missing}: run manage.py migrate first\n"

    def test_a_database_of_before_the_first_migrations_ends_it(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint())
        MigrationRecorder(connection).record_applied("projects", "0002_admin_search")
        try:
            with Deliver() as deliver:
                assert deliver.process.wait(SECONDS) == 1
                assert deliver.log == f"CommandError: {TOO_OLD}\n"
        finally:
            MigrationRecorder(connection).record_unapplied("projects", "0002_admin_search")
        assert EventDelivery.objects.get().status == "Scheduled"

    def test_it_waits_for_a_database_that_is_away(self) -> None:
        with Deliver(DATABASE_URL=f"postgresql://127.0.0.1:{free_port()}/x") as deliver:
            deliver.wait_for_log("waiting for the database: ")
            assert deliver.terminate() == 0
            assert "Traceback" not in deliver.log

    def test_what_is_no_port_ends_it(self) -> None:
        with Deliver(port=70000) as deliver:
            assert deliver.process.wait(SECONDS) == 1
            assert deliver.log.startswith("CommandError: cannot listen on 127.0.0.1 port 70000: ")

    def test_a_port_in_use_ends_it(self) -> None:
        with Receiver() as taken, Deliver(port=int(taken.url().rsplit(":", 1)[1].rstrip("/"))) as deliver:
            assert deliver.process.wait(SECONDS) == 1
            [line] = deliver.log.splitlines()
            assert line.startswith(f"CommandError: cannot listen on 127.0.0.1 port {deliver.port}: ")


class TestLog:
    """The canonical line: one for each attempt, with nothing in it that is not the operator's."""

    KEYS = {
        *("event", "delivery", "event_id", "event_type", "endpoint", "project", "trial", "outcome", "http_status"),
        *("error", "ip", "seconds", "next_attempt_in"),
    }

    def deliver(self, make_endpoint: Make, receiver: Receiver, path: str, **fields: Any) -> EventDelivery:
        endpoint = make_endpoint(
            url=fields.pop("url", "") or receiver.url(f"{path}?key=in-the-query"),
            secret="a-secret-of-the-endpoint",
            authentication={
                "type": "api_key",
                "api_key": {"header_name": "X-Key", "header_value": "the-credential"},
            },
        )
        headers = {"X-Tenant": ["in-a-header"]}
        return queue_deliveries(endpoint, data='{"a":"in-the-payload"}', headers=headers, **fields)[0]

    def test_each_attempt_has_one_line_and_it_tells_no_secret(self, make_endpoint: Make) -> None:
        with Receiver() as receiver, Deliver() as deliver:
            answer: dict[str, Any] = {"body": b"in-the-answer", "headers": [("X-Answer", "in-its-header")]}
            receiver.answer("/good", **answer)
            receiver.answer("/bad", status=500, **answer)
            receiver.answer("/away", redirect="https://example.com/?to=in-the-location")
            receiver.answer("/reset", reset=True)
            away = f"http://127.0.0.1:{free_port()}/in?key=in-the-query"
            unresolved = "http://user.invalid/in?key=in-the-query"
            sent = {
                self.deliver(make_endpoint, receiver, "/good").uid: ("Success", "200 OK"),
                self.deliver(make_endpoint, receiver, "/bad").uid: ("Retry", "500 Internal Server Error"),
                self.deliver(make_endpoint, receiver, "/bad", retry_limit=1).uid: (
                    "Failure",
                    "500 Internal Server Error",
                ),
                self.deliver(make_endpoint, receiver, "/away").uid: ("Retry", "302 Found"),
                self.deliver(make_endpoint, receiver, "/reset").uid: ("Retry", ""),
                self.deliver(make_endpoint, receiver, "", url=away).uid: ("Retry", ""),
                self.deliver(make_endpoint, receiver, "", url=unresolved).uid: ("Retry", ""),
            }
            eventually(lambda: EventDelivery.objects.filter(num_trials=1).count() == len(sent), "each has been tried")
            assert deliver.terminate() == 0
            lines, log = deliver.attempts, deliver.log
        assert {line["delivery"]: (line["outcome"], line["http_status"]) for line in lines} == sent
        assert len(lines) == len(sent)
        for line in lines:
            assert line.keys() == self.KEYS
            assert line["trial"] == 1
            assert bool(line["error"]) == (line["http_status"] == "")
            assert (line["next_attempt_in"] is None) == (line["outcome"] != "Retry")
            delivery = EventDelivery.objects.get(pk=line["delivery"])
            assert (line["event_id"], line["endpoint"], line["project"], line["event_type"]) == (
                delivery.event_id,
                delivery.endpoint_id,
                delivery.project_id,
                "order.created",
            )
        secrets = ["in-the-payload", "in-a-header", "in-the-query", "the-credential", "a-secret-of-the-endpoint"]
        secrets += ["in-the-answer", "in-its-header", "in-the-location"]
        assert [secret for secret in secrets if secret in log] == []

    def test_a_hostile_status_line_is_one_line_of_the_log(self, make_endpoint: Make) -> None:
        with Receiver() as receiver, Deliver() as deliver:
            for number, reason in enumerate([b"\xff\xfe\xed\xa0\x80", b'"} {"event"', b"\x1b[31m\x85\xe2\x80\xa8"]):
                receiver.answer(f"/{number}", raw=[b"HTTP/1.1 200 " + reason + b"\r\nContent-Length: 0\r\n\r\n"])
                queue_deliveries(make_endpoint(url=receiver.url(f"/{number}")))
            eventually(lambda: not EventDelivery.objects.filter(num_trials=0).exists(), "each has been tried")
            assert deliver.terminate() == 0
            assert len(deliver.attempts) == 3
            assert len(deliver.log.splitlines()) == 3

    def test_it_can_be_switched_off(self, make_endpoint: Make) -> None:
        with Receiver() as receiver, Deliver(ATTEMPT_LOG_LEVEL="WARNING") as deliver:
            queue_deliveries(make_endpoint(url=receiver.url("/in")))
            eventually(lambda: EventDelivery.objects.filter(status="Success").exists(), "the delivery has succeeded")
            assert deliver.terminate() == 0
            assert deliver.log == ""


class TestDraining:
    def test_a_drained_worker_finishes_claims_nothing_says_so_and_comes_back(self, make_endpoint: Make) -> None:
        with Receiver() as receiver, Deliver() as deliver:
            receiver.answer("/slow", hold=True)
            eventually(lambda: WorkerRow.objects.exists(), "the worker is listed")
            row = WorkerRow.objects.get()
            assert row.name.endswith(f":{deliver.process.pid}")
            [under_way] = queue_deliveries(make_endpoint(url=receiver.url("/slow"), http_timeout=60))
            receiver.wait_for(1, "/slow")
            drain_worker(row.pk)
            eventually(lambda: deliver.get("/readyz").status_code == 503, "it says that it is drained")
            said = deliver.get("/readyz").text
            assert said == "drained by an operator: it claims nothing, and sends 1 more\n"
            assert deliver.get("/healthz").status_code == 200
            [waiting] = queue_deliveries(make_endpoint(url=receiver.url("/in")))
            receiver.release()
            eventually(lambda: WorkerRow.objects.get().in_flight == 0, "the worker has nothing under way")
            assert deliver.get("/readyz").text == "drained by an operator: it claims nothing, and is idle\n"
            under_way.refresh_from_db()
            waiting.refresh_from_db()
            assert (under_way.num_trials, waiting.status) == (1, "Scheduled")
            refill_worker(row.pk)
            receiver.wait_for(1, "/in")
            assert deliver.get("/readyz").status_code == 200
            assert deliver.terminate() == 0
        assert not WorkerRow.objects.exists()
        verbs = Activity.objects.filter(project=None).order_by("pk").values_list("verb", "object_name")
        assert list(verbs) == [("worker.drained", row.name), ("worker.refilled", row.name)]
        with pytest.raises(WorkerNotFound):
            drain_worker(row.pk)
