"""GET …/jobs, GET …/jobs/{jobID} and PUT …/jobs/{jobID}/pause, /resume, /cancel, on both APIs.

Contract: docs/contract/jobs.md.
"""

import pytest
from django.db import IntegrityError, connection, transaction

from activity.models import Activity
from activity.operations import Verb
from jobs.exceptions import JobUnderWay
from jobs.models import Job
from jobs.operations import create_job, pause_job, work_off
from projects.models import Project
from tests.conftest import API
from tests.hostile import UNREADABLE
from tests.jobs.rows import EVERYTHING, make_job, work_off_all
from tests.portal.api.customers import customer
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}/jobs"


@pytest.fixture
def job(project: Project) -> Job:
    return make_job(project)


def test_only_an_open_job_is_one_that_is_under_way(project: Project) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE jobs_job ADD CONSTRAINT job_of_another_name CHECK (total > 0)")
        with pytest.raises(IntegrityError, match="job_of_another_name"), transaction.atomic():
            create_job(project.uid, "batch_replay", {}, verb=Verb.EVENTS_REPLAYED)
        cursor.execute("ALTER TABLE jobs_job DROP CONSTRAINT job_of_another_name")
    create_job(project.uid, "batch_replay", {}, verb=Verb.EVENTS_REPLAYED)
    with pytest.raises(JobUnderWay):
        create_job(project.uid, "batch_replay", {}, verb=Verb.EVENTS_REPLAYED)


class TestReading:
    def test_a_job(self, api: API, path: str, job: Job, project: Project) -> None:
        answer = api.get(f"{path}/{job.uid}")
        assert (answer.status, answer.message) == (200, "Job fetched successfully")
        times = [answer.data.pop(name) for name in ("created_at", "updated_at")]
        assert all(times)
        assert answer.data == {
            "uid": job.uid,
            "project_id": project.uid,
            "kind": "batch_replay",
            "customer": "",
            "dry_run": False,
            "status": "pending",
            "reason": "",
            "total": None,
            "done": 0,
            "skipped": 0,
            "finished_at": None,
        }

    def test_the_newest_come_first(self, api: API, path: str, project: Project, job: Job) -> None:
        newer = make_job(project, customer="owner:acme")
        assert [row["uid"] for row in api.get(path).data["content"]] == [newer.uid, job.uid]
        page = api.get(f"{path}?perPage=1").data
        assert ([row["uid"] for row in page["content"]], page["pagination"]["has_next_page"]) == ([newer.uid], True)

    def test_the_statements_of_a_list(self, api: API, path: str, project: Project) -> None:
        counts = []
        for number in (1, 19):
            for more in range(number):
                make_job(project, customer=f"owner:{number}-{more}")
            with statements() as found:
                assert len(api.get(path).data["content"]) in (1, 20)
            counts.append(found)
        # The key, the page.
        assert counts[0] == counts[1] == ["SELECT projects_apikey", "SELECT jobs_job"]

    def test_a_customer_sees_its_own_alone(self, project: Project, job: Job) -> None:
        own, other = (make_job(project, customer=f"owner:{owner}") for owner in ("acme", "globex"))
        caller = customer(project, "static token", owner_id="acme")
        assert [row["uid"] for row in caller.get("/jobs").data["content"]] == [own.uid]
        for foreign in (job, other):
            for answer in (
                caller.get(f"/jobs/{foreign.uid}"),
                *(caller.put(f"/jobs/{foreign.uid}/{turn}") for turn in ("pause", "resume", "cancel")),
            ):
                assert answer.error == (401, "unauthorized")


class TestPause:
    def test_a_paused_job_waits_and_is_resumed_where_it_was(self, api: API, path: str, job: Job) -> None:
        work_off()
        answer = api.put(f"{path}/{job.uid}/pause", UNREADABLE[0])
        assert (answer.status, answer.message, answer.data["status"]) == (200, "Job paused successfully", "paused")
        assert work_off() > 0
        answer = api.put(f"{path}/{job.uid}/resume")
        assert (answer.status, answer.message, answer.data["status"]) == (200, "Job resumed successfully", "pending")
        work_off_all()
        assert api.get(f"{path}/{job.uid}").data["status"] == "finished"

    def test_pausing_twice_is_the_same_as_once(self, api: API, path: str, job: Job) -> None:
        for _ in range(2):
            assert api.put(f"{path}/{job.uid}/pause").data["status"] == "paused"


class TestCancel:
    def test_it_is_over(self, api: API, path: str, project: Project) -> None:
        job = create_job(project.uid, "batch_replay", EVERYTHING.parameters, verb=Activity.Verb.EVENTS_REPLAYED)
        answer = api.put(f"{path}/{job.uid}/cancel")
        assert (answer.status, answer.message, answer.data["status"]) == (200, "Job canceled successfully", "canceled")
        assert answer.data["finished_at"] is not None
        assert Activity.objects.get(pk=job.uid).count == 0
        assert work_off() > 0
        with nothing_changes():
            for turn in ("pause", "resume", "cancel"):
                assert api.put(f"{path}/{job.uid}/{turn}").error == (400, "the job is over")

    def test_a_paused_one_too(self, api: API, path: str, job: Job) -> None:
        pause_job(Job.objects.all(), job.uid)
        assert api.put(f"{path}/{job.uid}/cancel").data["status"] == "canceled"


@pytest.mark.parametrize("turn", ["pause", "resume", "cancel"])
class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    @pytest.fixture
    def call(self, path: str, job: Job, turn: str) -> Call:
        return lambda api: api.put(f"{path}/{job.uid}/{turn}")


@pytest.mark.parametrize("is_list", [True, False])
class TestReadingAuthentication(RefusesStrangers, RefusesOtherProjects):
    @pytest.fixture
    def call(self, path: str, job: Job, is_list: bool) -> Call:
        return lambda api: api.get(path if is_list else f"{path}/{job.uid}")
