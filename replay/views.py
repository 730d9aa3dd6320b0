"""Answer the operations of the Convoy API that replay events. Contract: docs/contract/events.md#replay."""

from types import NoneType

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.documents import CountDocument
from core.api.openapi import Outcome
from core.api.parameters import is_true
from core.api.time_limit import time_limit
from events.documents import EventDocument
from events.reads import is_search
from events.views import EventView
from jobs.documents import JobDocument, job_document
from replay import openapi
from replay.exceptions import CountTooSlow, SearchNotSupported
from replay.jobs import create_replay_job
from replay.operations import batch_replay, originals, replay_event

SECONDS_TO_COUNT = 1


class ReplayEvent(EventView):
    """Replay one event."""

    @openapi.replay_event
    def put(self, request: Request, projectID: str, eventID: str) -> EventDocument:  # noqa: N803
        """Match the event with the present subscriptions and create new deliveries; a body is ignored."""
        replay_event(projectID, eventID)
        return self.event(eventID)


class BatchReplay(EventView):
    """Replay many events."""

    @openapi.batch_replay_events
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Replay the events that the query chooses; a body is ignored."""
        refuse_search(request, openapi.BATCH_REPLAY)
        tally = batch_replay(projectID, self.chosen(request))
        return openapi.batch_replay_events.answer(None, Outcome(tally.message, NoneType))


class BatchReplayJobs(EventView):
    """Replay any number of events."""

    @openapi.create_replay_job
    def post(self, request: Request, projectID: str) -> JobDocument:  # noqa: N803
        """Store a job that replays the events that the query chooses; a body is ignored."""
        refuse_search(request, openapi.BATCH_REPLAY)
        job = create_replay_job(projectID, self.wanted(request), is_dry_run=is_true(request, "dry_run"))
        return job_document(job)


class CountBatchReplay(EventView):
    """Count the events that a batch replay would replay."""

    @openapi.count_affected_events
    def get(self, request: Request, **_: str) -> CountDocument:
        """Count the events that the query chooses."""
        refuse_search(request, openapi.BATCH_REPLAY_COUNT)
        rows = originals(self.chosen(request))
        with time_limit(SECONDS_TO_COUNT, CountTooSlow.message):
            return {"num": rows.count()}


def refuse_search(request: Request, doing: str) -> None:
    """Raise InvalidInput where a request for a batch has `query` or `body`; `doing` names the operation."""
    if is_search(request):
        raise SearchNotSupported(doing=doing)
