"""Disable failing endpoints, reactivate them, and queue the notifications.

Contract: docs/contract/deliveries.md#disabling.

A notification is a row that is written in the transaction of the change, so that neither exists without the other.
engine/notifications.py sends it.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.db.models.functions import Now
from psycopg import AsyncConnection
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb

from activity.operations import Done, Verb, record_async
from core.actors import CIRCUIT_BREAKER, SERVER
from core.storable_text import storable
from core.ulid import new_ulid
from endpoints.models import Endpoint, EndpointState, Notification

Channel = Notification.Channel

STATUS_UPDATE = "Endpoint Status Update"
BREAKER_SUBJECT = "Endpoint Disabled - Circuit Breaker Triggered"
#: The most characters of an answer's body that a message quotes.
QUOTED_CHARACTERS = 1000

_DISABLE = f"""
UPDATE endpoints_endpoint e SET status = '{Endpoint.Status.INACTIVE}', updated_at = now(),
  status_since = now(), status_actor = %s, status_reason = coalesce(
    (SELECT nullif(s.last_failure_text, '') FROM endpoints_endpointstate s WHERE s.endpoint_id = e.uid), %s
  )
FROM projects_project p
WHERE e.uid = %s AND e.status = '{Endpoint.Status.ACTIVE}' AND e.deleted_at IS NULL
  AND p.uid = e.project_id AND CASE WHEN %s::text IS NULL THEN (p.config -> 'disable_endpoint')::boolean
    ELSE p.ends_gone_endpoints AND e.url = %s END
RETURNING e.project_id, e.owner_id, e.status_reason, e.url, e.name, e.support_email, e.slack_webhook_url,
  e.teams_webhook_url
"""  # noqa: S608 - only this module's own text
_NOTIFY = """
INSERT INTO endpoints_notification
  (uid, endpoint_id, channel, subject, text, num_trials, error, created_at, due_at)
VALUES (%s, %s, %s, %s, %s, 0, '', now(), now())
"""


class Message(NamedTuple):
    """A message to one channel; `uid` is the notification's id."""

    uid: str
    channel: Channel
    subject: str
    text: str


async def disable_endpoint(
    connection: AsyncConnection[Any],
    *,
    endpoint_id: str,
    failure: str,
    response_body: str = "",
    status_code: int = 0,
    failure_rate: float | None = None,
    gone_url: str | None = None,
) -> bool:
    """Make an active endpoint inactive, within the caller's transaction, and queue a message to each of its channels.

    `failure` is the reason, for people, without any credential. `response_body` and `status_code` are
    those of the last answer, `failure_rate` (in percent) is given where the circuit breaker decided.
    `gone_url` is the URL that has answered 410 Gone. Returns whether this call has changed the endpoint: one that
    is not active, whose project does not have `disable_endpoint` (with `gone_url`: `ends_gone_endpoints`), or whose
    URL is no longer `gone_url`, stays as it is.
    """
    actor = SERVER if failure_rate is None else CIRCUIT_BREAKER
    reason = storable(failure)
    async with connection.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(_DISABLE, [Jsonb(asdict(actor)), reason, endpoint_id, gone_url, gone_url])
        row: Any = await cursor.fetchone()
        if row is None:
            return False
        body = storable(response_body)[:QUOTED_CHARACTERS]
        if gone_url is not None:
            cause = f"endpoint url ({row.url}) answered 410 Gone, endpoint response body ({body})"
        elif failure_rate is None:
            cause = (
                f"failed to send event delivery to endpoint url ({row.url}) after retry limit was hit, endpoint "
                f'response body ({body}) and status code was {status_code}, reason for failure is "{reason}"'
            )
        else:
            cause = (
                f'endpoint url ({row.url}) has been disabled, reason for failure is "{reason}" with a failure rate '
                f"of {failure_rate:.2f}%"
            )
        subject = STATUS_UPDATE if failure_rate is None else BREAKER_SUBJECT
        messages = list(_messages(row, subject, f"{cause}, endpoint status is now inactive"))
        if messages:
            await cursor.executemany(
                _NOTIFY,
                [(each.uid, endpoint_id, str(each.channel), each.subject, each.text) for each in messages],
            )
    done = Done(
        Verb.ENDPOINT_DISABLED,
        row.owner_id,
        endpoint_id,
        endpoint_id,
        row.name,
        {"status": [str(Endpoint.Status.ACTIVE), str(Endpoint.Status.INACTIVE)], "reason": [None, reason]},
    )
    await record_async(connection, row.project_id, done, actor=actor)
    return True


def forget_failures(endpoints: "QuerySet[Endpoint]") -> None:
    """Close the circuit breakers of endpoints that become active, and count only failures from now on.

    Call it before the endpoints are locked: workers lock states in the order of their ids, and a state before
    its endpoint, so the same order here avoids deadlocks.
    """
    states = EndpointState.objects.filter(endpoint__in=endpoints.order_by().values("pk"))
    locked = list(states.order_by("pk").select_for_update().values_list("pk", flat=True))
    EndpointState.objects.filter(pk__in=locked).update(
        breaker=EndpointState.Breaker.CLOSED,
        consecutive_trips=0,
        counted_from=Now(),
        open_until=None,
        held_until=None,
        failed_in_a_row=0,
        failing_since=None,
    )


def close_breaker(endpoint: Endpoint) -> None:
    """Close the circuit breaker of an endpoint that has changed, and count only failures from now on.

    The endpoint's state is locked already.
    """
    EndpointState.objects.filter(pk=endpoint.pk).update(
        breaker=EndpointState.Breaker.CLOSED,
        consecutive_trips=0,
        counted_from=Now(),
        open_until=None,
        held_until=None,
    )


def notify_reactivated(endpoint: Endpoint) -> None:
    """Queue, within the caller's transaction, the message that an inactive endpoint is active again."""
    text = (
        f"endpoint url ({endpoint.url}) which was formerly dectivated has now been reactivated, "
        "endpoint status is now active"
    )
    Notification.objects.bulk_create(
        Notification(
            uid=message.uid,
            endpoint=endpoint,
            channel=message.channel,
            subject=message.subject,
            text=message.text,
        )
        for message in _messages(endpoint, STATUS_UPDATE, text)
    )


def _messages(endpoint: Any, subject: str, text: str) -> Iterator[Message]:
    """Yield a message for each channel that the endpoint has."""
    addresses = (
        (Channel.EMAIL, endpoint.support_email),
        (Channel.SLACK, endpoint.slack_webhook_url),
        (Channel.TEAMS, endpoint.teams_webhook_url),
    )
    for channel, address in addresses:
        if address:
            yield Message(new_ulid(), channel, subject, text)
