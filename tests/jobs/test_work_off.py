"""The turns of jobs, and jobs that fail. Contract: docs/contract/jobs.md#processing."""

import threading
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

from jobs import operations
from jobs.models import Job
from jobs.operations import KINDS, Kind, Piece, work_off
from projects.models import Project
from projects.operations import delete_project
from tests.jobs.rows import work_off_all

#: The projects whose jobs got a piece, in order.
Served = list[str]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    """Has a kind of jobs that takes as many pieces as its parameters say."""
    seen: Served = []

    def work(job: Job) -> Piece:
        seen.append(job.project_id)
        number = int(job.cursor or 0) + 1
        return Piece(1, str(number) if number < job.parameters["pieces"] else None)

    monkeypatch.setitem(KINDS, "pieces", Kind(lambda job: Piece(job.parameters["pieces"], None), work))
    return seen


def make(project: Project, pieces: int = 1, **fields: Any) -> Job:
    return Job.objects.create(project=project, kind="pieces", parameters={"pieces": pieces}, **fields)


def test_projects_take_turns_however_many_jobs_they_have(
    project: Project, other_project: Project, served: Served
) -> None:
    for number in range(5):
        make(project, 4, customer=f"owner:{number}", is_counted=True)
    make(other_project, 5, is_counted=True)
    for _ in range(10):
        work_off()
    assert served == [project.uid, other_project.uid] * 5


def test_a_project_that_was_not_served_yet_comes_first(
    project: Project, other_project: Project, served: Served
) -> None:
    make(project, 9, is_counted=True)
    for _ in range(3):
        work_off()
    make(other_project, 1, is_counted=True)
    work_off()
    assert served == [project.uid] * 3 + [other_project.uid]


def test_the_jobs_of_one_project_take_turns(project: Project, served: Served) -> None:
    jobs = [make(project, 2, customer=f"owner:{number}", is_counted=True) for number in range(2)]
    for _ in range(2):
        work_off()
    assert [Job.objects.get(pk=job.pk).done for job in jobs] == [1, 1]


def test_one_that_cannot_be_worked_at_has_failed_and_holds_up_none(
    project: Project, other_project: Project, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Job.objects.create(project=project, kind="pieces", parameters={"of_another_version": 1})
    whole = make(other_project)
    work_off_all()
    broken.refresh_from_db()
    whole.refresh_from_db()
    assert (broken.status, whole.status) == ("failed", "finished")
    assert broken.finished_at is not None
    assert broken.uid in caplog.text


def test_after_trouble_of_the_database_the_piece_is_done_later(
    project: Project, other_project: Project, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make(project), make(other_project)
    work_at, seen = operations._work_at, []

    def canceled_once(job: Job) -> None:
        seen.append(job.uid)
        if len(seen) == 1:
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = 10")
                cursor.execute("SELECT pg_sleep(5)")
        work_at(job)

    monkeypatch.setattr(operations, "_work_at", canceled_once)
    with pytest.raises(OperationalError):
        work_off()
    work_off_all()
    assert seen[:2] == [first.uid, second.uid]
    assert set(Job.objects.values_list("status", flat=True)) == {"finished"}


def test_a_kind_of_another_version_and_a_deleted_project_wait(
    project: Project, other_project: Project, served: Served
) -> None:
    Job.objects.create(project=project, kind="of another version")
    make(other_project)
    delete_project(other_project.uid)
    assert work_off() > 0
    assert served == []


@pytest.mark.django_db(transaction=True)
class TestTwoWorkers:
    def test_one_job_is_worked_at_by_one(self, project: Project, served: Served) -> None:
        make(project, 5, is_counted=True)
        seen: list[float] = []

        def other_worker() -> None:
            seen.append(work_off())
            connections.close_all()

        with transaction.atomic():
            assert work_off() == 0
            thread = threading.Thread(target=other_worker)
            thread.start()
            thread.join(30)
        assert seen == [operations.IDLE_SECONDS]
        assert len(served) == 1
