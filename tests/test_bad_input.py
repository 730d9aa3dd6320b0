"""Bad input, for every operation of the route table: a 4xx in the envelope, and nothing changed."""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.utils import timezone

from endpoints.models import Endpoint
from endpoints.operations import create_endpoint
from onboarding.operations import accept
from portal_links.models import PortalSession
from portal_links.operations import create_portal_link
from projects.models import EventType, Project
from subscriptions.operations import create_subscription
from tests.conftest import API, Answer, Row
from tests.deliveries.rows import make_attempt, make_delivery
from tests.endpoints.test_certificates import certificate, pem, private_key, text_of
from tests.hostile import NOT_A_BODY, UNREADABLE
from tests.meta_events.rows import make_meta_event
from tests.routes import OPERATIONS, Operation
from tests.statements import nothing_changes, undone

# Thousands of requests, on a machine that is busy with something else.
pytestmark = [pytest.mark.matrix, pytest.mark.timeout(900)]

_KEY = private_key()


class Anything(dict[str, Any]):
    """An object that stands where any JSON value is good."""


class Moment(str):
    """A time that may be sent as an object, too."""


#: A good body for each operation that reads one, with everything in it that it takes: a field of a serializer that is
#: not here fails in test_the_good_body_is_good_and_whole.
OAUTH2: dict[str, Any] = {
    "url": "https://auth.example.com/token",
    "client_id": "ada",
    "grant_type": "client_credentials",
    "scope": "all",
    "audience": "us",
    "authentication_type": "shared_secret",
    "client_secret": "secret",
    "signing_key": dict.fromkeys(
        ["kty", "crv", "x", "y", "d", "kid", "n", "e", "p", "q", "dp", "dq", "qi"], "not read: there is a shared secret"
    ),
    "signing_algorithm": "ES256",
    "issuer": "ada",
    "subject": "ada",
    "field_mapping": {"access_token": "token", "token_type": "type", "expires_in": "life"},
    "expiry_time_unit": "hours",
}
BODIES: dict[str, dict[str, Any]] = {
    "POST /projects": {
        "name": "New",
        "type": "outgoing",
        "logo_url": "https://example.com/logo.png",
        "config": {
            "max_payload_read_size": 1024,
            "replay_attacks_prevention_enabled": True,
            "add_event_id_trace_headers": True,
            "disable_endpoint": True,
            "multiple_endpoint_subscriptions": True,
            "verify_dynamic_events": True,
            "allow_unmatched_dynamic_urls": True,
            "search_policy": "720h",
            "is_retention_policy_enabled": True,
            "retention_policy": {"policy": "24h"},
            "ssl": {"enforce_secure_endpoints": True},
            "ratelimit": {"count": 10, "duration": 10},
            "strategy": {"type": "linear", "duration": 10, "retry_count": 3},
            "signature": {
                "header": "X-Signature",
                "versions": [
                    {"uid": "", "hash": "SHA256", "encoding": "hex", "created_at": "2026-07-03T00:00:00Z"},
                ],
            },
            "request_id_header": "X-Request",
            "meta_event": {"is_enabled": False, "type": "http", "event_type": ["a"], "url": "", "secret": "s"},
            "circuit_breaker": {
                "sample_rate": 30,
                "error_timeout": 30,
                "failure_threshold": 70,
                "success_threshold": 5,
                "minimum_request_count": 10,
                "observability_window": 5,
                "consecutive_failure_threshold": 10,
            },
        },
    },
    "POST /projects/{projectID}/endpoints": {
        "name": "New",
        "url": "https://hooks.example.com/new",
        "secret": "secret",
        "owner_id": "acme",
        "description": "text",
        "advanced_signatures": True,
        "support_email": "ops@example.com",
        "slack_webhook_url": "https://hooks.slack.com/x",
        "teams_webhook_url": "https://example.webhook.office.com/x",
        "http_timeout": 10,
        "rate_limit": 10,
        "rate_limit_duration": 10,
        "content_type": "application/json",
        "authentication": {
            "type": "api_key",
            "api_key": {"header_name": "X-Key", "header_value": "value"},
            "basic_auth": {"username": "ada", "password": "password"},
            "oauth2": OAUTH2,
        },
        "mtls_client_cert": {"client_cert": text_of(certificate(_KEY)), "client_key": pem(_KEY)},
        "is_disabled": False,
    },
    "PUT /projects/{projectID}/endpoints/{endpointID}/expire_secret": {"secret": "secret", "expiration": 1},
    "POST /projects/{projectID}/endpoints/oauth2/test": {
        # An address that is refused before anything is sent: that the trial fails is an answer, too.
        "oauth2": OAUTH2 | {"url": "https://127.0.0.1/token"}
    },
    "POST /projects/{projectID}/onboard": {
        "items": [
            {
                "name": "New",
                "url": "https://hooks.example.com/new",
                "event_type": "invoice.paid",
                "auth_username": "ada",
                "auth_password": "password",
            }
        ]
    },
    "POST /projects/{projectID}/portal-links": {
        "name": "New",
        "owner_id": "acme",
        "endpoints": ["{endpointID}"],
        "auth_type": "static_token",
        "can_manage_endpoint": True,
    },
    "POST /projects/{projectID}/eventdeliveries/forceresend": {"ids": ["{deliveredID}"]},
}
_EVENT: dict[str, Any] = {
    "event_type": "invoice.paid",
    "data": Anything(invoice=991),
    "custom_headers": {"X-Tenant": "acme"},
    "idempotency_key": "key",
}
BODIES["POST /projects/{projectID}/events"] = _EVENT | {"endpoint_id": "{endpointID}", "app_id": "x"}
BODIES["POST /projects/{projectID}/events/"] = BODIES["POST /projects/{projectID}/events"]
BODIES["POST /projects/{projectID}/events/fanout"] = _EVENT | {"owner_id": "acme"}
BODIES["POST /projects/{projectID}/events/broadcast"] = _EVENT | {"acknowledged_at": "2026-07-03T00:00:00Z"}
BODIES["POST /projects/{projectID}/events/dynamic"] = _EVENT | {
    "url": "https://hooks.example.com/new",
    "secret": "secret",
    "event_types": ["a"],
}
# The type of a project never changes: there it is an unknown member, which is ignored.
BODIES["PUT /projects/{projectID}"] = dict(BODIES["POST /projects"])
del BODIES["PUT /projects/{projectID}"]["type"]
BODIES["PUT /projects/{projectID}/endpoints/{endpointID}"] = BODIES["POST /projects/{projectID}/endpoints"]
BODIES["POST /projects/{projectID}/endpoints"] = BODIES["POST /projects/{projectID}/endpoints"] | {"appID": "acme"}
BODIES["POST /projects/{projectID}/endpoints/"] = BODIES["POST /projects/{projectID}/endpoints"]
BODIES["PUT /projects/{projectID}/portal-links/{portalLinkID}"] = BODIES["POST /projects/{projectID}/portal-links"]
BODIES["POST /projects/{projectID}/portal-links/"] = BODIES["POST /projects/{projectID}/portal-links"]
EVENT_TYPES = "/projects/{projectID}/event-types"
SUBSCRIPTIONS = "/projects/{projectID}/subscriptions"
SUBSCRIPTION = f"{SUBSCRIPTIONS}/{{subscriptionID}}"
_CONDITIONS: dict[str, Any] = {"headers": {}, "body": {}, "query": {}, "path": {}}
_FILTER = {"event_type": "new.type", "enabled_at": Moment("2026-07-03T00:00:00Z"), **_CONDITIONS}
BODIES |= {
    f"POST {EVENT_TYPES}": {"name": "new", "category": "new", "description": "new", "json_schema": {}},
    f"PUT {EVENT_TYPES}/{{eventTypeId}}": {"category": "new", "description": "new", "json_schema": {}},
    f"POST {EVENT_TYPES}/import": {"spec": '{"openapi": "3.1.0", "webhooks": {"order.lost": {"post": {}}}}'},
    f"POST {SUBSCRIPTIONS}": {
        "name": "New",
        "endpoint_id": "{endpointID}",
        "source_id": "",
        "app_id": "",
        "function": "",
        "delivery_mode": "at_most_once",
        "filter_config": {"event_types": ["a"], "filter": _CONDITIONS},
        "alert_config": {"count": 1, "threshold": "1h"},
        "rate_limit_config": {"count": 1, "duration": 1},
    },
    # A request may hold anything; only conditions have a type.
    f"POST {SUBSCRIPTIONS}/test_filter": {
        "request": {name: Anything() for name in ("header", "body", "query", "path")},
        "schema": {"header": {}, "body": {}, "query": {}, "path": {}},
    },
    f"POST {SUBSCRIPTION}/filters": _FILTER,
    f"PUT {SUBSCRIPTION}/filters/{{filterID}}": {**_FILTER, "is_flattened": True},
    f"POST {SUBSCRIPTION}/filters/test/{{eventType}}": {
        "payload": Anything(),
        "request": {"body": Anything(), "header": {}, "headers": {}, "query": {}, "path": {}},
    },
}
BODIES[f"PUT {SUBSCRIPTION}"] = BODIES[f"POST {SUBSCRIPTIONS}"] | {
    "retry_config": {"type": "linear", "duration": "10s", "interval_seconds": 10, "retry_count": 1}
}
for _path in (EVENT_TYPES, SUBSCRIPTIONS, f"{SUBSCRIPTION}/filters"):
    BODIES[f"POST {_path}/"] = BODIES[f"POST {_path}"]
#: The same for those that read an array: one object of it.
ITEMS: dict[str, dict[str, Any]] = {
    f"POST {SUBSCRIPTION}/filters/bulk": _FILTER,
    f"PUT {SUBSCRIPTION}/filters/bulk_update": {"uid": "{filterID}", **_FILTER},
    f"POST {SUBSCRIPTION}/filters/bulk_update": {"uid": "{filterID}", **_FILTER},
}
#: All is optional here.
NOTHING_REQUIRED = {
    "PUT /projects/{projectID}/endpoints/{endpointID}/expire_secret",
    "POST /projects/{projectID}/eventdeliveries/forceresend",
    f"PUT {EVENT_TYPES}/{{eventTypeId}}",
    f"PUT {SUBSCRIPTION}",
    f"POST {SUBSCRIPTIONS}/test_filter",
    f"PUT {SUBSCRIPTION}/filters/{{filterID}}",
    f"POST {SUBSCRIPTION}/filters/test/{{eventType}}",
}
#: What an operation says of a body that is null. To the others null is an object without keys.
NULL_IS_REFUSED = dict.fromkeys(
    [
        "POST /projects",
        "PUT /projects/{projectID}",
        "POST /projects/{projectID}/endpoints",
        "POST /projects/{projectID}/endpoints/",
        "POST /projects/{projectID}/endpoints/oauth2/test",
        "POST /projects/{projectID}/onboard",
        "POST /projects/{projectID}/portal-links",
        "POST /projects/{projectID}/portal-links/",
        "PUT /projects/{projectID}/portal-links/{portalLinkID}",
    ],
    (400, "Invalid request format"),
) | {"POST /projects/{projectID}/eventdeliveries/forceresend": (400, "Request is invalid")}
#: No body is good for it.
ALWAYS_REFUSED = {f"POST {SUBSCRIPTIONS}/test_function"}
#: These do what their path says, whatever their body holds.
WITHOUT_BODY = {
    "DELETE /projects/{projectID}",
    "DELETE /projects/{projectID}/endpoints/{endpointID}",
    "PUT /projects/{projectID}/endpoints/{endpointID}/pause",
    "POST /projects/{projectID}/endpoints/{endpointID}/activate",
    "POST /projects/{projectID}/eventdeliveries/batchretry",
    "PUT /projects/{projectID}/eventdeliveries/{eventDeliveryID}/resend",
    "PUT /projects/{projectID}/portal-links/{portalLinkID}/revoke",
    "PUT /projects/{projectID}/portal-sessions/{sessionID}/revoke",
    f"POST {EVENT_TYPES}/{{eventTypeId}}/deprecate",
    f"DELETE {SUBSCRIPTION}",
    f"PUT {SUBSCRIPTION}/toggle_status",
    f"DELETE {SUBSCRIPTION}/filters/{{filterID}}",
    "POST /projects/{projectID}/events/batchreplay",
    "PUT /projects/{projectID}/events/{eventID}/replay",
    "PUT /projects/{projectID}/meta-events/{metaEventID}/resend",
}
#: These take a form, too (tests/onboarding).
WITH_FORM = {"POST /projects/{projectID}/onboard"}
WITH_BODY = [operation for operation in OPERATIONS if str(operation) in BODIES]
WITH_ITEMS = [operation for operation in OPERATIONS if str(operation) in ITEMS]
LISTS = [
    operation
    for operation in OPERATIONS
    if operation.method == "GET"
    and operation.path.endswith(("s", "s/"))
    and not operation.path.endswith("/countbatchreplayevents")
]
UNPAGED = [
    operation
    for operation in LISTS
    if operation.path.rstrip("/").endswith(
        ("/projects", "/period-failure-rates", "/deliveryattempts", "/event-types", "/filters")
    )
]

NOT_TEXT: list[Any] = [0, 1.5, True, [], {}, ["a"], {"a": "a"}]
BAD_TEXT: list[Any] = ["\x00", "a\x00b", "a" * 100_000]
WRONG: dict[type, list[Any]] = {
    str: [*NOT_TEXT, *BAD_TEXT],
    bool: ["true", "", 0, 1, [], {}],
    int: ["1", "", True, 1.0, 1.5, 2**31, 2**63, 2**64, 1e300, [], {}],
    dict: ["", "a", 0, True, [], [{}]],
    list: ["", "a", 0, True, {}, [0], [True], [[]], [["a"]], ["\x00"]],
    Anything: [],
    Moment: [
        0,
        1.5,
        True,
        [],
        ["a"],
        *BAD_TEXT,
        "a",
        "2026-07-03",
        {"set": 1},
        {"time": 0},
        {"set": True, "time": "a"},
    ],
}
#: What JSON or UTF-8 does not have as text.
NO_TEXTS = {
    "high surrogate": b"\\ud800",
    "low surrogate": b"\\udfff",
    "surrogates the wrong way round": b"\\udc00\\ud800",
    "surrogate in UTF-8": b"\xed\xa0\x80",
    "byte that UTF-8 lacks": b"\xff",
    "overlong NUL": b"\xc0\x80",
    "control character": b"\x01",
}
IDS = [
    *("0", "-1", "null", "undefined", "*", "'", '"', "' OR 1=1 --", "$1", "{}", "[]", "a" * 5000, "…", "🦄"),
    *("01JZ8QK3V7M2N4P6R8T0W2Y4A6", "01jz8qk3v7m2n4p6r8t0w2y4a6", "..%2F..", "%FF", "%ED%A0%80", "%00", "%0A", "%25"),
]


class Rows:
    """One project with an endpoint, a link and a session of it, the ways to them, and who may go there."""

    def __init__(self, project: Project, instance: API, admin: API) -> None:
        self.instance, self.admin = instance, admin
        endpoint = create_endpoint(project.uid, name="Old", url="https://hooks.example.com/old")
        link = create_portal_link(project.uid, name="Old", owner_id="old", auth_type="refresh_token").link
        session = PortalSession.objects.get(portal_link=link)
        project.config["multiple_endpoint_subscriptions"] = True
        project.save(update_fields=["config"])
        subscription = create_subscription(project.uid, name="Old", endpoint_id=endpoint.uid)
        delivery = make_delivery(endpoint, "Failure")
        delivered = make_delivery(endpoint, "Success", event=delivery.event, at=timezone.now() - timedelta(days=30))
        rows = {"projectID": project, "endpointID": endpoint, "portalLinkID": link, "sessionID": session}
        rows["batchID"] = accept(project, [{"name": "Old", "url": "https://hooks.example.com/older"}])[0]
        rows["metaEventID"] = make_meta_event(project, {"name": "Old"})
        rows |= {"eventDeliveryID": delivery, "deliveryAttemptID": make_attempt(delivery), "deliveredID": delivered}
        rows |= {"eventID": delivery.event}
        self.ids = {name: row.pk for name, row in rows.items()}
        event_type = EventType.objects.create(project=project, name="new.type")
        rows = {"eventTypeId": event_type, "subscriptionID": subscription, "filterID": subscription.filters.get()}
        self.ids |= {name: row.pk for name, row in rows.items()} | {"eventType": "new.type"}

    def path(self, operation: Operation, **ids: str) -> str:
        return operation.path.format(**self.ids | ids)

    def body(self, operation: Operation) -> dict[str, Any]:
        body = copy.deepcopy(BODIES[str(operation)])
        if "endpoints" in body:
            body["endpoints"] = [self.ids["endpointID"]]
        if "endpoint_id" in body:
            body["endpoint_id"] = self.ids["endpointID"]
        if "ids" in body:
            body["ids"] = [self.ids["deliveredID"]]
        return body

    def item(self, operation: Operation) -> dict[str, Any]:
        """One object of a good array."""
        item = copy.deepcopy(ITEMS[str(operation)])
        return item | ({"uid": self.ids["filterID"]} if "uid" in item else {})

    def caller(self, operation: Operation) -> API:
        """Somebody who may carry out the operation."""
        return self.instance if operation.path == "/projects" else self.admin

    def send(self, operation: Operation, body: Any = None, **ids: str) -> Answer:
        """The answer to the operation on these rows, or on those of other ids."""
        return self.caller(operation)(operation.method, self.path(operation, **ids), body)


@pytest.fixture
def rows(project: Project, instance: API, api: API) -> Rows:
    return Rows(project, instance, api)


def refused(answer: Answer, sent: Any) -> None:
    status, _ = answer.error
    assert 400 <= status < 500, (answer.json, str(sent)[:200])


def broken(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """`body` with one value, at any depth, replaced by what does not belong there."""
    for name, value in body.items():
        for wrong in WRONG[type(value)]:
            yield body | {name: wrong}
        if isinstance(value, dict) and not isinstance(value, Anything):
            for inner in broken(value):
                yield body | {name: inner}
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for inner in broken(value[0]):
                yield body | {name: [inner]}


def test_every_operation_is_known() -> None:
    """A new one fails here until it has a good body, or is known to read none."""
    writing = {str(operation) for operation in OPERATIONS if operation.method != "GET"}
    assert writing == BODIES.keys() | ITEMS.keys() | WITHOUT_BODY | ALWAYS_REFUSED


class TestBodies:
    def test_the_good_body_is_good_and_whole(self, rows: Rows, row: Row, fields_missed: Counter[str]) -> None:
        """Otherwise the tests below would pass for another reason, or would leave out a field."""
        for operation in WITH_BODY:
            with row(operation):
                fields_missed.clear()
                answer = rows.send(operation, rows.body(operation))
                assert answer.status in (200, 201, 202), answer.json
                assert fields_missed.pop("objects")
                assert not fields_missed

    def test_what_is_no_json_object(self, rows: Rows, row: Row) -> None:
        for operation in WITH_BODY:
            with row(operation), nothing_changes():
                for body in [*(body for body, _ in NOT_A_BODY), *UNREADABLE]:
                    refused(rows.send(operation, body), body)

    def test_null_is_refused_or_an_object_without_keys(self, rows: Rows, row: Row) -> None:
        for operation in WITH_BODY:
            with row(operation):
                with undone():
                    empty = rows.send(operation, b"{}")
                answer = rows.send(operation, b"null")
                expected = NULL_IS_REFUSED.get(str(operation), (empty.status, empty.message))
                assert (answer.status, answer.message) == expected

    def test_what_is_not_utf8(self, rows: Rows, row: Row) -> None:
        for operation in WITH_BODY:
            text = orjson.dumps(rows.body(operation)).decode()
            with row(operation), nothing_changes():
                for encoding in ("utf-16", "utf-32", "utf-8-sig"):
                    refused(rows.send(operation, text.encode(encoding)), encoding)

    def test_what_does_not_belong_where_it_stands(self, rows: Rows, row: Row) -> None:
        for operation in WITH_BODY:
            with row(operation), nothing_changes():
                for body in broken(rows.body(operation)):
                    # Python's own JSON has integers of any size.
                    refused(rows.send(operation, json.dumps(body).encode()), body)

    @pytest.mark.parametrize("text", NO_TEXTS.values(), ids=NO_TEXTS.keys())
    def test_text_that_is_none(self, rows: Rows, row: Row, text: bytes) -> None:
        for operation in WITH_BODY:
            body = orjson.dumps(rows.body(operation) | {next(iter(rows.body(operation))): "REPLACED"})
            with row(operation), nothing_changes():
                refused(rows.send(operation, body.replace(b"REPLACED", text)), text)

    def test_nulls_are_not_sent(self, rows: Rows, row: Row) -> None:
        for operation in WITH_BODY:
            body = dict.fromkeys(rows.body(operation))
            with row(operation):
                if str(operation) in NOTHING_REQUIRED:
                    assert rows.send(operation, body).status in (200, 202)
                else:
                    with nothing_changes():
                        refused(rows.send(operation, body), body)


class TestArrays:
    def test_the_good_body_is_good_and_whole(self, rows: Rows, row: Row, fields_missed: Counter[str]) -> None:
        for operation in WITH_ITEMS:
            with row(operation):
                fields_missed.clear()
                assert rows.send(operation, [rows.item(operation)]).status in (200, 201)
                assert fields_missed.pop("objects")
                assert not fields_missed

    def test_what_is_no_array_of_objects(self, rows: Rows, row: Row) -> None:
        for operation in WITH_ITEMS:
            item = rows.item(operation)
            bodies = [b"", b"null", b"{}", b"[", b"[{}]]", b"[" * 100_000, b'["\\ud800"]', item]
            bodies += [[], [None], [[]], [item, 1], [item, "text"], [item, [item]], [item] * 1001, [item, item]]
            bodies += [[{}] * 2]
            with row(operation), nothing_changes():
                for body in bodies:
                    refused(rows.send(operation, body), body)

    def test_what_does_not_belong_where_it_stands(self, rows: Rows, row: Row) -> None:
        for operation in WITH_ITEMS:
            with row(operation), nothing_changes():
                for item in broken(rows.item(operation)):
                    refused(rows.send(operation, json.dumps([item]).encode()), item)


class TestEveryOperation:
    def test_another_content_type(self, rows: Rows, row: Row) -> None:
        types = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "*")
        for operation in OPERATIONS:
            caller = rows.caller(operation)
            with row(operation), nothing_changes():
                for content_type in types:
                    if str(operation) in WITH_FORM and content_type.startswith("multipart"):
                        continue
                    response = caller.client.generic(
                        operation.method,
                        f"/api/v1{rows.path(operation)}",
                        b"{}",
                        content_type=content_type,
                        headers=caller.headers,
                    )
                    assert Answer(response).error == (415, "the request body must be application/json")

    def test_ten_megabytes(self, rows: Rows, row: Row) -> None:
        body = b'{"name":"' + b"a" * 10_000_000 + b'"}'
        for operation in OPERATIONS:
            with row(operation):
                with nothing_changes():
                    answer = rows.send(operation, body)
                assert answer.error == (413, "request body is too large")

    def test_a_body_that_is_one_byte_too_long(self, rows: Rows, row: Row) -> None:
        body = b"{}".ljust(settings.MAX_REQUEST_BODY_BYTES + 1)
        for operation in OPERATIONS:
            with row(operation), nothing_changes():
                assert rows.send(operation, body).error[0] == 413

    def test_chunks_without_an_end(self, rows: Rows, row: Row) -> None:
        for operation in OPERATIONS:
            caller = rows.caller(operation)
            with row(operation):
                with nothing_changes():
                    response = caller.client.generic(
                        operation.method,
                        f"/api/v1{rows.path(operation)}",
                        headers={**caller.headers, "Transfer-Encoding": "chunked", "Content-Type": "application/json"},
                    )
                assert Answer(response).error == (411, "send the request body with a Content-Length")

    def test_a_length_that_is_no_number(self, rows: Rows, row: Row) -> None:
        for operation in OPERATIONS:
            caller = rows.caller(operation)
            with row(operation):
                with nothing_changes():
                    response = caller.client.generic(
                        operation.method,
                        f"/api/v1{rows.path(operation)}",
                        headers=caller.headers,
                        CONTENT_LENGTH="many",
                    )
                assert Answer(response).error == (400, "the Content-Length is not a number")

    def test_ids_of_nothing_in_every_position(self, rows: Rows, row: Row) -> None:
        for operation in OPERATIONS:
            # A type of event is no id: any text is one.
            names = [name for name in rows.ids if f"{{{name}}}" in operation.path and name != "eventType"]
            body: Any = rows.body(operation) if str(operation) in BODIES else None
            if str(operation) in ITEMS:
                body = [rows.item(operation)]
            with row(operation), nothing_changes():
                for name in names:
                    for uid in IDS:
                        refused(rows.send(operation, body, **{name: uid}), uid)

    def test_a_slash_in_an_id(self, rows: Rows, row: Row) -> None:
        for operation in OPERATIONS:
            names = [name for name in rows.ids if f"{{{name}}}" in operation.path]
            with row(operation), nothing_changes():
                for name in names:
                    uid = f"x%2F{rows.ids[name]}"
                    refused(rows.send(operation, b"{}", **{name: uid}), uid)


class TestQueries:
    """Of a query, what cannot be meant is taken for what was meant, or ignored (docs/compatibility.md)."""

    def test_per_page(self, rows: Rows, row: Row) -> None:
        expected = {
            **dict.fromkeys(["-1", "0", "-" + "9" * 4000], 1),
            **dict.fromkeys(["1000000000", "9" * 4000], 1000),
            **dict.fromkeys(["1e9", "", "a", "1.5", "0x10", "9" * 5000, "%F0%9F%A6%84", "%C2%B2"], 20),
        }
        for operation in LISTS:
            with row(operation):
                for sent, per_page in expected.items():
                    answer = rows.caller(operation).get(f"{rows.path(operation)}?perPage={sent}")
                    assert answer.status == 200, answer.json
                    if operation not in UNPAGED:
                        assert answer.data["pagination"]["per_page"] == per_page, sent
                        assert len(answer.data["content"]) == 1

    @pytest.mark.parametrize("direction", ["next", "prev"])
    def test_garbage(self, rows: Rows, row: Row, direction: str) -> None:
        ordering = ["next_page_cursor", "prev_page_cursor", "sort"]
        others = ["q", "ownerId", "endpointId", "portalLinkId", "active", "perPage", "name", "unknown"]
        # The direction concerns what orders the rows: the other parameters have it in one request.
        groups = [[name] for name in ordering] + ([[name] for name in others] if direction == "next" else [others])
        for operation in LISTS:
            caller, path = rows.caller(operation), f"{rows.path(operation)}?direction={direction}"
            for names in groups:
                with row(f"{operation}?direction={direction}&{'&'.join(names)}"):
                    for text in (*IDS, "%", "%5C", "_", "%zz", "~", "%EF%BF%BF", "&&&", "=", "x&{name}=y"):
                        query = "&".join(f"{name}={text.replace('{name}', name)}" for name in names)
                        answer = caller.get(f"{path}&{query}")
                        if "%00" in text:
                            assert answer.error == (400, "the request URL contains a NUL character")
                        else:
                            assert answer.status == 200, (names, text, answer.json)
            with row(f"{operation}?direction={direction}x"):
                assert caller.get(f"{path}x").status == 200


class TestEndpointLists:
    """The list of a portal link's endpoints is the one body that may be long."""

    @pytest.fixture
    def path(self, project: Project) -> str:
        return f"/projects/{project.uid}/portal-links"

    def test_five_thousand_unknown_ones(self, rows: Rows, api: API, path: str) -> None:
        unknown = [f"01JZ8QK3V7M2N4P6R8T0W{number:05}" for number in range(5000)]
        for endpoints in (unknown, [rows.ids["endpointID"], *unknown]):
            with nothing_changes():
                answer = api.post(path, {"name": "Acme", "owner_id": "acme", "endpoints": endpoints})
            assert answer.error == (400, f"failed to find endpoint {unknown[0]}")

    def test_five_thousand_times_the_same(self, rows: Rows, api: API, path: str) -> None:
        uid = rows.ids["endpointID"]
        answer = api.post(path, {"name": "Acme", "owner_id": "acme", "endpoints": [uid] * 5000})
        assert answer.status == 201
        assert answer.data["endpoint_count"] == 1
        assert [endpoint["uid"] for endpoint in answer.data["endpoints_metadata"]] == [uid]
        assert Endpoint.objects.get(pk=uid).owner_id == "acme"

    def test_more_than_the_limit(self, rows: Rows, api: API, path: str) -> None:
        body = {"name": "Acme", "owner_id": "acme", "endpoints": [rows.ids["endpointID"]] * 10_001}
        with nothing_changes():
            assert api.post(path, body).error == (400, "Invalid input provided")
