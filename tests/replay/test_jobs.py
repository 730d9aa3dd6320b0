"""POST …/events/batchreplay/jobs, and the work behind it. Contract: docs/contract/events.md#replay-jobs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from activity.models import Activity
from core.ulid import first_ulid_at
from endpoints.models import Endpoint
from endpoints.operations import pause_endpoint, update_endpoint
from events.models import Event, EventDelivery
from jobs.models import Job
from jobs.operations import work_off
from projects.models import Project
from replay import jobs as replay_jobs
from replay import operations as replay
from tests.concurrency import at_once
from tests.conftest import API
from tests.deliveries.rows import make_event
from tests.engine.process import Deliver
from tests.events.conftest import MakeSubscription, Post
from tests.hostile import UNREADABLE
from tests.jobs.rows import work_off_all
from tests.portal.api.customers import customer
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements
from tests.waiting import eventually

MakeEndpoint = Callable[..., Endpoint]
UNDER_WAY = (400, "an active batch replay already exists")


@pytest.fixture
def jobs(path: str) -> str:
    return f"{path}/batchreplay/jobs"


@pytest.fixture
def call(jobs: str) -> Call:
    return lambda api: api.post(jobs)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_jobs, "REPLAY_CHUNK", 2)
    monkeypatch.setattr(replay_jobs, "COUNTED_IN_PIECE", 3)
    monkeypatch.setattr(replay_jobs, "LOOKED_AT_IN_PIECE", 3)


def new_deliveries() -> list[int]:
    """The number of deliveries of each event, oldest first."""
    return [EventDelivery.objects.filter(event=event).count() for event in Event.objects.order_by("pk")]


class TestWorks:
    def test_each_event_is_replayed_once_and_the_progress_is_told(
        self, api: API, project: Project, jobs: str, post: Post, endpoint: Endpoint, small_pieces: None
    ) -> None:
        for _ in range(7):
            post(endpoint_id=endpoint.uid)
        answer = api.post(jobs)
        assert (answer.status, answer.message) == (202, "Batch replay job accepted")
        job = f"/projects/{project.uid}/jobs/{answer.data['uid']}"
        assert (answer.data["status"], answer.data["total"], answer.data["done"]) == ("pending", None, 0)
        seen = []
        while not work_off():
            found = api.get(job).data
            seen.append((found["status"], found["total"], found["done"]))
        assert seen[:3] == [("running", None, 0), ("running", None, 0), ("running", 7, 0)]
        assert seen[-1] == ("finished", 7, 7)
        assert sorted(seen[3:], key=lambda row: row[2]) == seen[3:]
        assert len({done for _, _, done in seen}) > 3
        assert new_deliveries() == [2] * 7
        assert api.get(job).data["finished_at"] is not None

    @pytest.mark.slow
    def test_what_the_query_chooses_as_its_count_says(
        self, api: API, path: str, jobs: str, post: Post, endpoint: Endpoint, make_endpoint: MakeEndpoint
    ) -> None:
        other = make_endpoint(owner_id="globex")
        for target in (endpoint, other, endpoint):
            post(endpoint_id=target.uid)
        for query, expected in (
            (f"endpointId={endpoint.uid}", [2, 1, 2]),
            ("ownerId=globex", [2, 2, 2]),
            ("sourceId=x", [2, 2, 2]),
            ("brokerMessageId=x", [2, 2, 2]),
            ("idempotencyKey=x", [2, 2, 2]),
        ):
            count = api.get(f"{path}/countbatchreplayevents?{query}").data["num"]
            api.post(f"{jobs}?{query}")
            work_off_all()
            job = Job.objects.order_by("-pk")[0]
            assert (query, job.total, job.done) == (query, count, count)
            assert (query, new_deliveries()) == (query, expected)

    def test_what_comes_after_the_request_is_not_meant(
        self, api: API, project: Project, jobs: str, post: Post, endpoint: Endpoint
    ) -> None:
        post(endpoint_id=endpoint.uid)
        api.post(f"{jobs}?endDate=2999-01-01T00:00:00")
        later = first_ulid_at(timezone.now() + timedelta(seconds=1))
        make_event(project.uid, uid=later, endpoints=[endpoint.uid])
        work_off_all()
        assert new_deliveries() == [2, 0]

    def test_duplicates_are_left_out(self, api: API, jobs: str, post: Post, endpoint: Endpoint) -> None:
        for _ in range(2):
            post(endpoint_id=endpoint.uid, idempotency_key="key")
        api.post(jobs)
        work_off_all()
        assert new_deliveries() == [2, 0]
        assert Job.objects.get().total == 1

    def test_a_dry_run_counts_and_replays_nothing(
        self, api: API, jobs: str, post: Post, endpoint: Endpoint, small_pieces: None
    ) -> None:
        for _ in range(5):
            post(endpoint_id=endpoint.uid)
        assert api.post(f"{jobs}?dry_run=true").data["dry_run"] is True
        work_off_all()
        job = Job.objects.get()
        assert (job.status, job.total, job.done) == ("finished", 5, 0)
        assert new_deliveries() == [1] * 5
        assert not Activity.objects.filter(verb="events.replayed").exists()

    def test_events_with_many_deliveries_are_a_piece_each(
        self,
        api: API,
        jobs: str,
        post: Post,
        make_endpoint: MakeEndpoint,
        subscribe: MakeSubscription,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for _ in range(2):
            subscribe(make_endpoint())
        for _ in range(5):
            post("/broadcast")
        monkeypatch.setattr(replay, "REPLAY_DELIVERIES", 3)
        api.post(jobs)
        work_off_all()
        assert new_deliveries() == [4] * 5
        assert Job.objects.get().done == 5

    def test_it_is_recorded_with_its_number(self, api: API, jobs: str, post: Post, endpoint: Endpoint) -> None:
        post(endpoint_id=endpoint.uid)
        uid = api.post(jobs).data["uid"]
        row = Activity.objects.get(verb="events.replayed")
        assert (row.object_uid, row.count, row.actor_kind) == (uid, None, "api_key")
        work_off_all()
        row.refresh_from_db()
        assert row.count == 1

    @pytest.mark.parametrize("query", ["query=x", 'body={"a":1}'])
    def test_it_does_not_search(self, api: API, jobs: str, query: str) -> None:
        with nothing_changes():
            assert api.post(f"{jobs}?{query}").error == (400, "batch replay does not support search filters")

    def test_a_body_is_ignored(self, api: API, jobs: str) -> None:
        assert api.post(jobs, UNREADABLE[0]).status == 202


class TestOneAtATime:
    def test_a_second_one_and_a_batch_replay_are_refused_meanwhile(
        self, api: API, path: str, jobs: str, project: Project
    ) -> None:
        job = api.post(jobs).data["uid"]
        for turn in ("pause", "resume"):
            assert api.put(f"/projects/{project.uid}/jobs/{job}/{turn}").status == 200
            with nothing_changes():
                assert api.post(jobs).error == UNDER_WAY
                assert api.post(f"{path}/batchreplay").error == UNDER_WAY
        assert api.post(f"{jobs}?dry_run=true").status == 202
        work_off_all()
        assert api.post(f"{path}/batchreplay").status == 200
        assert api.post(jobs).status == 202

    def test_a_customers_is_another(
        self, api: API, jobs: str, project: Project, other_api: API, other_project: Project
    ) -> None:
        assert api.post(jobs).status == 202
        assert customer(project, "static token").post("/events/batchreplay/jobs").status == 202
        assert other_api.post(jobs.replace(project.uid, other_project.uid)).status == 202


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_created(api: API, jobs: str) -> None:
    answers = at_once(6, lambda _: api.post(jobs))
    assert sorted(answer.status for answer in answers) == [202, *[400] * 5]
    assert Job.objects.count() == 1


class TestCrash:
    """A worker that dies within a piece leaves nothing of it; the next one does it."""

    @pytest.mark.slow
    def test_nothing_is_lost_and_none_is_replayed_twice(
        self,
        api: API,
        jobs: str,
        post: Post,
        endpoint: Endpoint,
        small_pieces: None,
    ) -> None:
        for _ in range(7):
            post(endpoint_id=endpoint.uid)
        api.post(jobs)
        for number in range(100):
            # Every other piece is lost before its commit.
            with transaction.atomic():
                idle = work_off()
                transaction.set_rollback(number % 2 == 0)
            if idle:
                break
        assert new_deliveries() == [2] * 7
        job = Job.objects.get()
        assert (job.total, job.done, job.skipped, job.status) == (7, 7, 0, "finished")

    def test_the_statements_of_a_piece(
        self, api: API, jobs: str, post: Post, endpoint: Endpoint, small_pieces: None
    ) -> None:
        for _ in range(2):
            post(endpoint_id=endpoint.uid)
        api.post(jobs)
        with statements() as counting:
            work_off()
        # Whether there is any; the job; how to plan; the end of the piece, and its number, in order of ids; the place.
        assert counting == [
            *("SELECT jobs_job", "LOCK jobs_job", "SELECT", "SELECT events_event"),
            *("SELECT", "SELECT events_event", "SELECT", "UPDATE jobs_job"),
        ]


@pytest.mark.parametrize("kind", ["static token", "session"])
class TestCustomers:
    @pytest.mark.slow
    def test_to_their_own_endpoints_alone(
        self, project: Project, post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription, kind: str
    ) -> None:
        own, foreign = make_endpoint(owner_id="acme"), make_endpoint(owner_id="globex")
        for target in (own, foreign):
            post(endpoint_id=target.uid)
        post("/broadcast")
        caller = customer(project, kind, owner_id="acme")
        job = caller.post("/events/batchreplay/jobs").data
        work_off_all()
        found = caller.get(f"/jobs/{job['uid']}").data
        assert (found["status"], found["total"], found["done"], found["skipped"]) == ("finished", 2, 1, 1)
        assert new_deliveries() == [2, 1, 2]
        other = customer(project, kind, owner_id="globex")
        assert other.get("/jobs").data["content"] == []
        assert other.get(f"/jobs/{job['uid']}").error == (401, "unauthorized")

    def test_an_endpoint_that_changes_its_owner_meanwhile_gets_nothing(
        self, project: Project, post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription, kind: str
    ) -> None:
        own, moved = make_endpoint(owner_id="acme"), make_endpoint(owner_id="acme")
        for target in (own, moved):
            post(endpoint_id=target.uid)
        assert customer(project, kind, owner_id="acme").post("/events/batchreplay/jobs").status == 202
        update_endpoint(project.uid, moved.uid, url=moved.url, name=moved.name, owner_id="globex")
        work_off_all()
        assert new_deliveries() == [2, 1]


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


@pytest.mark.slow
def test_hostile_values_are_stored_and_found_nothing_by(api: API, jobs: str) -> None:
    for value in ("%F0%9F%A6%84", "x" * 5000, "%FF", "%ED%A0%80", "'", '"', "\\u0000", "%5Cu0000", "\\"):
        answer: Any = api.post(f"{jobs}?ownerId={value}&brokerMessageId={value}&idempotencyKey={value}")
        assert answer.status in (202, 400), value
        work_off_all()
        assert not Job.objects.exclude(status="finished").exists(), value
        assert not Job.objects.exclude(total=0).exists(), value
    assert not EventDelivery.objects.exists()


@pytest.mark.server
@pytest.mark.django_db(transaction=True)
def test_workers_that_are_killed_lose_none_and_repeat_none(
    api: API, jobs: str, project: Project, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
) -> None:
    endpoint = make_endpoint(url="https://hooks.example.com/in")
    subscribe(endpoint)
    for _ in range(600):
        make_event(project.uid, endpoints=[endpoint.uid])
    # A paused endpoint's deliveries are made, and nothing is sent.
    pause_endpoint(project.uid, endpoint.uid)
    job = api.post(jobs).data["uid"]
    for done in (1, 200, 400):
        with Deliver() as worker:
            eventually(Job.objects.filter(pk=job, done__gte=done).exists, "the job goes on")
            worker.process.kill()
    with Deliver():
        eventually(lambda: Job.objects.get(pk=job).status == "finished", "the job is finished")
    assert Job.objects.get(pk=job).done == 600
    assert set(new_deliveries()) == {1}
