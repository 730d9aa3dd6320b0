"""Claim deliveries, and make outcomes of them."""

from collections.abc import Set
from types import SimpleNamespace
from typing import Any, cast

import psycopg
from django.utils import timezone

from core.ulid import new_ulid
from engine import queue
from engine.choice import Unsettled
from engine.outcomes import Attempt, Outcome
from engine.parts import Place, View
from engine.queue import Claimed
from engine.targets import Target
from tests.engine.engine import on_a_connection


async def claim(
    connection: psycopg.AsyncConnection[Any],
    slots: int = 100,
    cap: int = 10,
    unsettled: Set[Unsettled] = frozenset(),
    place: Place | None = None,
    **given: Any,
) -> Claimed:
    """Look at the whole queue from `place` on, unless there is a `view`."""
    if place is not None:
        given["view"] = View()
        given["view"].places[None] = place
    return await queue.claim(
        connection, slots=slots, cap=cap, lease_seconds=lambda target: 60, unsettled=unsettled, **given
    )


def claimed(slots: int = 100, cap: int = 10) -> list[str]:
    """The ids of what one look into the queue takes."""
    found = on_a_connection(lambda connection: claim(connection, slots, cap))
    return [claim.delivery.uid for claim in found.claims]


def outcome(claim: queue.Claim, **fields: Any) -> Outcome:
    """A success, unless `fields` of the outcome, and of its attempt, say something else."""
    now = timezone.now()
    attempt: dict[str, Any] = {
        "uid": new_ulid(),
        "url": claim.target.url,
        "ip_address": "203.0.113.7",
        "request_headers": "{}",
        "response_headers": "{}",
        "http_status": "200 OK",
        "response_data": "ok",
        "error": "",
        "succeeded": True,
        "requested_at": now,
        "responded_at": now,
    }
    attempt |= {name: fields.pop(name) for name in attempt if name in fields}
    given = {"status": "Success", "description": "", "delay": None, "latency_seconds": 0.1} | fields
    return Outcome(claim=claim, attempt=Attempt(**attempt), **given)


def failed(claim: queue.Claim, **fields: Any) -> Outcome:
    """A failed attempt that is answered with 404, the delivery's last one unless a `delay` is given."""
    given = {"status": "Retry" if "delay" in fields else "Failure", "http_status": "404 Not Found", "succeeded": False}
    return outcome(claim, **given | fields)


def holder(project_id: str, owner_id: str, uid: str = "e") -> Target:
    """All of an endpoint that its share depends on."""
    return cast(Target, SimpleNamespace(project_id=project_id, owner_id=owner_id, uid=uid))
