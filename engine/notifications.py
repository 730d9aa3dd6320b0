"""Send notifications about endpoints by e-mail, to Slack and to Teams.

Contract: docs/contract/deliveries.md#notifications.

endpoints/disabling.py queues the messages. They are claimed under a lease, sent outside of any transaction, and tried
again for a day, so that none is lost while a mail or chat server is down.
"""

import asyncio
import smtplib
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.core.mail import EmailMessage
from psycopg.rows import class_row

from core.api.values import wire_time
from core.encryption import UndecryptableValue, context_of, decrypt
from core.storable_text import storable
from endpoints.email_addresses import is_confirmed
from endpoints.models import AlertSettings, Notification
from engine.database import Pool, write_outcome
from outbound.client import Outbound
from outbound.retries import delay_seconds

CHAT_TIMEOUT_SECONDS = 10
#: A mail server may use up its timeout several times: at the greeting, the login and the text.
LEASE_SECONDS = 120
#: Mails have these threads for themselves, so that none waits for a thread while its lease runs.
MAILS_AT_ONCE = 4
WINDOW = 2000
FIRST_PAUSE_SECONDS = 30
GIVEN_UP_AFTER = timedelta(days=1)
TEAMS_BYTES = 4096
#: Marks an alert to a webhook of the customer's own, with its kind.
ALERT_HEADER = "webhook-alert"
SENDER = f"Convoy/{settings.VERSION}"
NO_MAIL_SERVER = "no mail server is configured (EMAIL_URL)"
NOT_CONFIRMED = "the reader of the address has not confirmed it"
NO_CHANNEL = "the endpoint is gone, or no longer has this channel"

Channel = Notification.Channel

_mail_threads = ThreadPoolExecutor(MAILS_AT_ONCE, "mail")

#: Give due messages a lease: mails and chat messages each in their own number. Projects take turns among the WINDOW
#: messages that have waited longest.
_CLAIM = f"""
WITH oldest AS (
  (SELECT uid, endpoint_id, due_at, true AS is_mail FROM endpoints_notification
   WHERE due_at <= now() AND channel = '{Channel.EMAIL}' ORDER BY due_at LIMIT {WINDOW})
  UNION ALL
  (SELECT uid, endpoint_id, due_at, false FROM endpoints_notification
   WHERE due_at <= now() AND channel <> '{Channel.EMAIL}' ORDER BY due_at LIMIT {WINDOW})
), placed AS (
  SELECT o.uid, o.due_at, o.is_mail, row_number() OVER (PARTITION BY e.project_id, o.is_mail ORDER BY o.due_at) AS place
  FROM oldest o JOIN endpoints_endpoint e ON e.uid = o.endpoint_id
), chosen AS (
  (SELECT uid FROM placed WHERE is_mail ORDER BY place, due_at LIMIT %(mails)s)
  UNION ALL
  (SELECT uid FROM placed WHERE NOT is_mail ORDER BY place, due_at LIMIT %(limit)s)
), due AS (
  SELECT n.uid FROM endpoints_notification n JOIN chosen ON chosen.uid = n.uid
  WHERE n.due_at <= now() FOR UPDATE OF n SKIP LOCKED
)
UPDATE endpoints_notification n SET lease = %(lease)s, due_at = now() + %(seconds)s * interval '1 second'
FROM due, endpoints_endpoint e, projects_project p
WHERE n.uid = due.uid AND e.uid = n.endpoint_id AND p.uid = e.project_id
RETURNING n.uid, n.channel, n.alert, n.subject, n.text, n.num_trials, n.created_at, e.uid AS endpoint_id,
  e.name AS endpoint_name, p.name AS project_name,
  (SELECT a.chosen FROM endpoints_alertsettings a
   WHERE a.endpoint_id = e.uid AND e.deleted_at IS NULL AND p.deleted_at IS NULL) AS chosen,
  (SELECT a.email_confirmed FROM endpoints_alertsettings a WHERE a.endpoint_id = e.uid) AS confirmed, CASE
    WHEN e.deleted_at IS NOT NULL OR p.deleted_at IS NOT NULL THEN ''
    WHEN n.channel = '{Channel.EMAIL}' THEN e.support_email
    WHEN n.channel = '{Channel.SLACK}' THEN e.slack_webhook_url
    ELSE e.teams_webhook_url
  END AS address
"""  # noqa: S608 - only this module's own text
#: Write the outcome of a message whose lease is unchanged.
_SETTLE = """
UPDATE endpoints_notification
SET num_trials = num_trials + 1, error = %(error)s, sent_at = CASE WHEN %(sent)s THEN now() END,
  due_at = now() + %(delay)s * interval '1 second', lease = NULL
WHERE uid = %(uid)s AND lease = %(lease)s
"""


@dataclass(slots=True)
class Claim:
    """A message to send now. `address` is the endpoint's on the message's channel, empty where it no longer has one.

    An alert goes to the address that is set in `chosen`, the encrypted settings, in its place.
    """

    uid: str
    channel: str
    alert: str
    subject: str
    text: str
    num_trials: int
    created_at: datetime
    endpoint_id: str
    endpoint_name: str
    project_name: str
    chosen: bytes | None
    #: The digest of the e-mail address in `chosen` whose reader has confirmed it.
    confirmed: bytes | None
    address: str

    def __post_init__(self) -> None:
        if self.alert:
            self.address = ""


class _Pointless(Exception):
    """The message can never be sent; the text says why."""


class _Failed(Exception):
    """The message was not accepted this time; the text says why, and holds no credential."""


async def send_due(pool: Pool, outbound: Outbound | None = None, *, limit: int = 20) -> int:
    """Claim up to `limit` chat messages and MAILS_AT_ONCE mails that are due, send them, and write each outcome.

    Returns the number of messages. Chat messages have an Outbound of their own, which never reaches a private address,
    whatever the operator allows for deliveries; `outbound` replaces it.
    """
    lease = uuid.uuid4()
    async with pool.connection() as connection, connection.cursor(row_factory=class_row(Claim)) as cursor:
        await cursor.execute(_CLAIM, {"limit": limit, "mails": MAILS_AT_ONCE, "lease": lease, "seconds": LEASE_SECONDS})
        claims = await cursor.fetchall()
    async with AsyncExitStack() as stack:
        if outbound is None and any(claim.channel != Channel.EMAIL for claim in claims):
            outbound = await stack.enter_async_context(Outbound())
        results = await asyncio.gather(
            *(_deliver(pool, outbound, claim, lease) for claim in claims), return_exceptions=True
        )
    for result in results:
        if isinstance(result, BaseException):
            # This message is sent again once its lease has ended. The others are done.
            raise result
    return len(claims)


async def _deliver(pool: Pool, outbound: Outbound | None, claim: Claim, lease: uuid.UUID) -> None:
    error, delay = "", None
    try:
        await _send(outbound, claim)
    except _Pointless as problem:
        error = str(problem)
    except _Failed as problem:
        error = str(problem)
        pause = delay_seconds("exponential", FIRST_PAUSE_SECONDS, claim.num_trials)
        if datetime.now(UTC) + timedelta(seconds=pause) < claim.created_at + GIVEN_UP_AFTER:
            delay = pause
    outcome = {"uid": claim.uid, "lease": lease, "error": error, "sent": not error, "delay": delay}
    await write_outcome(pool, _SETTLE, outcome)


async def _send(outbound: Outbound | None, claim: Claim) -> None:
    """Send one message. Raises _Pointless and _Failed."""
    if claim.alert and claim.chosen is not None:
        try:
            chosen = orjson.loads(decrypt(claim.chosen, context_of(AlertSettings, "chosen"), claim.endpoint_id))
        except UndecryptableValue as problem:
            # Another worker may have the key that this one lacks.
            raise _Failed(str(problem)) from None
        claim.address = chosen.get(claim.channel, "")
        asks = claim.alert == Notification.CONFIRM
        if claim.channel == Channel.EMAIL and not asks and not is_confirmed(claim.address, claim.confirmed):
            raise _Pointless(NOT_CONFIRMED)
    if not claim.address:
        raise _Pointless(NO_CHANNEL)
    if claim.channel == Channel.EMAIL:
        await asyncio.get_running_loop().run_in_executor(_mail_threads, _mail, claim)
        return
    assert outbound is not None  # noqa: S101 - send_due has made one
    headers = [("Content-Type", "application/json"), ("User-Agent", SENDER)]
    match claim.channel:
        case Channel.SLACK:
            message = slack_message(claim.text)
        case Channel.TEAMS:
            message = teams_message(claim.text)
        case _:
            message = hook_message(claim)
            headers.append((ALERT_HEADER, claim.alert))
    exchange = await outbound.post(
        claim.address,
        headers=headers,
        body=orjson.dumps(message),
        timeout=CHAT_TIMEOUT_SECONDS,
    )
    if exchange.is_permanent:
        raise _Pointless(exchange.error)
    if exchange.status is None:
        raise _Failed(exchange.error)
    if not 200 <= exchange.status < 300:
        raise _Failed(f"answered {exchange.status} {exchange.reason}".rstrip())


def _mail(claim: Claim) -> None:
    if not settings.EMAIL_HOST:
        raise _Pointless(NO_MAIL_SERVER)
    body = f"Project: {claim.project_name}\nEndpoint: {claim.endpoint_name}\n\n{claim.text}\n"
    if claim.alert == Notification.CONFIRM:
        # A reader who has not agreed to alerts gets no text that a customer has chosen.
        body = f"{claim.text}\n"
    try:
        EmailMessage(claim.subject, body, to=[claim.address]).send()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise _Failed(storable(f"{type(error).__name__}: {error}")[:500]) from None


def hook_message(claim: Claim) -> dict[str, Any]:
    """Return the alert for a webhook of the customer's own."""
    return {
        "type": f"endpoint.{claim.alert}",
        "id": claim.uid,
        "created_at": wire_time(claim.created_at),
        "endpoint": {"id": claim.endpoint_id, "name": claim.endpoint_name},
        "subject": claim.subject,
        "text": claim.text,
    }


def slack_message(text: str) -> dict[str, Any]:
    """Return the message for a Slack webhook: `text` as one attachment, escaped.

    The text quotes an endpoint's answer, which may hold mentions such as <!channel>.
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"attachments": [{"author_name": SENDER, "text": escaped}]}


def teams_message(text: str) -> dict[str, Any]:
    """Return the message for a Teams webhook: an adaptive card with one block of `text`, cut at TEAMS_BYTES."""
    cut = text.encode()[:TEAMS_BYTES].decode(errors="ignore")
    return {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "body": [{"type": "TextBlock", "text": cut, "wrap": True}],
                },
            }
        ],
    }
