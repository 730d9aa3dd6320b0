"""POST …/eventdeliveries/batchretry/jobs, and the work behind it. Contract: docs/contract/deliveries.md#retry-jobs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from activity.models import Activity
from core.ulid import new_ulid
from deliveries import batch_retry, retry_jobs
from deliveries.batch_retry import create_batch_retry
from deliveries.filters import DeliveryFilter
from endpoints.models import Endpoint
from endpoints.operations import pause_endpoint, update_endpoint
from events.models import EventDelivery
from jobs.models import Job
from jobs.operations import work_off
from projects.models import Project
from tests.concurrency import at_once
from tests.conftest import API
from tests.deliveries.rows import make_delivery, make_event
from tests.engine.process import Deliver
from tests.hostile import UNREADABLE
from tests.jobs.rows import work_off_all
from tests.portal.api.customers import customer
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements
from tests.waiting import eventually

MakeEndpoint = Callable[..., Endpoint]
EVERYTHING = DeliveryFilter(first_uid="0" * 26, beyond_uid="Z" * 26)
UNDER_WAY = (400, "an active batch retry already exists")


@pytest.fixture
def batch(project: Project) -> str:
    return f"/projects/{project.uid}/eventdeliveries/batchretry"


@pytest.fixture
def path(batch: str) -> str:
    return f"{batch}/jobs"


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.post(path)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_retry, "PIECE", 2)
    monkeypatch.setattr(batch_retry, "LOOKED_AT_IN_PIECE", 3)
    monkeypatch.setattr(retry_jobs, "COUNTED_IN_PIECE", 3)


def statuses(rows: list[EventDelivery]) -> list[str]:
    return [EventDelivery.objects.get(pk=row.pk).status for row in rows]


class TestWorks:
    def test_each_is_sent_again_once_and_the_progress_is_told(
        self, api: API, project: Project, path: str, make_endpoint: MakeEndpoint, small_pieces: None
    ) -> None:
        endpoint = make_endpoint()
        rows = [make_delivery(endpoint, "Failure", num_trials=7) for _ in range(7)]
        answer = api.post(path)
        assert (answer.status, answer.message) == (202, "Batch retry job accepted")
        assert (answer.data["kind"], answer.data["status"], answer.data["total"]) == ("batch_retry", "pending", None)
        job = f"/projects/{project.uid}/jobs/{answer.data['uid']}"
        seen = []
        while not work_off():
            found = api.get(job).data
            seen.append((found["status"], found["total"], found["done"]))
        assert seen[:3] == [("running", None, 0), ("running", None, 0), ("running", 7, 0)]
        assert [done for _, _, done in seen[3:]] == [2, 4, 6, 7]
        assert seen[-1] == ("finished", 7, 7)
        assert statuses(rows) == ["Scheduled"] * 7
        assert set(EventDelivery.objects.values_list("num_trials", "num_trials_before")) == {(7, 7)}
        assert api.get(job).data["finished_at"] is not None

    def test_what_is_not_due_is_meant_and_nothing_else(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        endpoint, past = make_endpoint(), timezone.now() - timedelta(seconds=1)
        meant = [make_delivery(endpoint, status) for status in ("Failure", "Discarded", "Scheduled", "Retry")]
        others = [
            make_delivery(endpoint, due_at=past),
            make_delivery(endpoint, "Retry", is_parked=True),
            make_delivery(endpoint, "Processing", lease=uuid4()),
            make_delivery(endpoint, "Success"),
            make_delivery(endpoint, "Failure", test="test"),
        ]
        before = list(EventDelivery.objects.filter(pk__in=[row.pk for row in others]).order_by("pk").values())
        api.post(path)
        work_off_all()
        assert list(EventDelivery.objects.filter(pk__in=[row.pk for row in others]).order_by("pk").values()) == before
        due = EventDelivery.objects.filter(due_at__lte=timezone.now(), pk__in=[row.pk for row in meant])
        assert due.count() == len(meant)
        job = Job.objects.get()
        assert (job.total, job.done, job.skipped) == (4, 4, 0)

    def test_it_is_the_filter_of_the_list(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        endpoint, other = make_endpoint(), make_endpoint()
        event = make_event(endpoint.project_id, event_type="invoice.void", idempotency_key="991")
        wanted = make_delivery(endpoint, "Failure", event=event)
        others = [
            make_delivery(endpoint, "Discarded", event=event),
            make_delivery(other, "Failure", event=event),
            make_delivery(endpoint, "Failure"),
            make_delivery(endpoint, "Failure", event=event, at=timezone.now() - timedelta(days=9)),
        ]
        before = statuses(others)
        query = f"endpointId={endpoint.uid}&status=Failure&eventType=invoice.void&idempotencyKey=991&perPage=1"
        api.post(f"{path}?{query}")
        work_off_all()
        assert statuses([wanted]) == ["Scheduled"]
        assert statuses(others) == before

    def test_few_among_many_are_found_a_piece_at_a_time(
        self, api: API, path: str, make_endpoint: MakeEndpoint, small_pieces: None
    ) -> None:
        """A piece looks at a number of deliveries, however few of them are meant."""
        endpoint = make_endpoint()
        rows = [make_delivery(endpoint, "Failure" if number in (4, 9) else "Success") for number in range(11)]
        api.post(f"{path}?status=Failure")
        pieces = 0
        while not work_off():
            pieces += 1
        # Four that count three deliveries each, and as many that look at them.
        assert pieces == 8
        assert [number for number, status in enumerate(statuses(rows)) if status == "Scheduled"] == [4, 9]

    def test_a_dry_run_counts_and_sends_nothing(
        self, api: API, path: str, make_endpoint: MakeEndpoint, small_pieces: None
    ) -> None:
        endpoint = make_endpoint()
        rows = [make_delivery(endpoint, "Failure") for _ in range(5)]
        assert api.post(f"{path}?dry_run=true").data["dry_run"] is True
        work_off_all()
        job = Job.objects.get()
        assert (job.status, job.total, job.done) == ("finished", 5, 0)
        assert statuses(rows) == ["Failure"] * 5
        assert not Activity.objects.filter(verb="deliveries.retried").exists()

    def test_what_comes_after_the_request_is_not_meant(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint()
        api.post(f"{path}?endDate=2999-01-01T00:00:00")
        later = make_delivery(endpoint, "Failure", at=timezone.now() + timedelta(seconds=1))
        work_off_all()
        assert statuses([later]) == ["Failure"]

    def test_it_is_recorded_with_its_number(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        make_delivery(make_endpoint(), "Failure")
        uid = api.post(path).data["uid"]
        row = Activity.objects.get(verb="deliveries.retried")
        assert (row.object_uid, row.count, row.actor_kind) == (uid, None, "api_key")
        work_off_all()
        row.refresh_from_db()
        assert row.count == 1

    def test_a_body_is_ignored(self, api: API, path: str) -> None:
        assert api.post(path, UNREADABLE[0]).status == 202


class TestTurned:
    def test_paused_resumed_and_canceled(
        self, api: API, project: Project, path: str, make_endpoint: MakeEndpoint, small_pieces: None
    ) -> None:
        endpoint = make_endpoint()
        rows = [make_delivery(endpoint, "Failure") for _ in range(5)]
        job = f"/projects/{project.uid}/jobs/{api.post(path).data['uid']}"
        for _ in range(3):
            work_off()
        assert statuses(rows) == ["Scheduled"] * 2 + ["Failure"] * 3
        api.put(f"{job}/pause")
        assert work_off() > 0
        api.put(f"{job}/resume")
        work_off()
        assert statuses(rows) == ["Scheduled"] * 4 + ["Failure"]
        api.put(f"{job}/cancel")
        work_off_all()
        assert statuses(rows) == ["Scheduled"] * 4 + ["Failure"]
        assert Activity.objects.get(verb="deliveries.retried").count == 4

    @pytest.mark.slow
    def test_projects_take_turns(
        self, project: Project, other_project: Project, make_endpoint: MakeEndpoint, small_pieces: None
    ) -> None:
        mine, other = make_endpoint(), make_endpoint(project_id=other_project.uid)
        rows = [make_delivery(mine, "Failure") for _ in range(6)]
        theirs = make_delivery(other, "Failure")
        retry_jobs.create_retry_job(project.uid, EVERYTHING)
        retry_jobs.create_retry_job(other_project.uid, EVERYTHING)
        # Each counts, and then retries.
        for _ in range(6):
            work_off()
        assert statuses([theirs]) == ["Scheduled"]
        assert "Failure" in statuses(rows)


class TestOneAtATime:
    @pytest.mark.slow
    def test_a_second_one_and_a_batch_retry_are_refused_meanwhile(
        self, api: API, batch: str, path: str, project: Project
    ) -> None:
        job = api.post(path).data["uid"]
        for turn in ("pause", "resume"):
            assert api.put(f"/projects/{project.uid}/jobs/{job}/{turn}").status == 200
            with nothing_changes():
                assert api.post(path).error == UNDER_WAY
                assert api.post(batch).error == UNDER_WAY
        assert api.post(f"{path}?dry_run=true").status == 202
        work_off_all()
        assert api.post(batch).status == 200
        with nothing_changes():
            assert api.post(path).error == UNDER_WAY
        while batch_retry.work_off():
            pass
        assert api.post(path).status == 202

    def test_another_callers_does_not_count(
        self, api: API, path: str, project: Project, other_api: API, other_project: Project
    ) -> None:
        create_batch_retry(project.uid, EVERYTHING, customer="owner:globex")
        assert api.post(path).status == 202
        assert customer(project, "static token").post("/eventdeliveries/batchretry/jobs").status == 202
        assert other_api.post(path.replace(project.uid, other_project.uid)).status == 202


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_created(api: API, batch: str, path: str) -> None:
    answers = at_once(8, lambda number: api.post(path if number % 2 else batch))
    assert sorted(answer.status // 100 for answer in answers) == [2, *[4] * 7]


class TestCrash:
    @pytest.mark.slow
    def test_nothing_is_lost_and_none_is_sent_twice(
        self, api: API, path: str, make_endpoint: MakeEndpoint, small_pieces: None
    ) -> None:
        endpoint = make_endpoint()
        rows = [make_delivery(endpoint, "Failure", num_trials=3) for _ in range(7)]
        api.post(path)
        for number in range(100):
            # Every other piece is lost before its commit.
            with transaction.atomic():
                idle = work_off()
                transaction.set_rollback(number % 2 == 0)
            if idle:
                break
            # One that fails again is not sent a second time.
            EventDelivery.objects.filter(status="Scheduled").update(status="Failure", due_at=None, num_trials=4)
        assert [EventDelivery.objects.get(pk=row.pk).num_trials for row in rows] == [4] * 7
        assert set(EventDelivery.objects.values_list("num_trials_before", flat=True)) == {3}
        job = Job.objects.get()
        assert (job.total, job.done, job.status) == (7, 7, "finished")

    def test_the_statements_of_a_piece(
        self, api: API, path: str, make_endpoint: MakeEndpoint, small_pieces: None
    ) -> None:
        make_delivery(make_endpoint(), "Failure")
        api.post(path)
        pieces = []
        for _ in range(2):
            with statements() as found:
                work_off()
            pieces.append(found)
        # Whether there is any; the job; how to plan; the end of the piece, and its deliveries; the place, and the
        # number in the record.
        begun = ["SELECT jobs_job", "LOCK jobs_job", "SELECT", *["SELECT events_eventdelivery"] * 2]
        assert pieces[0] == [*begun, "UPDATE jobs_job"]
        assert pieces[1] == [*begun, "UPDATE events_eventdelivery", "UPDATE jobs_job", "UPDATE activity_activity"]

    @pytest.mark.server
    @pytest.mark.django_db(transaction=True)
    def test_workers_that_are_killed_lose_none(
        self, api: API, path: str, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint(url="https://hooks.example.com/in")
        first = make_delivery(endpoint, "Failure")
        fields = EventDelivery.objects.filter(pk=first.pk).values().get()
        EventDelivery.objects.bulk_create(EventDelivery(**fields | {"uid": new_ulid()}) for _ in range(2_999))
        # A paused endpoint's deliveries wait, and nothing is sent.
        pause_endpoint(project.uid, endpoint.uid)
        job = api.post(path).data["uid"]
        for done in (1, 1_001):
            with Deliver() as worker:
                eventually(Job.objects.filter(pk=job, done__gte=done).exists, "the job goes on")
                worker.process.kill()
        with Deliver():
            eventually(lambda: Job.objects.get(pk=job).status == "finished", "the job is finished")
        assert Job.objects.get(pk=job).done == 3_000
        assert not EventDelivery.objects.filter(status="Failure").exists()


@pytest.mark.parametrize("kind", ["static token", "session token"])
class TestCustomers:
    def test_to_their_own_endpoints_alone(self, project: Project, make_endpoint: MakeEndpoint, kind: str) -> None:
        own, foreign = make_endpoint(owner_id="acme"), make_endpoint(owner_id="globex")
        rows = [make_delivery(target, "Failure") for target in (own, foreign)]
        caller = customer(project, kind, owner_id="acme")
        job = caller.post("/eventdeliveries/batchretry/jobs").data
        work_off_all()
        found = caller.get(f"/jobs/{job['uid']}").data
        assert (found["status"], found["total"], found["done"]) == ("finished", 1, 1)
        assert statuses(rows) == ["Scheduled", "Failure"]
        other = customer(project, kind, owner_id="globex")
        assert other.get(f"/jobs/{job['uid']}").error == (401, "unauthorized")

    def test_without_an_endpoint_it_finds_none(self, project: Project, make_endpoint: MakeEndpoint, kind: str) -> None:
        foreign = make_delivery(make_endpoint(owner_id="globex"), "Failure")
        caller = customer(project, kind, owner_id="acme")
        assert caller.post("/eventdeliveries/batchretry/jobs").status == 202
        work_off_all()
        assert (Job.objects.get().total, statuses([foreign])) == (0, ["Failure"])

    def test_an_endpoint_that_changes_its_owner_meanwhile_gets_nothing(
        self, project: Project, make_endpoint: MakeEndpoint, kind: str
    ) -> None:
        own, moved = make_endpoint(owner_id="acme"), make_endpoint(owner_id="acme")
        rows = [make_delivery(target, "Failure") for target in (own, moved)]
        customer(project, kind, owner_id="acme").post("/eventdeliveries/batchretry/jobs")
        update_endpoint(project.uid, moved.uid, url=moved.url, name=moved.name, owner_id="globex")
        work_off_all()
        assert statuses(rows) == ["Scheduled", "Failure"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("startDate=now", "please specify a startDate in the format 2006-01-02T15:04:05"),
        ("idempotencyKey=unknown", "event not found"),
    ],
)
def test_a_filter_that_is_invalid(api: API, path: str, query: str, message: str) -> None:
    with nothing_changes():
        assert api.post(f"{path}?{query}").error == (400, message)


@pytest.mark.slow
def test_hostile_values_are_stored_and_found_nothing_by(api: API, path: str) -> None:
    for value in ("%F0%9F%A6%84", "x" * 5000, "%FF", "%ED%A0%80", "'", '"', "\\u0000", "%5Cu0000", "\\"):
        answer: Any = api.post(f"{path}?eventId={value}&eventType={value}&status={value}")
        assert answer.status == 202, value
        work_off_all()
        assert not Job.objects.exclude(status="finished").exists(), value


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass
