"""Word about endpoints, to a real mail server and real receivers.

Contract: docs/contract/deliveries.md#notifications.
"""

import asyncio
import email
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.utils import timezone
from pytest_django import Settings

from endpoints.models import Endpoint, Notification
from endpoints.operations import delete_endpoint
from engine import database
from engine.database import Pool
from engine.notifications import MAILS_AT_ONCE, NO_CHANNEL, NO_MAIL_SERVER, TEAMS_BYTES, send_due, teams_message
from outbound.client import Outbound
from projects.models import Project
from tests.outbound.receivers import Receiver
from tests.pools import LOOPBACK, outcomes_refused, with_outbound, with_pool
from tests.server import free_port

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Notification]


class MailServer:
    """Keep the messages that have arrived, and the answer to the next one."""

    def __init__(self) -> None:
        self.messages: list[tuple[list[str], Message]] = []
        self.answer = "250 taken"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        if self.answer.startswith("250"):
            self.messages.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content)))
        return self.answer


@pytest.fixture
def mail_server(settings: Settings) -> Iterator[MailServer]:
    handler = MailServer()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    # Under test Django keeps its mail in memory.
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    settings.DEFAULT_FROM_EMAIL = "webhooks@example.com"
    yield handler
    controller.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def endpoint(make_endpoint: Callable[..., Endpoint], receiver: Receiver) -> Endpoint:
    endpoint = make_endpoint(support_email="ops@example.com")
    # The API would refuse chats on this machine.
    endpoint.slack_webhook_url = receiver.url("/slack")
    endpoint.teams_webhook_url = receiver.url("/teams")
    endpoint.save()
    return endpoint


@pytest.fixture
def make(endpoint: Endpoint) -> Make:
    def make(channel: str, **fields: Any) -> Notification:
        return Notification.objects.create(
            **{"endpoint": endpoint, "channel": channel, "subject": "Endpoint Status Update", "text": "it is inactive"}
            | fields
        )

    return make


def test_projects_take_turns(
    make: Make, make_endpoint: Callable[..., Endpoint], other_project: Project, mail_server: MailServer
) -> None:
    for _ in range(MAILS_AT_ONCE + 1):
        make("email")
    other = make_endpoint(project_id=other_project.uid, support_email="other@example.com")
    make("email", endpoint=other)
    assert send() == MAILS_AT_ONCE
    assert ["other@example.com"] in [to for to, _ in mail_server.messages]


def send() -> int:
    return with_outbound(lambda pool, outbound: send_due(pool, outbound))


class TestChannels:
    def test_mail(self, mail_server: MailServer, make: Make) -> None:
        row = make("email", text='reason "timeout" ü')
        assert send() == 1
        [(to, message)] = mail_server.messages
        assert to == ["ops@example.com"]
        assert (message["Subject"], message["To"], message["From"]) == (
            "Endpoint Status Update",
            "ops@example.com",
            "webhooks@example.com",
        )
        body = message.get_payload(decode=True)
        assert isinstance(body, bytes)
        assert body.decode().split("\r\n") == ["Project: Orders", "Endpoint: Orders", "", 'reason "timeout" ü', ""]
        row.refresh_from_db()
        assert row.sent_at is not None
        assert (row.due_at, row.lease, row.error, row.num_trials) == (None, None, "", 1)

    def test_slack(self, receiver: Receiver, make: Make) -> None:
        row = make("slack", text="answer <!channel> & co")
        send()
        [request] = receiver.requests()
        assert request.path == "/slack"
        assert request.header("Content-Type") == "application/json"
        assert json.loads(request.body) == {
            "attachments": [{"author_name": "Convoy/0.1.0", "text": "answer &lt;!channel&gt; &amp; co"}]
        }
        row.refresh_from_db()
        assert row.sent_at is not None

    def test_teams(self, receiver: Receiver, make: Make) -> None:
        row = make("teams")
        send()
        [request] = receiver.requests()
        assert request.path == "/teams"
        [attachment] = json.loads(request.body)["attachments"]
        assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
        card = attachment["content"]
        assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
        assert card["body"] == [{"type": "TextBlock", "text": "it is inactive", "wrap": True}]
        row.refresh_from_db()
        assert row.sent_at is not None

    def test_a_text_for_teams_is_cut_between_characters(self) -> None:
        text = teams_message("x" + "ü" * 5000)["attachments"][0]["content"]["body"][0]["text"]
        assert len(text.encode()) == TEAMS_BYTES - 1
        assert text.endswith("ü")

    def test_the_channels_are_independent(self, mail_server: MailServer, receiver: Receiver, make: Make) -> None:
        receiver.answer("/slack", status=500)
        rows = [make(channel) for channel in ("email", "slack", "teams")]
        assert send() == 3
        for row in rows:
            row.refresh_from_db()
        assert [row.sent_at is not None for row in rows] == [True, False, True]


class TestFailures:
    @pytest.mark.parametrize(
        ("answer", "error"),
        [({"status": 500}, "answered 500 Internal Server Error"), ({"status": 302}, "answered 302 Found")],
    )
    def test_a_chat_that_does_not_take_it(
        self, receiver: Receiver, make: Make, answer: dict[str, Any], error: str
    ) -> None:
        receiver.answer("/slack", **answer)
        row = make("slack")
        send()
        row.refresh_from_db()
        assert (row.error, row.sent_at, row.num_trials) == (error, None, 1)
        assert row.due_at is not None
        assert timedelta(seconds=20) < row.due_at - timezone.now() <= timedelta(seconds=35)
        assert send() == 0

    def test_it_is_sent_in_the_end(self, receiver: Receiver, make: Make) -> None:
        receiver.answer_once("/slack", status=503, times=2)
        row = make("slack")
        for _ in range(3):
            send()
            Notification.objects.exclude(due_at=None).update(due_at=timezone.now())
        row.refresh_from_db()
        assert row.sent_at is not None
        assert (row.num_trials, row.error, row.due_at) == (3, "", None)

    def test_a_mail_server_that_refuses_for_now(self, mail_server: MailServer, make: Make) -> None:
        mail_server.answer = "451 later"
        row = make("email")
        send()
        row.refresh_from_db()
        assert "451" in row.error
        assert row.due_at is not None
        mail_server.answer = "250 taken"
        Notification.objects.update(due_at=timezone.now())
        send()
        assert len(mail_server.messages) == 1

    def test_a_mail_server_that_is_not_there(self, settings: Settings, make: Make) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
        row = make("email")
        send()
        row.refresh_from_db()
        assert row.error
        assert row.due_at is not None

    def test_no_mail_server_ends_it_with_a_reason(self, settings: Settings, make: Make) -> None:
        settings.EMAIL_HOST = ""
        row = make("email")
        send()
        row.refresh_from_db()
        assert (row.error, row.due_at, row.sent_at) == (NO_MAIL_SERVER, None, None)

    def test_after_a_day_it_is_given_up(self, receiver: Receiver, make: Make) -> None:
        receiver.answer("/slack", status=500)
        row = make("slack", created_at=timezone.now() - timedelta(hours=23, minutes=59, seconds=50), num_trials=12)
        send()
        row.refresh_from_db()
        assert (row.due_at, row.sent_at) == (None, None)
        assert row.error == "answered 500 Internal Server Error"

    def test_a_url_that_never_works_ends_it(self, endpoint: Endpoint, make: Make) -> None:
        Endpoint.objects.update(slack_webhook_url="https://user:hidden@hooks.slack.com/x")
        row = make("slack")
        send()
        row.refresh_from_db()
        assert row.due_at is None
        assert row.error
        assert "hidden" not in row.error

    def test_an_address_that_was_removed(self, receiver: Receiver, endpoint: Endpoint, make: Make) -> None:
        Endpoint.objects.update(slack_webhook_url="")
        row = make("slack")
        send()
        row.refresh_from_db()
        assert (row.error, row.due_at) == (NO_CHANNEL, None)

    def test_a_deleted_endpoint(self, receiver: Receiver, endpoint: Endpoint, make: Make) -> None:
        row = make("slack")
        delete_endpoint(endpoint.project_id, endpoint.uid)
        send()
        row.refresh_from_db()
        assert (row.error, row.due_at) == (NO_CHANNEL, None)
        assert receiver.requests() == []


class TestSafety:
    def test_chats_on_private_addresses_are_refused(self, receiver: Receiver, make: Make) -> None:
        row = make("slack")
        assert with_pool(lambda pool: send_due(pool)) == 1
        row.refresh_from_db()
        assert "address not allowed" in row.error
        assert receiver.requests() == []

    def test_a_lease_that_has_ended_is_claimed_again(self, receiver: Receiver, make: Make) -> None:
        row = make("slack", lease="6a1f3a0e-0000-4000-8000-000000000000", due_at=timezone.now())
        assert send() == 1
        row.refresh_from_db()
        assert row.sent_at is not None

    def test_one_whose_outcome_cannot_be_written_is_not_sent_again(
        self, mail_server: MailServer, receiver: Receiver, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database, "PAUSE_SECONDS", 0.05)
        rows = [make("email"), make("slack")]
        with outcomes_refused("endpoints_notification", times=5):
            assert send() == 2
        assert send() == 0
        for row in rows:
            row.refresh_from_db()
            assert row.sent_at is not None
            assert (row.num_trials, row.due_at) == (1, None)
        assert (len(mail_server.messages), len(receiver.requests())) == (1, 1)

    def test_two_workers_send_each_once(self, receiver: Receiver, make: Make) -> None:
        for _ in range(30):
            make("slack")

        async def work(pool: Pool) -> int:
            """Send in rounds of four, until none is due: of claims that meet at the same rows, only one has them."""
            sent = 0
            async with Outbound(allowed_networks=LOOPBACK) as outbound:
                while number := sum(await asyncio.gather(*(send_due(pool, outbound, limit=10) for _ in range(4)))):
                    sent += number
            return sent

        assert with_pool(work) == 30
        assert len(receiver.requests()) == 30
        assert not Notification.objects.filter(sent_at=None).exists()

    def test_no_more_mails_are_claimed_than_have_a_thread(self, mail_server: MailServer, make: Make) -> None:
        for _ in range(MAILS_AT_ONCE + 1):
            make("email")
        chat = make("slack")
        assert send() == MAILS_AT_ONCE + 1
        assert len(mail_server.messages) == MAILS_AT_ONCE
        chat.refresh_from_db()
        assert chat.sent_at is not None, "mails that wait do not hold up chats"
        assert send() == 1

    def test_mail_does_not_wait_for_other_work_in_threads(self, mail_server: MailServer, make: Make) -> None:
        make("email")
        is_over = threading.Event()

        async def work(pool: Pool) -> int:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
            busy = asyncio.create_task(asyncio.to_thread(is_over.wait, 60))
            try:
                async with asyncio.timeout(30):
                    return await send_due(pool)
            finally:
                is_over.set()
                await busy

        assert with_pool(work) == 1
        assert len(mail_server.messages) == 1

    def test_nothing_is_due(self, db: None) -> None:
        assert with_pool(lambda pool: send_due(pool)) == 0
