"""Take in events with the least work, by bare WSGI and one committed INSERT: the floors of `script/bench events`.

The body is parsed and the key's digest computed, but nothing is looked up, matched or validated. `event` writes the
event's row alone. `with_delivery` also writes the row of its delivery, in the same statement, which is the least that
the contract asks for.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from bench.floor import Start, digest, run
from core.ulid import new_ulid

INSERT = """
INSERT INTO events_event (uid, project_id, channel, event_type, endpoints, owner_id, headers, data, idempotency_key,
  is_duplicate_event, status, failure_reason, created_at, updated_at)
VALUES (%s, %s, 'direct', %s, %s, '', '{}', %s, '', false, 'Success', '', %s, %s) RETURNING uid
"""
INSERT_BOTH = f"""
WITH event AS ({INSERT}) INSERT INTO events_eventdelivery
  (uid, project_id, event_id, endpoint_id, subscription_id, event_type, delivery_mode, status, description, strategy,
   interval_seconds, retry_limit, num_trials, num_trials_before, next_send_time, latency_seconds, due_at, is_parked,
   created_at, updated_at)
SELECT %s, %s, uid, %s, %s, %s, 'at_least_once', 'Scheduled', '', 'linear', 100, 10, 0, 0, %s, 0, %s, false, %s, %s
FROM event RETURNING event_id
"""  # noqa: S608 - only this module's own text


def _floor(insert: Callable[[str, dict[str, Any], datetime], str]) -> Any:
    """Return a WSGI application that answers POST /events with the id that `insert` returns."""

    def application(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"].split("/")
        if path[1] == "healthz":
            start_response("200 OK", [])
            return [b""]
        digest(environ["HTTP_AUTHORIZATION"].removeprefix("Bearer "))
        uid = insert(path[4], orjson.loads(environ["wsgi.input"].read()), datetime.now(UTC))
        answer = orjson.dumps({"status": True, "message": "Event queued successfully", "data": {"uid": uid}})
        start_response("201 Created", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]

    return application


def _row(project_id: str, sent: dict[str, Any], now: datetime) -> tuple[Any, ...]:
    data = orjson.dumps(sent["data"]).decode()
    return (new_ulid(), project_id, sent["event_type"], [sent["endpoint_id"]], data, now, now)


def _event(project_id: str, sent: dict[str, Any], now: datetime) -> str:
    ((uid,),) = run((INSERT, _row(project_id, sent, now)))[0]
    return str(uid)


def _both(project_id: str, sent: dict[str, Any], now: datetime) -> str:
    # The endpoint's id stands in for the subscription's, which nobody reads here.
    delivery = (new_ulid(), project_id, sent["endpoint_id"], sent["endpoint_id"], sent["event_type"])
    ((uid,),) = run((INSERT_BOTH, (*_row(project_id, sent, now), *delivery, now, now, now, now)))[0]
    return str(uid)


event = _floor(_event)
with_delivery = _floor(_both)
