"""svix 2.9.1's messages, attempts and recovery, by the official client against the running server."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from svix.api import (
    ApplicationIn,
    EndpointIn,
    EventTypeIn,
    MessageAttemptListByMsgOptions,
    MessageCreateOptions,
    MessageGetOptions,
    MessageIn,
    MessageListOptions,
    Svix,
)
from svix.exceptions import HttpError, HTTPValidationError
from svix.models import (
    AppPortalAccessIn,
    BackgroundTaskStatus,
    BulkReplayIn,
    EndpointPatch,
    EventExampleIn,
    MessagePrecheckIn,
    MessageStatus,
    RecoverIn,
    ReplayIn,
    StatusCodeClass,
)
from svix.webhooks import Webhook

from tests.live.conftest import LiveProject
from tests.outbound.receivers import Receiver
from tests.waiting import eventually

APP = "acme"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def svix(project: LiveProject, connect_svix: Callable[[str], Svix]) -> Svix:
    """The client with the project's key, and an application."""
    client = connect_svix(project.key)
    client.application.create(ApplicationIn(name="Acme", uid=APP))
    client.event_type.create(EventTypeIn(name="invoice.paid", description="An invoice is paid"))
    return client


def message(**fields: Any) -> MessageIn:
    return MessageIn(**{"event_type": "invoice.paid", "payload": {"invoice": 991}} | fields)


def refused(failure: pytest.ExceptionInfo[HttpError]) -> tuple[int, str]:
    return failure.value.status_code, failure.value.code


def test_quick_start(svix: Svix, project: LiveProject, receiver: Receiver, connect_svix: Callable[[str], Svix]) -> None:
    app = svix.application.get_or_create(ApplicationIn(name="Acme", uid=APP))
    endpoint = svix.endpoint.create(app.id, EndpointIn(url=receiver.url("/in"), event_types=["invoice.paid"]))
    sent = svix.message.create(
        app.id,
        message(event_id="invoice-991", channels=["north"], tags=["billing"]),
        MessageCreateOptions(with_content=True),
    )
    assert (sent.event_id, sent.payload, sent.channels, sent.tags) == (
        "invoice-991",
        {"invoice": 991},
        ["north"],
        ["billing"],
    )
    [request] = receiver.wait_for(1)
    secret = svix.endpoint.get_secret(app.id, endpoint.id).key
    Webhook(secret).verify(request.body, dict(request.headers))
    assert request.body == b'{"invoice":991}'
    attempts = eventually(lambda: svix.message_attempt.list_by_msg(app.id, sent.id).data, "the attempt is listed")
    [attempt] = attempts
    assert (attempt.msg_id, attempt.endpoint_id, attempt.status) == (sent.id, endpoint.id, MessageStatus.SUCCESS)
    assert (attempt.response_status_code, attempt.trigger_type) == (200, 0)
    assert attempt == svix.message_attempt.get(app.id, sent.id, attempt.id).model_copy(update={"response": ""})
    assert svix.message_attempt.list_by_endpoint(app.id, endpoint.id).data == [attempt]
    svix.message_attempt.resend(app.id, sent.id, endpoint.id)
    assert receiver.wait_for(2)[1].body == request.body
    eventually(lambda: len(svix.message_attempt.list_by_msg(app.id, sent.id).data) == 2, "both are listed")
    both = svix.message_attempt.list_by_msg(app.id, sent.id).data
    assert [one.trigger_type for one in both] == [1, 0]
    [of_endpoint] = svix.message_attempt.list_attempted_messages(app.id, endpoint.id).data
    assert (of_endpoint.id, of_endpoint.status) == (sent.id, MessageStatus.SUCCESS)
    [at_endpoint] = svix.message_attempt.list_attempted_destinations(app.id, sent.id).data
    assert (at_endpoint.id, at_endpoint.url, at_endpoint.event_types) == (endpoint.id, endpoint.url, ["invoice.paid"])
    portal = svix.authentication.app_portal_access(app.id, AppPortalAccessIn())
    assert portal.url.startswith(project.server.url)
    customer = connect_svix(portal.token)
    assert [one.id for one in customer.message.list(app.id).data] == [sent.id]
    assert customer.message_attempt.list_by_endpoint(app.id, endpoint.id).data == both
    customer.message_attempt.resend(app.id, sent.id, endpoint.id)
    with pytest.raises(HttpError) as failure:
        customer.message.create(app.id, message())
    assert refused(failure) == (403, "permission_denied")
    receiver.wait_for(3)


def test_messages(svix: Svix) -> None:
    first = svix.message.create(APP, message(event_id="one", channels=["north"]))
    second = svix.message.create(APP, message(tags=["billing"], event_type="invoice.sent"))
    assert first.payload == {}
    read = svix.message.get(APP, "one", MessageGetOptions(with_content=True))
    assert (read.id, read.payload, read.timestamp) == (first.id, {"invoice": 991}, first.timestamp)
    assert svix.message.get(APP, second.id) == second

    def ids(**options: Any) -> list[str]:
        return [one.id for one in svix.message.list(APP, MessageListOptions(**options)).data]

    assert ids() == [second.id, first.id]
    assert ids(channel="north") == ids(event_types=["invoice.paid"]) == ids(before=second.timestamp) == [first.id]
    assert ids(tag="billing") == ids(event_types=["invoice.sent", "other"]) == [second.id]
    assert ids(after=datetime.now(UTC) + timedelta(hours=1)) == ids(channel="south") == []
    page = svix.message.list(APP, MessageListOptions(limit=1, with_content=True))
    assert ([one.payload for one in page.data], page.done) == ([{"invoice": 991}], False)
    assert ids(limit=1, iterator=page.iterator) == [first.id]
    svix.message.expunge_content(APP, first.id)
    assert svix.message.get(APP, first.id, MessageGetOptions(with_content=True)).payload == {}


def test_a_message_is_sent_once_for_a_key(svix: Svix, receiver: Receiver) -> None:
    svix.endpoint.create(APP, EndpointIn(url=receiver.url("/in")))
    options = MessageCreateOptions(idempotency_key="key")
    first = svix.message.create(APP, message(event_id="one"), options)
    assert svix.message.create(APP, message(event_id="one"), options) == first
    svix.application.create(ApplicationIn(name="Globex", uid="globex"))
    assert svix.message.create("globex", message(event_id="one"), options).id != first.id
    receiver.wait_for(1)
    assert [one.id for one in svix.message.list(APP).data] == [first.id]


def test_channels(svix: Svix, receiver: Receiver) -> None:
    svix.endpoint.create(APP, EndpointIn(url=receiver.url("/north"), channels=["north"]))
    svix.endpoint.create(APP, EndpointIn(url=receiver.url("/all")))
    precheck = svix.message.precheck
    assert precheck(APP, MessagePrecheckIn(event_type="invoice.paid", channels=["south"])).active
    svix.message.create(APP, message(channels=["south"]))
    svix.message.create(APP, message(channels=["north", "south"]))
    assert sorted(request.path for request in receiver.wait_for(3)) == ["/all", "/all", "/north"]


def test_a_message_creates_its_application(svix: Svix) -> None:
    svix.message.create("globex", message(application=ApplicationIn(name="Globex")))
    assert svix.application.get("globex").name == "Globex"
    svix.message.create("globex", message(application=ApplicationIn(name="Another")))
    assert svix.application.get("globex").name == "Globex"


def finished(svix: Svix, task: str) -> Any:
    return eventually(
        lambda: (found := svix.background_task.get(task)).status == BackgroundTaskStatus.FINISHED and found.data,
        "the task is finished",
    )


def test_recovery(svix: Svix, receiver: Receiver) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    missed = svix.message.create(APP, message(payload={"n": 0}))
    endpoint = svix.endpoint.create(APP, EndpointIn(url=receiver.url("/in"), disabled=True))
    canceled = svix.message.create(APP, message(payload={"n": 1}))
    [state] = svix.message_attempt.list_attempted_messages(APP, endpoint.id).data
    assert (state.id, state.status) == (canceled.id, MessageStatus.CANCELED)
    with pytest.raises(HttpError) as failure:
        svix.endpoint.recover(APP, endpoint.id, RecoverIn(since=since))
    assert refused(failure) == (400, "bad_request")
    svix.endpoint.patch(APP, endpoint.id, EndpointPatch(disabled=False))
    started = svix.endpoint.recover(APP, endpoint.id, RecoverIn(since=since))
    assert (started.task, finished(svix, started.id)["done"]) == ("endpoint.recover", 1)
    [request] = receiver.wait_for(1)
    assert request.body == b'{"n":1}'
    missing = svix.endpoint.replay_missing(APP, endpoint.id, ReplayIn(since=since))
    assert (missing.task, finished(svix, missing.id)["done"]) == ("endpoint.replay", 1)
    assert receiver.wait_for(2)[1].body == b'{"n":0}'
    eventually(
        lambda: {one.status for one in svix.message_attempt.list_by_endpoint(APP, endpoint.id).data} == {0} or None,
        "both have arrived",
    )
    again = svix.endpoint.bulk_replay(
        APP, endpoint.id, BulkReplayIn(since=since, event_types=["invoice.paid"], status=MessageStatus.SUCCESS)
    )
    assert (again.task, finished(svix, again.id)["done"]) == ("endpoint.bulk-replay", 2)
    receiver.wait_for(4)
    assert [one.task for one in svix.background_task.list().data] == [
        "endpoint.bulk-replay",
        "endpoint.replay",
        "endpoint.recover",
    ]
    options = MessageAttemptListByMsgOptions(status_code_class=StatusCodeClass.CODE2XX)
    assert svix.message_attempt.list_by_msg(APP, missed.id, options).data


def test_an_example(svix: Svix, receiver: Receiver) -> None:
    endpoint = svix.endpoint.create(APP, EndpointIn(url=receiver.url("/in")))
    sent = svix.endpoint.send_example(APP, endpoint.id, EventExampleIn(event_type="invoice.paid"))
    [request] = receiver.wait_for(1)
    assert request.header("webhook-test") == "1"
    assert svix.message.get(APP, sent.id).event_type == "invoice.paid"
    assert svix.message.list(APP).data == []


def test_errors(svix: Svix) -> None:
    svix.message.create(APP, message(event_id="one"))
    sent = svix.message.list(APP).data[0].id
    for call, expected in (
        (lambda: svix.message.create(APP, message(event_id="one")), (409, "conflict")),
        (lambda: svix.message.create("nobody", message()), (404, "not_found")),
        (lambda: svix.message.list("nobody"), (404, "not_found")),
        (lambda: svix.message.get(APP, "nothing"), (404, "not_found")),
        (lambda: svix.message.expunge_content(APP, "nothing"), (404, "not_found")),
        (lambda: svix.message_attempt.list_by_msg(APP, "nothing"), (404, "not_found")),
        (lambda: svix.message_attempt.list_by_endpoint(APP, "ep_none"), (404, "not_found")),
        (lambda: svix.message_attempt.get(APP, sent, "atmpt_none"), (404, "not_found")),
        (lambda: svix.message_attempt.expunge_content(APP, sent, "atmpt_none"), (404, "not_found")),
        (lambda: svix.message_attempt.resend(APP, sent, "ep_none"), (404, "not_found")),
        (lambda: svix.background_task.get("qtask_none"), (404, "not_found")),
        (lambda: svix.message.poller.poll(APP, "sink"), (404, "not_found")),
    ):
        with pytest.raises(HttpError) as failure:
            call()
        assert refused(failure) == expected
    with pytest.raises(HTTPValidationError) as invalid:
        svix.message.create(APP, message(event_type="no spaces"))
    assert invalid.value.detail[0].loc == ["body", "eventType"]
    with pytest.raises(HTTPValidationError) as invalid:
        svix.message.create(APP, message(deliver_at=datetime.now(UTC) + timedelta(hours=1)))
    assert invalid.value.detail[0].loc == ["body", "deliverAt"]
    with pytest.raises(HTTPValidationError) as invalid:
        svix.message_attempt.list_by_msg(APP, sent, MessageAttemptListByMsgOptions(limit=0))
    assert invalid.value.detail[0].loc == ["query", "limit"]
