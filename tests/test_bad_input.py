"""Bad input, for every operation of the route table: a 4xx in the envelope, and nothing changed."""

import copy
import gzip
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.utils import timezone

from endpoints.models import Endpoint
from endpoints.operations import create_endpoint
from onboarding.operations import accept
from portal_links.delivery_links import DeliveryNamed, create_delivery_link
from portal_links.models import PortalSession
from portal_links.operations import create_portal_link
from projects.models import EventType, Project
from subscriptions.operations import create_subscription
from tests.bad_values import IDS, NO_TEXTS, broken
from tests.conftest import API, Answer, Row
from tests.deliveries.rows import make_attempt, make_delivery
from tests.good_bodies import (
    ALWAYS_REFUSED,
    BODIES,
    ITEMS,
    NOTHING_REQUIRED,
    WITH_FORM,
    WITH_HALF_PAIRS,
    WITHOUT_BODY,
)
from tests.hostile import HALF_PAIRS, NOT_A_BODY, UNREADABLE
from tests.jobs.rows import make_job
from tests.meta_events.rows import make_meta_event
from tests.routes import OPERATIONS, WITHOUT_SECOND_PATHS, Operation, documented_parameters
from tests.statements import nothing_changes, undone

# Thousands of requests, on a machine that is busy with something else.
pytestmark = [pytest.mark.matrix, pytest.mark.timeout(900)]

#: Where more than a few requests are sent.
ONCE = [operation for operation in OPERATIONS if operation in WITHOUT_SECOND_PATHS]
WITH_BODY = [operation for operation in ONCE if str(operation) in BODIES]
WITH_ITEMS = [operation for operation in OPERATIONS if str(operation) in ITEMS]
LISTS = [
    operation
    for operation in ONCE
    if operation.method == "GET"
    and operation.path.endswith(("s", "s/"))
    and not operation.path.endswith("/countbatchreplayevents")
]
UNPAGED = [
    operation
    for operation in LISTS
    if operation.path.rstrip("/").endswith(
        ("/projects", "/period-failure-rates", "/deliveryattempts", "/links", "/event-types", "/filters")
    )
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
        rows["jobID"] = make_job(project, is_dry_run=True)
        rows["metaEventID"] = make_meta_event(project, {"name": "Old"})
        rows |= {"eventDeliveryID": delivery, "deliveryAttemptID": make_attempt(delivery), "deliveredID": delivered}
        named = DeliveryNamed(project.uid, delivery.uid, "", endpoint.uid, delivery.event_type)
        rows["linkID"] = create_delivery_link(named, shows_payload=True).link
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


def test_every_operation_is_known() -> None:
    """A new one fails here until it has a good body, or is known to read none."""
    writing = {str(operation) for operation in OPERATIONS if operation.method != "GET"}
    assert writing == BODIES.keys() | ITEMS.keys() | WITHOUT_BODY | ALWAYS_REFUSED


class TestBodies:
    def test_the_good_body_is_good_and_whole(self, rows: Rows, row: Row, fields_missed: Counter[str]) -> None:
        """Otherwise the tests below would pass for another reason, or would leave out a field."""
        for operation in OPERATIONS:
            if str(operation) not in BODIES:
                continue
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
                    # Of these operations some read it as an object without any member that they know.
                    if body not in HALF_PAIRS or str(operation) not in WITH_HALF_PAIRS:
                        refused(rows.send(operation, body), body)

    def test_null_is_an_object_without_keys(self, rows: Rows, row: Row) -> None:
        for operation in WITH_BODY:
            with row(operation):
                with undone():
                    empty = rows.send(operation, b"{}")
                answer = rows.send(operation, b"null")
                assert (answer.status, answer.message) == (empty.status, empty.message)

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

    @pytest.mark.parametrize("text", NO_TEXTS)
    def test_text_that_is_none(self, rows: Rows, row: Row, text: str) -> None:
        for operation in WITH_BODY:
            if "surrogate" in text and "UTF-8" not in text and str(operation) in WITH_HALF_PAIRS:
                continue
            body = orjson.dumps(rows.body(operation) | {next(iter(rows.body(operation))): "REPLACED"})
            with row(operation), nothing_changes():
                refused(rows.send(operation, body.replace(b"REPLACED", NO_TEXTS[text])), text)

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

    def test_a_compressed_body(self, rows: Rows, row: Row) -> None:
        for operation in WITH_BODY:
            caller = rows.caller(operation)
            with row(operation), nothing_changes():
                response = caller.client.generic(
                    operation.method,
                    f"/api/v1{rows.path(operation)}",
                    gzip.compress(b"{}"),
                    content_type="Application/Json",
                    headers=caller.headers | {"Content-Encoding": "gzip"},
                )
                said = "send the request body without a Content-Encoding: gzip is not supported"
                assert Answer(response).error == (415, said)

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

    @pytest.mark.parametrize("length", ["many", "9" * 5_000], ids=["a word", "thousands of digits"])
    def test_a_length_that_is_no_number(self, rows: Rows, row: Row, length: str) -> None:
        for operation in OPERATIONS:
            caller = rows.caller(operation)
            with row(operation):
                with nothing_changes():
                    response = caller.client.generic(
                        operation.method,
                        f"/api/v1{rows.path(operation)}",
                        headers=caller.headers,
                        CONTENT_LENGTH=length,
                    )
                assert Answer(response).error == (400, "the Content-Length is not a number")

    def test_ids_of_nothing_in_every_position(self, rows: Rows, row: Row) -> None:
        for operation in ONCE:
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
                    if name == "eventType":
                        continue  # a name, not an id, and it may have a slash
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
        for operation in LISTS:
            caller, path = rows.caller(operation), f"{rows.path(operation)}?direction={direction}"
            # The direction concerns what orders the rows: the other parameters have "prev" in one request. So have
            # those that the operation does not know.
            alone = documented_parameters(operation) & {*ordering, *(others if direction == "next" else ())}
            together = [name for name in ordering + others if name not in alone]
            for names in [*([name] for name in sorted(alone)), together]:
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
