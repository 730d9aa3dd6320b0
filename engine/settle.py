"""Settle a batch of outcomes in one transaction: deliveries, attempts, meta events and disabled endpoints."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from endpoints.disabling import disable_endpoint
from engine.attempt import GONE
from engine.meta_emission import Finished, emit_delivery_events, wants_meta_event
from engine.outcomes import Outcome, finish
from outbound.retries import LIMIT_REACHED
from outbound.states import Status

#: Tell whether an endpoint has accepted a later delivery: one event that it refuses does not make it broken.
_HAS_SUCCEEDED_SINCE = f"""
SELECT EXISTS (
  SELECT 1 FROM events_eventdelivery
  WHERE endpoint_id = %s AND uid > %s AND status = '{Status.SUCCESS}' AND test = ''
)
"""  # noqa: S608 - only this module's own text


async def settle(connection: AsyncConnection[Any], outcomes: Sequence[Outcome]) -> None:
    """Write outcomes, but for those whose delivery another worker has claimed since.

    An endpoint is disabled when one of its deliveries has used up its attempts, or was answered with 410 Gone, and the
    project wants that.
    Deliveries that have ended make meta events. Test events do neither.
    Contract: docs/contract/deliveries.md#disabling and docs/contract/meta-events.md#types.
    """
    if all(outcome.status == Status.SUCCESS and not wants_meta_event(_finished(outcome)) for outcome in outcomes):
        # Nothing follows from almost all batches: BEGIN and COMMIT would be round trips for a single statement.
        await finish(connection, outcomes)
        return
    async with connection.transaction():
        written = await finish(connection, outcomes)
        ended = [
            outcome
            for outcome in outcomes
            if outcome.delay is None and outcome.claim.delivery.uid in written and not outcome.claim.delivery.test
        ]
        await emit_delivery_events(connection, [_finished(outcome) for outcome in ended])
        gone = {outcome.claim.target.uid: outcome for outcome in ended if outcome.description == GONE}
        exhausted = {
            # Of several deliveries of an endpoint the latest decides.
            outcome.claim.target.uid: outcome
            for outcome in sorted(ended, key=lambda outcome: outcome.claim.delivery.uid)
            if outcome.description == LIMIT_REACHED and outcome.claim.target.project_config["disable_endpoint"]
        }
        # In the order of their ids, so that workers do not block each other.
        for endpoint_id in sorted(exhausted.keys() | gone.keys()):
            if endpoint_id in gone:
                attempt = gone[endpoint_id].attempt
                await disable_endpoint(
                    connection,
                    endpoint_id=endpoint_id,
                    failure=GONE,
                    response_body=attempt.response_data,
                    gone_url=attempt.url,
                )
            if endpoint_id in exhausted:
                await _disable_exhausted(connection, endpoint_id, exhausted[endpoint_id])


def _finished(outcome: Outcome) -> Finished:
    target = outcome.claim.target
    return Finished(outcome.claim.delivery.uid, outcome.status, target.project_id, target.project_meta_event)


async def _disable_exhausted(connection: AsyncConnection[Any], endpoint_id: str, outcome: Outcome) -> None:
    found = await connection.execute(_HAS_SUCCEEDED_SINCE, [endpoint_id, outcome.claim.delivery.uid])
    row = await found.fetchone()
    if row is not None and row[0]:
        return
    attempt = outcome.attempt
    code = attempt.http_status.partition(" ")[0]
    await disable_endpoint(
        connection,
        endpoint_id=endpoint_id,
        failure=attempt.error or LIMIT_REACHED,
        response_body=attempt.response_data,
        status_code=int(code) if code else 0,
    )
