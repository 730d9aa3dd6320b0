"""Svix's recovery of an endpoint and its tasks: /api/v1/app/{app}/endpoint/{endpoint}/recover and others."""

from typing import Any

import pytest

from deliveries import recovery
from endpoints.models import Endpoint
from endpoints.operations import pause_endpoint
from events.models import Event, EventDelivery
from jobs.models import Job
from jobs.operations import work_off
from projects.models import Project
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.jobs.rows import make_job, work_off_all
from tests.portal_links.calls import Reply, call, each
from tests.statements import nothing_changes, statements
from tests.svix_api.calls import key_of, refusal, wrong_fields
from tests.svix_api.messages import make_endpoint, post

SINCE = "2020-01-01T00:00:00Z"


def start(key: str, endpoint: Endpoint, task: str, **body: Any) -> Reply:
    path = f"/api/v1/app/acme/endpoint/ep_{endpoint.uid}/{task}"
    return call("POST", path, {"since": SINCE} | body, Authorization=f"Bearer {key}")


def task_of(key: str, uid: str) -> Any:
    return call("GET", f"/api/v1/background-task/{uid}", Authorization=f"Bearer {key}").json


def statuses() -> list[str]:
    return list(EventDelivery.objects.order_by("pk").values_list("status", flat=True))


class TestRecover:
    def test_what_has_failed(self, key: str, endpoint: Endpoint) -> None:
        for status in ("Failure", "Success", "Discarded", "Retry", "Processing"):
            make_delivery(endpoint, status)
        make_delivery(endpoint, "Failure", test="test")
        reply = start(key, endpoint, "recover")
        assert (reply.status, reply.json["status"], reply.json["task"]) == (202, "running", "endpoint.recover")
        assert start(key, endpoint, "recover").status == 409
        work_off_all()
        assert statuses() == ["Scheduled", "Success", "Scheduled", "Retry", "Processing", "Failure"]
        done = task_of(key, reply.json["id"])
        assert (done["status"], done["data"]) == (
            "finished",
            {"endpointId": f"ep_{endpoint.uid}", "total": 2, "done": 2},
        )

    def test_no_other_endpoint(self, key: str, project: Project, endpoint: Endpoint) -> None:
        other = make_endpoint(project, "acme")
        make_delivery(other, "Failure")
        start(key, endpoint, "recover")
        work_off_all()
        assert statuses() == ["Failure"]

    def test_a_time(self, key: str, endpoint: Endpoint) -> None:
        make_delivery(endpoint, "Failure")
        assert start(key, endpoint, "recover", until="2021-01-01T00:00:00Z").status == 202
        work_off_all()
        assert statuses() == ["Failure"]

    def test_an_endpoint_that_is_paused(self, key: str, endpoint: Endpoint) -> None:
        pause_endpoint(endpoint.project_id, endpoint.uid)
        with nothing_changes():
            assert refusal(start(key, endpoint, "recover"))[:2] == (400, "bad_request")

    @pytest.mark.parametrize("since", each(None, "", "yesterday", 1, "2026-13-01", ["2026-01-01"]))
    def test_a_bad_time(self, key: str, endpoint: Endpoint, since: Any) -> None:
        with nothing_changes():
            assert wrong_fields(start(key, endpoint, "recover", since=since))[0][0] == ["body", "since"]
            backwards = start(key, endpoint, "recover", until="2019-01-01T00:00:00Z")
            assert wrong_fields(backwards)[0][0] == ["body", "until"]

    @pytest.mark.slow
    @pytest.mark.parametrize("task", ["recover", "bulk-replay"])
    def test_a_piece_looks_at_a_number_of_deliveries_however_few_are_chosen(
        self, key: str, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, task: str
    ) -> None:
        monkeypatch.setattr(recovery, "LOOKED_AT_IN_PIECE", 3)
        monkeypatch.setattr(recovery, "PIECE", 2)
        for status in ["Processing"] * 7 + ["Failure"] * 3:
            make_delivery(endpoint, status)
        start(key, endpoint, task)
        places: list[tuple[str, str, int]] = []
        while not work_off():
            job = Job.objects.get()
            places.append((job.counted_to, job.cursor, job.done))
        uids = ["", *EventDelivery.objects.order_by("pk").values_list("pk", flat=True)]
        assert places[:3] == [(uids[3], "", 0), (uids[6], "", 0), (uids[9], "", 0)]
        assert [done for _, _, done in places] == [0, 0, 0, 0, 0, 0, 2, 3]
        assert statuses() == ["Processing"] * 7 + ["Scheduled"] * 3


class TestReplayMissing:
    def test_what_it_was_never_sent(self, key: str, project: Project, endpoint: Endpoint) -> None:
        had = post(key, eventType="a").json["id"]
        late = make_endpoint(project, "acme", types=["a"], channels=["north"])
        missed = post(key, eventType="a", channels=["north"]).json["id"]
        EventDelivery.objects.filter(endpoint=late).delete()
        post(key, eventType="b", channels=["north"])
        reply = start(key, late, "replay-missing")
        assert reply.json["task"] == "endpoint.replay"
        work_off_all()
        sent = EventDelivery.objects.filter(endpoint=late)
        assert [f"msg_{row.event_id}" for row in sent] == [missed]
        assert had != missed
        assert start(key, late, "replay-missing").status == 202
        work_off_all()
        assert sent.count() == 1

    def test_an_event_that_nobody_took(self, key: str, project: Project) -> None:
        assert call("POST", "/api/v1/app", {"name": "A", "uid": "acme"}, Authorization=f"Bearer {key}").status == 201
        post(key, eventType="a")
        late = make_endpoint(project, "acme")
        start(key, late, "replay-missing")
        work_off_all()
        event = Event.objects.get()
        assert (event.status, event.failure_reason, event.endpoints) == ("Success", "", [late.uid])


class TestBulkReplay:
    @pytest.mark.parametrize(
        ("choice", "expected"),
        [
            ({}, {"a", "b", "c"}),
            ({"status": 0}, {"a"}),
            ({"status": 2}, {"b"}),
            ({"status": 4}, {"c"}),
            ({"status": 1}, set()),
            ({"eventTypes": ["a", "b"]}, {"a", "b"}),
            ({"channel": "north"}, {"a"}),
            ({"tag": "billing"}, {"b"}),
            ({"statusCodeClass": 200}, {"a"}),
            ({"statusCodeClass": 0}, {"b"}),
        ],
    )
    def test_what_is_chosen(self, key: str, endpoint: Endpoint, choice: dict[str, Any], expected: set[str]) -> None:
        rows: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("a", "Success", {"channels": ["north"]}),
            ("b", "Failure", {"tags": ["billing"]}),
            ("c", "Discarded", {}),
        )
        for name, status, fields in rows:
            event = make_event(endpoint.project_id, event_type=name, endpoints=[endpoint.uid], **fields)
            delivery = make_delivery(endpoint, status, event=event, event_type=name)
            if name != "c":
                make_attempt(delivery, http_status="200 OK" if name == "a" else "")
        reply = start(key, endpoint, "bulk-replay", **choice)
        assert (reply.status, reply.json["task"]) == (202, "endpoint.bulk-replay")
        work_off_all()
        sent = EventDelivery.objects.filter(status="Scheduled").values_list("event_type", flat=True)
        assert set(sent) == expected

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"status": 5}, "status"),
            ({"statusCodeClass": 201}, "statusCodeClass"),
            ({"eventTypes": "a"}, "eventTypes"),
            ({"eventTypes": ["no spaces"]}, "eventTypes"),
            ({"channel": "no spaces"}, "channel"),
        ],
    )
    def test_a_bad_choice(self, key: str, endpoint: Endpoint, body: dict[str, Any], field: str) -> None:
        with nothing_changes():
            assert wrong_fields(start(key, endpoint, "bulk-replay", **body))[0][0] == ["body", field]


class TestTasks:
    def test_list(self, key: str, project: Project, endpoint: Endpoint) -> None:
        started = [start(key, endpoint, task).json["id"] for task in ("recover", "replay-missing", "bulk-replay")]
        Job.objects.filter(kind="recovery").update(status="failed")
        Job.objects.filter(kind="replay_missing").update(status="finished")

        def listed(query: str = "") -> list[str]:
            reply = call("GET", f"/api/v1/background-task{query}", Authorization=f"Bearer {key}")
            return [task["id"] for task in reply.json["data"]]

        assert listed() == started[::-1]
        assert listed("?order=ascending&limit=2") == started[:2]
        assert listed("?status=failed") == listed("?task=endpoint.recover") == started[:1]
        assert listed("?status=finished") == started[1:2]
        assert listed("?status=running") == started[2:]
        assert listed("?task=message.broadcast") == []
        wrong = call("GET", "/api/v1/background-task?status=odd", Authorization=f"Bearer {key}")
        assert wrong_fields(wrong)[0][0] == ["query", "status"]

    @pytest.mark.parametrize("count", [1, 20])
    def test_statements(self, key: str, project: Project, endpoint: Endpoint, count: int) -> None:
        """The key and the page."""
        job = Job.objects.get(pk=start(key, endpoint, "recover").json["id"].removeprefix("qtask_"))
        for _ in range(count - 1):
            Job.objects.create(project=project, kind=job.kind, finished_at=job.created_at, parameters=job.parameters)
        with statements() as found:
            reply = call("GET", "/api/v1/background-task", Authorization=f"Bearer {key}")
        assert len(reply.json["data"]) == count
        assert found == ["SELECT projects_apikey", "SELECT jobs_job"]

    def test_another_kind_of_job_is_none(self, key: str, project: Project) -> None:
        job = make_job(project)
        assert task_of(key, f"qtask_{job.uid}")["code"] == "not_found"

    def test_a_key_of_one_owner(self, project: Project) -> None:
        reply = call("GET", "/api/v1/background-task", Authorization=f"Bearer {key_of(project, owner_id='acme')}")
        assert reply.status == 403
