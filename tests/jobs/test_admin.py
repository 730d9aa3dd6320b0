"""The operators' pages of jobs."""

from typing import Any

import pytest
from django.test import Client

from jobs.models import Job
from projects.models import Project
from projects.operations import delete_project
from tests.jobs.rows import make_job

JOBS = "/admin/jobs/job/"


def act(client: Client, action: str, job: Job, **more: str) -> list[str]:
    """Run an action on a job; the messages that the next page shows."""
    response: Any = client.post(JOBS, {"action": action, "_selected_action": [job.uid]} | more, follow=True)
    return [str(message) for message in response.context["messages"]]


def test_the_list_shows_progress_of_live_projects(
    admin_client: Client, project: Project, other_project: Project
) -> None:
    job = make_job(project, is_counted=True, total=39560, done=12000, skipped=350)
    gone = make_job(other_project)
    delete_project(other_project.uid)
    for path in (JOBS, f"{JOBS}?status__exact=pending", f"{JOBS}?q={job.uid}", f"{JOBS}?project={project.uid}"):
        shown = admin_client.get(path).content.decode()
        assert job.uid in shown
        assert "12350 of 39560" in shown
        assert gone.uid not in shown
    assert "first_uid" in admin_client.get(f"{JOBS}{job.uid}/change/").content.decode()


@pytest.mark.slow
def test_an_operator_pauses_resumes_and_cancels(admin_client: Client, project: Project) -> None:
    job = make_job(project)
    for action, said, status in (("pause", "Paused", "paused"), ("resume", "Resumed", "pending")):
        assert act(admin_client, action, job) == [f"{said}: 1 job."]
        job.refresh_from_db()
        assert job.status == status
    asked = admin_client.post(JOBS, {"action": "cancel", "_selected_action": [job.uid]})
    assert "What they have done stays done." in asked.content.decode()
    job.refresh_from_db()
    assert job.status == "pending"
    assert act(admin_client, "cancel", job, confirmed="1") == ["Canceled: 1 job."]
    job.refresh_from_db()
    assert (job.status, job.finished_at is None) == ("canceled", False)
    assert "the job is over" in act(admin_client, "pause", job)[0]
