"""Jobs as rows, of a kind that replays every event."""

from typing import Any

from events.reads import EventFilter
from jobs.models import Job
from jobs.operations import work_off
from projects.models import Project
from replay.operations import REPLAY_JOB

EVERYTHING = EventFilter(first_uid="0" * 26, beyond_uid="Z" * 26)


def make_job(project: Project, **fields: Any) -> Job:
    return Job.objects.create(project=project, kind=REPLAY_JOB, parameters=EVERYTHING.parameters, **fields)


def work_off_all() -> None:
    for _ in range(200):
        if work_off():
            return
    raise AssertionError("there is no end to it")
