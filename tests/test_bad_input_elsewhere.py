"""Bad input for the operations of the APIs that are not Convoy's: a 4xx in the API's own shape, and nothing changed."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.utils import timezone

from deliveries.recovery import create_recovery_job
from endpoints.operations import create_endpoint
from jobs.models import Job
from portal_links.capabilities import EVERYTHING
from portal_links.delivery_links import DeliveryNamed, create_delivery_link
from portal_links.models import PortalSession
from portal_links.sessions import mint_session
from projects.models import APIKey, EventType, Project
from projects.operations import create_api_key
from replay.missing import MISSING_JOB
from subscriptions.operations import create_subscription
from tests.bad_values import IDS, NO_TEXTS, broken
from tests.callers import caller_of
from tests.conftest import Row
from tests.deliveries.rows import make_attempt, make_delivery
from tests.good_bodies_elsewhere import (
    ACCESS,
    ALWAYS_REFUSED,
    BODIES,
    EITHER,
    ITEMS,
    OPTIONAL,
    READ_BY_THE_OTHER,
    WITHOUT_BODY,
)
from tests.hostile import HALF_PAIRS, NOT_A_BODY, UNREADABLE
from tests.jobs.rows import make_job
from tests.routes import ELSEWHERE, WITHOUT_SECOND_PATHS, Operation, Surface, documented_parameters
from tests.statements import nothing_changes
from tests.surfaces import bearer, refusal, send

# Thousands of requests, on a machine that is busy with something else.
pytestmark = [pytest.mark.matrix, pytest.mark.timeout(900)]

#: Where more than a few requests are sent.
ONCE = [operation for operation in ELSEWHERE if operation in WITHOUT_SECOND_PATHS]
WITH_BODY = [operation for operation in ONCE if str(operation) in BODIES]
WITH_ITEMS = [operation for operation in ELSEWHERE if str(operation) in ITEMS]
#: The operations that answer with pages.
PAGED = tuple(f"GET /portal-api/{name}" for name in ("endpoints", "eventdeliveries", "events", "jobs"))
LISTS = [operation for operation in ONCE if str(operation).rstrip("/") in PAGED]
#: The rows that a path names and that must exist.
NAMED = (
    *("projectID", "endpointID", "eventDeliveryID", "deliveryAttemptID", "eventID", "linkID"),
    *("subscriptionID", "filterID", "eventTypeId", "jobID", "taskID", "environmentID"),
)
#: The operations that create the row that their path names (tests/svix_api/test_endpoints.py).
CREATES = {"PUT /api/v1/app/{ownerID}/endpoint/{endpointID}"}

#: Trials of filters on an event's payload.
TRIALS = (
    "POST /portal-api/subscriptions/test_filter",
    "POST /portal-api/subscriptions/{subscriptionID}/filters/test/{eventType}",
)


class Caller:
    """Somebody who may carry out every operation, with the ids of their own rows."""

    def __init__(self, project: Project) -> None:
        admin, key = create_api_key(name="admin", role=APIKey.Role.PROJECT_ADMIN, project=project)
        owner: dict[str, Any] = {"owner_id": "acme", "scopes": ["webhooks:manage"]}
        endpoint = create_endpoint(project.uid, name="Old", url="https://hooks.example.com/old", owner_id="acme")
        minted = mint_session(
            project.uid,
            owner_id="acme",
            surface=PortalSession.Surface.SVIX,
            capabilities=EVERYTHING,
            lifetime=timedelta(hours=1),
            single_use=False,
            minted_by=caller_of(admin),
            reference="their session",
        )
        # A use is noted once the last note is a minute old, of refused requests too.
        PortalSession.objects.update(last_used_at=timezone.now() + timedelta(hours=1), last_used_from="127.0.0.1")
        self.ids = {"projectID": project.uid, "ownerID": "acme", "endpointID": endpoint.uid}
        project.config["multiple_endpoint_subscriptions"] = True
        project.save(update_fields=["config"])
        subscription = create_subscription(project.uid, name="Old", endpoint_id=endpoint.uid)
        event_type = EventType.objects.create(project=project, name="new.type")
        EventType.objects.create(project=project, name="a")
        rows = {"eventTypeId": event_type, "subscriptionID": subscription, "filterID": subscription.filters.get()}
        self.ids |= {name: row.pk for name, row in rows.items()} | {"eventType": "new.type", "eventTypeName": "a"}
        delivery = make_delivery(endpoint, "Failure")
        self.ids |= {"eventDeliveryID": delivery.uid, "deliveryAttemptID": make_attempt(delivery).uid}
        self.ids["eventID"] = delivery.event_id
        named = DeliveryNamed(project.uid, delivery.uid, "acme", endpoint.uid, delivery.event_type)
        shared = create_delivery_link(named, shows_payload=True, customer="owner:acme")
        self.ids["linkID"] = shared.link.uid
        self.ids["environmentID"] = "env_default"
        self.ids["jobID"] = make_job(project, customer="owner:acme", is_dry_run=True).uid
        task = create_recovery_job(endpoint, MISSING_JOB, since=timezone.now())
        Job.objects.filter(pk=task.pk).update(finished_at=timezone.now())
        self.ids["taskID"] = task.uid
        owners_key = create_api_key(name="a", role=APIKey.Role.PROJECT_ADMIN, project=project, **owner)[1]
        self._session, self._key, self._owners_key = minted.secret, key, owners_key

    def credential(self, operation: Operation) -> str:
        """Return the headers that open the operation."""
        match operation.surface:
            case Surface.FEATHER:
                return self._owners_key
            case Surface.PORTAL:
                return self._session
            case _:
                return self._session if operation.path.endswith("/logout") else self._key

    def __call__(
        self,
        operation: Operation,
        body: Any = None,
        *,
        query: str = "",
        content_type: str = "application/json",
        **ids: str,
    ) -> Any:
        url = operation.url.format(**self.ids | ids) + query
        return send(operation, url, self.credential(operation), body, content_type=content_type)

    def body(self, operation: Operation) -> Any:
        """A good body, or None."""
        if item := ITEMS.get(str(operation)):
            return [item | ({"uid": self.ids["filterID"]} if "uid" in item else {})]
        body = BODIES.get(str(operation))
        if str(operation) == "POST /api/ingest/batch":
            [item] = BODIES[str(operation)]["items"]
            return {"items": [item | {"endpointId": self.ids["endpointID"]}]}
        return body | {"endpoint_id": self.ids["endpointID"]} if body and "endpoint_id" in body else body

    def is_refused(self, operation: Operation, body: Any, said_of: Any = None, **ids: str) -> None:
        """Check that the operation answers with a refusal in the right shape; `said_of` is what a failure shows."""
        status, message = refusal(operation.surface, self(operation, body, **ids))
        assert 400 <= status < 500, (status, str(said_of or body)[:200])
        assert message


@pytest.fixture
def caller(project: Project) -> Caller:
    return Caller(project)


def test_every_operation_is_known() -> None:
    """A new one fails here until it has a good body, or is known to read none."""
    writing = {str(operation) for operation in ELSEWHERE if operation.method != "GET"}
    assert writing == BODIES.keys() | ITEMS.keys() | WITHOUT_BODY | ALWAYS_REFUSED


class TestBodies:
    def test_the_good_body_is_good_and_whole(self, caller: Caller, row: Row, fields_missed: Counter[str]) -> None:
        """Otherwise the tests below would pass for another reason, or would leave out a field."""
        for operation in ELSEWHERE:
            if str(operation) not in BODIES:
                continue
            with row(operation):
                fields_missed.clear()
                assert caller(operation, caller.body(operation)).status_code in (200, 201, 202, 204)
                assert fields_missed.pop("objects")
                creates = str(operation).startswith("POST /portal-api/endpoints") and "{" not in str(operation)
                expected = READ_BY_THE_OTHER if creates else EITHER.get(str(operation), set())
                assert fields_missed.keys() == expected

    def test_what_is_no_json_object(self, caller: Caller, row: Row) -> None:
        for operation in WITH_BODY:
            with row(operation), nothing_changes():
                for body in [*(body for body, _ in NOT_A_BODY), *UNREADABLE]:
                    if body in HALF_PAIRS and str(operation) in TRIALS:
                        continue  # test_text_that_is_none
                    if body.strip() or str(operation) not in OPTIONAL:
                        caller.is_refused(operation, body)

    def test_what_is_not_utf8(self, caller: Caller, row: Row) -> None:
        for operation in WITH_BODY:
            text = orjson.dumps(caller.body(operation)).decode()
            with row(operation), nothing_changes():
                for encoding in ("utf-16", "utf-32", "utf-8-sig"):
                    caller.is_refused(operation, text.encode(encoding), encoding)

    def test_what_does_not_belong_where_it_stands(self, caller: Caller, row: Row) -> None:
        for operation in WITH_BODY:
            with row(operation), nothing_changes():
                for body in broken(caller.body(operation)):
                    application = body.get("application")
                    if str(operation) == ACCESS and isinstance(application, dict) and application != {"name": "Acme"}:
                        continue  # what an application holds is not read
                    caller.is_refused(operation, json.dumps(body).encode())

    @pytest.mark.parametrize("text", NO_TEXTS.values(), ids=NO_TEXTS.keys())
    def test_text_that_is_none(self, caller: Caller, row: Row, text: bytes) -> None:
        body = orjson.dumps({"name": "REPLACED"}).replace(b"REPLACED", text)
        for operation in WITH_BODY:
            with row(operation), nothing_changes():
                if str(operation) in TRIALS and text.startswith(b"\\u"):
                    # Half of a surrogate pair, which payloads have.
                    assert caller(operation, body).status_code == 200
                else:
                    caller.is_refused(operation, body)


class TestArrays:
    def test_good_and_bad(self, caller: Caller, row: Row, fields_missed: Counter[str]) -> None:
        """The reading is the Convoy API's, where more is tried (test_bad_input.py)."""
        for operation in WITH_ITEMS:
            [item] = caller.body(operation)
            with row(operation):
                with nothing_changes():
                    for body in (b"", b"null", item, [], [None], [item, 1], [item, item]):
                        caller.is_refused(operation, body)
                    for wrong in broken(item):
                        caller.is_refused(operation, json.dumps([wrong]).encode())
                fields_missed.clear()
                assert caller(operation, caller.body(operation)).status_code in (200, 201)
                assert fields_missed.pop("objects")
                assert not fields_missed


class TestEveryOperation:
    def test_another_content_type(self, caller: Caller, row: Row) -> None:
        """Only the portal API does not ask what it is sent, as the reference says."""
        types = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "*")
        for operation in ELSEWHERE:
            with row(operation):
                for content_type in types:
                    if operation.surface == Surface.PORTAL:
                        response = caller(operation, caller.body(operation) or {}, content_type=content_type)
                        assert response.status_code != 415
                        assert response.status_code < 500
                    else:
                        with nothing_changes():
                            response = caller(operation, b"{}", content_type=content_type)
                        refused = refusal(operation.surface, response)
                        assert refused == (415, "the request body must be application/json")

    def test_a_body_that_is_one_byte_too_long(self, caller: Caller, row: Row) -> None:
        body = b"{}".ljust(settings.MAX_REQUEST_BODY_BYTES + 1)
        for operation in ELSEWHERE:
            with row(operation):
                with nothing_changes():
                    response = caller(operation, body)
                assert refusal(operation.surface, response) == (413, "request body is too large")

    def test_chunks_without_an_end(self, caller: Caller, row: Row) -> None:
        for operation in ELSEWHERE:
            with row(operation):
                with nothing_changes():
                    response = send(
                        operation,
                        operation.url.format(**caller.ids),
                        caller.credential(operation),
                        content_type="application/json",
                        **{"Transfer-Encoding": "chunked"},
                    )
                refused = refusal(operation.surface, response)
                assert refused == (411, "send the request body with a Content-Length")

    def test_ids_of_nothing_in_every_position(self, caller: Caller, row: Row) -> None:
        for operation in ONCE:
            if str(operation) in CREATES:
                continue
            # An owner need not exist, so any text is one.
            names = [name for name in NAMED if f"{{{name}}}" in operation.path]
            with row(operation), nothing_changes():
                for name in names:
                    for uid in IDS:
                        caller.is_refused(operation, caller.body(operation), uid, **{name: uid})

    def test_owners_that_cannot_be(self, caller: Caller, row: Row) -> None:
        for operation in ELSEWHERE:
            if "{ownerID}" not in operation.path:
                continue
            with row(operation), nothing_changes():
                for owner_id in ("%20", "%00", "a%00b", "a" * 256, "%0A"):
                    caller.is_refused(operation, None, owner_id, ownerID=owner_id)

    def test_other_methods(self, caller: Caller, row: Row) -> None:
        for operation in ELSEWHERE:
            url, credential = operation.url.format(**caller.ids), caller.credential(operation)
            with row(operation), nothing_changes():
                for method in ("PATCH", "TRACE", "PROPFIND"):
                    other = operation._replace(method=method)
                    if other in ELSEWHERE:
                        continue
                    response = send(other, url, credential)
                    assert refusal(operation.surface, response) == (405, "method not allowed")

    def test_credentials_that_are_none(self, caller: Caller, row: Row) -> None:
        nothing = ("", " ", "a b", "CO.", "CO..", "PRT.", "PST.", "nhm_", "…", "\xff", "'", "a" * 5000)
        for operation in ELSEWHERE:
            url = operation.url.format(**caller.ids)
            with row(operation), nothing_changes():
                for credential in nothing:
                    response = send(operation, url, credential)
                    assert refusal(operation.surface, response)[0] == 401, credential
                for scheme in ("Basic YTpi", "Bearer", "Token x", caller.credential(operation)):
                    response = send(operation, url, None, Authorization=scheme)
                    assert refusal(operation.surface, response)[0] == 401, scheme


class TestQueries:
    def test_garbage(self, caller: Caller, row: Row) -> None:
        ordering = ["next_page_cursor", "prev_page_cursor", "sort"]
        others = ["q", "ownerId", "endpointId", "perPage", "x"]
        for operation in LISTS:
            # The direction concerns what orders the rows: the other parameters have the second one in one request.
            # So have those that the operation does not know.
            known = documented_parameters(operation)
            groups = []
            for direction, alone in (("next", known & {*ordering, *others}), ("prev", known & {*ordering})):
                groups += [(direction, [name]) for name in sorted(alone)]
                groups.append((direction, [name for name in ordering + others if name not in alone]))
            for direction, names in groups:
                with row(f"{operation}?direction={direction}&{'&'.join(names)}"):
                    for text in (*IDS, "%", "%5C", "_", "%zz", "~", "%EF%BF%BF", "&&&", "=", "x&{name}=y"):
                        query = "&".join(f"{name}={text.replace('{name}', name)}" for name in names)
                        response = caller(operation, query=f"?direction={direction}&{query}")
                        if "%00" in text:
                            assert refusal(Surface.PORTAL, response)[0] == 400
                        else:
                            assert response.status_code == 200, (direction, names, text)


def test_a_bare_token_is_no_bearer_token(project: Project) -> None:
    """Otherwise the checks of other schemes above would refuse for another reason."""
    operation = next(operation for operation in LISTS if operation.method == "GET")
    credential = Caller(project).credential(operation)
    assert send(operation, operation.url, None, **dict([bearer(credential)])).status_code == 200


@pytest.mark.parametrize(
    ("path", "surface", "status"),
    [
        ("/management/v1/nope", Surface.NAHOOK, 401),
        ("/management/v1/workspaces/x/applications/a%2Fb/portal", Surface.NAHOOK, 401),
        ("/v1/nope", Surface.FEATHER, 404),
        ("/v1/webhooks/portal/", Surface.FEATHER, 404),
        ("/api/v1/auth/nope", Surface.SVIX, 404),
        ("/ingest/api/v1/source", Surface.SVIX, 401),
        ("/ingest/nope", Surface.SVIX, 404),
        ("/portal-api", Surface.PORTAL, 401),
        ("/portal-api/nope", Surface.PORTAL, 401),
        ("/portal-api/endpoints/a/b", Surface.PORTAL, 401),
    ],
)
def test_a_path_that_is_none_answers_in_json(project: Project, path: str, surface: Surface, status: int) -> None:
    """404, or 401 first where nobody learns what there is without a credential. Never a page."""
    response = send(Operation("POST", path, surface), path, None)
    assert refusal(surface, response)[0] == status
