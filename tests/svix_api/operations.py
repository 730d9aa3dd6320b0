"""Every operation of the package svix 2.9.1 that works here: a good call and a bad one.

docs/compatibility.md lists them (script/checks/sdk_operations.py); tests/live/test_svix_operations.py calls them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from svix.api import (
    ApplicationIn,
    ApplicationListOptions,
    ApplicationTokenExpireIn,
    AppPortalAccessIn,
    BackgroundTaskListOptions,
    EndpointGetAttemptStatsOptions,
    EndpointGetStatsOptions,
    EndpointIn,
    EndpointListOptions,
    EventTypeIn,
    EventTypeListOptions,
    EventTypeUpsertIn,
    MessageAttemptListAttemptedMessagesOptions,
    MessageAttemptListByEndpointOptions,
    MessageAttemptListByMsgOptions,
    MessageIn,
    MessageListOptions,
    Svix,
)
from svix.models import (
    ApplicationPatch,
    BulkReplayIn,
    EndpointHeadersIn,
    EndpointHeadersPatchIn,
    EndpointPatch,
    EndpointSecretRotateIn,
    EndpointUpsertIn,
    EventExampleIn,
    EventTypeImportOpenApiIn,
    EventTypePatch,
    MessagePrecheckIn,
    RecoverIn,
    ReplayIn,
)

from subscriptions.openapi_import import EXAMPLE_SPEC

APP, TYPE = "acme", "invoice.paid"
URL = "https://hooks.example.com/in"
#: The status and the code of a refusal, or the path of the field that it names.
Refusal = tuple[int, str]
UNKNOWN: Refusal = (404, "not_found")
TAKEN: Refusal = (409, "conflict")
BAD: Refusal = (400, "bad_request")
NO_METHOD: Refusal = (405, "method_not_allowed")
STRANGER: Refusal = (401, "authentication_failed")


@dataclass
class World:
    """An application with an endpoint that has got a message, which the calls act on."""

    svix: Svix
    connect: Callable[[str], Svix]
    endpoint: str
    message: str
    attempt: str
    task: str

    @property
    def since(self) -> datetime:
        return datetime.now(UTC) - timedelta(minutes=5)


Call = Callable[[World], Any]


class Row(NamedTuple):
    """An operation, named as in the page's table."""

    name: str
    good: Call
    bad: Call
    refusal: Refusal


def wrong(*path: str) -> Refusal:
    return 422, ".".join(path)


def message(**fields: Any) -> MessageIn:
    return MessageIn(**{"event_type": TYPE, "payload": {"invoice": 991}} | fields)


ROWS = [
    Row(
        "application.list",
        lambda w: w.svix.application.list(ApplicationListOptions(limit=1)),
        lambda w: w.svix.application.list(ApplicationListOptions(limit=251)),
        wrong("query", "limit"),
    ),
    Row(
        "application.create",
        lambda w: w.svix.application.create(ApplicationIn(name="Globex", uid="globex", metadata={"plan": "gold"})),
        lambda w: w.svix.application.create(ApplicationIn(name="Acme", uid=APP)),
        TAKEN,
    ),
    Row(
        "application.get_or_create",
        lambda w: w.svix.application.get_or_create(ApplicationIn(name="Initech", uid="initech")),
        lambda w: w.svix.application.get_or_create(ApplicationIn(name=" ", uid="initech")),
        wrong("body", "name"),
    ),
    Row(
        "application.get",
        lambda w: w.svix.application.get(APP),
        lambda w: w.svix.application.get("nobody"),
        UNKNOWN,
    ),
    Row(
        "application.upsert",
        lambda w: w.svix.application.upsert("initech", ApplicationIn(name="Initech Ltd.")),
        lambda w: w.svix.application.upsert("initech", ApplicationIn(name="Initech", uid="other")),
        BAD,
    ),
    Row(
        "application.patch",
        lambda w: w.svix.application.patch("initech", ApplicationPatch(metadata={"plan": "free"})),
        lambda w: w.svix.application.patch("initech", ApplicationPatch(name="")),
        wrong("body", "name"),
    ),
    Row(
        "authentication.app_portal_access",
        lambda w: w.svix.authentication.app_portal_access(APP, AppPortalAccessIn(expiry=3600)),
        lambda w: w.svix.authentication.app_portal_access(APP, AppPortalAccessIn.model_construct(expiry=1)),
        wrong("body", "expiry"),
    ),
    Row(
        "authentication.expire_all",
        lambda w: w.svix.authentication.expire_all(APP, ApplicationTokenExpireIn(session_ids=["one"])),
        lambda w: w.svix.authentication.expire_all(APP, ApplicationTokenExpireIn.model_construct(expiry=-1)),
        wrong("body", "expiry"),
    ),
    Row(
        "authentication.logout",
        lambda w: w.connect(
            w.svix.authentication.app_portal_access(APP, AppPortalAccessIn()).token
        ).authentication.logout(),
        lambda w: w.svix.authentication.logout(),
        STRANGER,
    ),
    Row(
        "background_task.list",
        lambda w: w.svix.background_task.list(),
        lambda w: w.svix.background_task.list(BackgroundTaskListOptions(limit=0)),
        wrong("query", "limit"),
    ),
    Row(
        "background_task.get",
        lambda w: w.svix.background_task.get(w.task),
        lambda w: w.svix.background_task.get("qtask_none"),
        UNKNOWN,
    ),
    Row(
        "endpoint.list",
        lambda w: w.svix.endpoint.list(APP),
        lambda w: w.svix.endpoint.list(APP, EndpointListOptions(iterator="odd")),
        wrong("query", "iterator"),
    ),
    Row(
        "endpoint.create",
        lambda w: w.svix.endpoint.create(APP, EndpointIn(url=URL, uid="orders", event_types=[TYPE], throttle_rate=20)),
        lambda w: w.svix.endpoint.create(APP, EndpointIn(url="ftp://hooks.example.com")),
        BAD,
    ),
    Row(
        "endpoint.get",
        lambda w: w.svix.endpoint.get(APP, w.endpoint),
        lambda w: w.svix.endpoint.get(APP, "nothing"),
        UNKNOWN,
    ),
    Row(
        "endpoint.upsert",
        lambda w: w.svix.endpoint.upsert(APP, "orders", EndpointUpsertIn(url=f"{URL}/2", description="Orders")),
        lambda w: w.svix.endpoint.upsert(APP, "orders", EndpointUpsertIn(url=URL, event_types=["nothing"])),
        wrong("body", "eventTypes"),
    ),
    Row(
        "endpoint.patch",
        lambda w: w.svix.endpoint.patch(APP, "orders", EndpointPatch(description="All orders")),
        lambda w: w.svix.endpoint.patch(APP, "orders", EndpointPatch(url="nowhere")),
        BAD,
    ),
    Row(
        "endpoint.get_secret",
        lambda w: w.svix.endpoint.get_secret(APP, w.endpoint),
        lambda w: w.svix.endpoint.get_secret("nobody", w.endpoint),
        UNKNOWN,
    ),
    Row(
        "endpoint.rotate_secret",
        lambda w: w.svix.endpoint.rotate_secret(APP, w.endpoint, EndpointSecretRotateIn()),
        lambda w: w.svix.endpoint.rotate_secret(APP, w.endpoint, EndpointSecretRotateIn(key="short")),
        wrong("body", "key"),
    ),
    Row(
        "endpoint.get_headers",
        lambda w: w.svix.endpoint.get_headers(APP, w.endpoint),
        lambda w: w.svix.endpoint.get_headers(APP, "nothing"),
        UNKNOWN,
    ),
    Row(
        "endpoint.set_headers",
        lambda w: w.svix.endpoint.set_headers(APP, w.endpoint, EndpointHeadersIn(headers={"X-Tenant": "acme"})),
        lambda w: w.svix.endpoint.set_headers(APP, w.endpoint, EndpointHeadersIn(headers={"Host": "acme"})),
        wrong("body", "headers"),
    ),
    Row(
        "endpoint.patch_headers",
        lambda w: w.svix.endpoint.patch_headers(APP, w.endpoint, EndpointHeadersPatchIn(headers={"X-Tier": "1"})),
        lambda w: w.svix.endpoint.patch_headers(APP, w.endpoint, EndpointHeadersPatchIn(headers={"X-Tier": "\n"})),
        wrong("body", "headers"),
    ),
    Row(
        "endpoint.get_stats",
        lambda w: w.svix.endpoint.get_stats(APP, w.endpoint, EndpointGetStatsOptions(since=w.since)),
        lambda w: w.svix.endpoint.get_stats(APP, "nothing"),
        UNKNOWN,
    ),
    Row(
        "endpoint.get_attempt_stats",
        lambda w: w.svix.endpoint.get_attempt_stats(APP, w.endpoint, EndpointGetAttemptStatsOptions(since=w.since)),
        lambda w: w.svix.endpoint.get_attempt_stats(APP, "nothing"),
        UNKNOWN,
    ),
    Row(
        "endpoint.recover",
        lambda w: w.svix.endpoint.recover(APP, w.endpoint, RecoverIn(since=w.since)),
        lambda w: w.svix.endpoint.recover(APP, "nothing", RecoverIn(since=w.since)),
        UNKNOWN,
    ),
    Row(
        "endpoint.replay_missing",
        lambda w: w.svix.endpoint.replay_missing(APP, w.endpoint, ReplayIn(since=w.since)),
        lambda w: w.svix.endpoint.replay_missing(APP, "nothing", ReplayIn(since=w.since)),
        UNKNOWN,
    ),
    Row(
        "endpoint.bulk_replay",
        lambda w: w.svix.endpoint.bulk_replay(APP, w.endpoint, BulkReplayIn(since=w.since, event_types=[TYPE])),
        lambda w: w.svix.endpoint.bulk_replay(APP, w.endpoint, BulkReplayIn.model_construct()),
        wrong("body", "since"),
    ),
    Row(
        "endpoint.send_example",
        lambda w: w.svix.endpoint.send_example(APP, w.endpoint, EventExampleIn(event_type=TYPE)),
        lambda w: w.svix.endpoint.send_example(APP, "nothing", EventExampleIn(event_type=TYPE)),
        UNKNOWN,
    ),
    Row(
        "event_type.list",
        lambda w: w.svix.event_type.list(EventTypeListOptions(with_content=True, include_archived=True)),
        lambda w: w.svix.event_type.list(EventTypeListOptions(limit=0)),
        wrong("query", "limit"),
    ),
    Row(
        "event_type.create",
        lambda w: w.svix.event_type.create(EventTypeIn(name="order.paid", description="Paid", schemas={"1": {}})),
        lambda w: w.svix.event_type.create(EventTypeIn(name=TYPE, description="Paid")),
        TAKEN,
    ),
    Row(
        "event_type.import_openapi",
        lambda w: w.svix.event_type.import_openapi(EventTypeImportOpenApiIn(spec_raw=EXAMPLE_SPEC)),
        lambda w: w.svix.event_type.import_openapi(EventTypeImportOpenApiIn()),
        BAD,
    ),
    Row(
        "event_type.get",
        lambda w: w.svix.event_type.get(TYPE),
        lambda w: w.svix.event_type.get("nothing"),
        UNKNOWN,
    ),
    Row(
        "event_type.upsert",
        lambda w: w.svix.event_type.upsert("order.sent", EventTypeUpsertIn(description="Sent")),
        lambda w: w.svix.event_type.upsert("order.sent", EventTypeUpsertIn(description="", schemas={"2": {}})),
        wrong("body", "schemas"),
    ),
    Row(
        "event_type.patch",
        lambda w: w.svix.event_type.patch("order.sent", EventTypePatch(group_name="orders")),
        lambda w: w.svix.event_type.patch("nothing", EventTypePatch(group_name="orders")),
        UNKNOWN,
    ),
    Row(
        "event_type.delete",
        lambda w: w.svix.event_type.delete("order.sent"),
        lambda w: w.svix.event_type.delete("nothing"),
        UNKNOWN,
    ),
    Row(
        "message.list",
        lambda w: w.svix.message.list(APP, MessageListOptions(event_types=[TYPE], with_content=True)),
        lambda w: w.svix.message.list(APP, MessageListOptions(limit=0)),
        wrong("query", "limit"),
    ),
    Row(
        "message.create",
        lambda w: w.svix.message.create(APP, message(event_id="invoice-992", channels=["north"], tags=["billing"])),
        lambda w: w.svix.message.create(APP, message(event_type="no spaces")),
        wrong("body", "eventType"),
    ),
    Row(
        "message.precheck",
        lambda w: w.svix.message.precheck(APP, MessagePrecheckIn(event_type=TYPE)),
        lambda w: w.svix.message.precheck("nobody", MessagePrecheckIn(event_type=TYPE)),
        UNKNOWN,
    ),
    Row(
        "message.get",
        lambda w: w.svix.message.get(APP, w.message),
        lambda w: w.svix.message.get(APP, "nothing"),
        UNKNOWN,
    ),
    Row(
        "message_attempt.list_by_endpoint",
        lambda w: w.svix.message_attempt.list_by_endpoint(APP, w.endpoint),
        lambda w: w.svix.message_attempt.list_by_endpoint(
            APP, w.endpoint, MessageAttemptListByEndpointOptions(limit=0)
        ),
        wrong("query", "limit"),
    ),
    Row(
        "message_attempt.list_by_msg",
        lambda w: w.svix.message_attempt.list_by_msg(APP, w.message),
        lambda w: w.svix.message_attempt.list_by_msg(APP, w.message, MessageAttemptListByMsgOptions(limit=0)),
        wrong("query", "limit"),
    ),
    Row(
        "message_attempt.list_attempted_messages",
        lambda w: w.svix.message_attempt.list_attempted_messages(APP, w.endpoint),
        lambda w: w.svix.message_attempt.list_attempted_messages(
            APP, w.endpoint, MessageAttemptListAttemptedMessagesOptions(limit=0)
        ),
        wrong("query", "limit"),
    ),
    Row(
        "message_attempt.list_attempted_destinations",
        lambda w: w.svix.message_attempt.list_attempted_destinations(APP, w.message),
        lambda w: w.svix.message_attempt.list_attempted_destinations(APP, "nothing"),
        UNKNOWN,
    ),
    Row(
        "message_attempt.get",
        lambda w: w.svix.message_attempt.get(APP, w.message, w.attempt),
        lambda w: w.svix.message_attempt.get(APP, w.message, "atmpt_none"),
        UNKNOWN,
    ),
    Row(
        "message_attempt.resend",
        lambda w: w.svix.message_attempt.resend(APP, w.message, w.endpoint),
        lambda w: w.svix.message_attempt.resend(APP, w.message, "ep_none"),
        UNKNOWN,
    ),
    # These delete rows that the operations above need.
    Row(
        "message_attempt.expunge_content",
        lambda w: w.svix.message_attempt.expunge_content(APP, w.message, w.attempt),
        lambda w: w.svix.message_attempt.expunge_content(APP, w.message, "atmpt_none"),
        UNKNOWN,
    ),
    Row(
        "message.expunge_content",
        lambda w: w.svix.message.expunge_content(APP, w.message),
        lambda w: w.svix.message.expunge_content(APP, "nothing"),
        UNKNOWN,
    ),
    Row(
        "endpoint.delete",
        lambda w: w.svix.endpoint.delete(APP, w.endpoint),
        lambda w: w.svix.endpoint.delete(APP, "nothing"),
        UNKNOWN,
    ),
    Row(
        "application.delete",
        lambda w: w.svix.application.delete(APP),
        lambda w: w.svix.application.delete("nobody"),
        UNKNOWN,
    ),
]
