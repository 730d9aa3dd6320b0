"""/portal-api/eventdeliveries: what a customer sees of their deliveries, and sends again.

Contract: docs/contract/portal-sessions.md#portal-deliveries.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from deliveries.batch_retry import STALE_AFTER, work_off
from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint
from events.models import BatchRetry, EventDelivery
from portal_links.capabilities import CREATE_ATTEMPTS, READ_ONLY
from projects.models import Project
from tests.conftest import API, Answer
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.portal.api.customers import (
    KINDS,
    ROOT,
    AnswersOptions,
    Call,
    MakeEndpoint,
    RefusesKeys,
    RefusesStrangers,
    create_link,
    create_session,
    customer,
    portal,
)
from tests.statements import nothing_changes, statements

LIST = "/eventdeliveries"
HEADERS = {"X-Tenant": ["acme"], "Content-Type": ["text/plain"], "X-My-Signature": ["s"], "X-Api-Key": ["k", "l"]}
MASKED = {"X-Tenant": ["***"], "Content-Type": ["text/plain"], "X-My-Signature": ["s"], "X-Api-Key": ["***", "***"]}


@pytest.fixture
def delivery(endpoint: Endpoint) -> EventDelivery:
    """A delivery to Acme's endpoint that was given up on."""
    event = make_event(endpoint.project_id, headers=HEADERS, endpoints=[endpoint.uid], idempotency_key="991")
    return make_delivery(endpoint, "Failure", event=event)


@pytest.fixture
def foreign(project: Project, other_project: Project, make_endpoint: MakeEndpoint) -> list[EventDelivery]:
    """Deliveries of others: of another owner, of none, of a deleted endpoint of Acme's, of another project."""
    gone = make_endpoint(owner_id="acme")
    others = [make_endpoint(owner_id="globex"), make_endpoint(), gone]
    others.append(make_endpoint(project_id=other_project.uid, owner_id="acme"))
    rows = [
        make_delivery(
            other,
            status,
            event=make_event(other.project_id, endpoints=[other.uid], idempotency_key=f"{status} {number}"),
        )
        for number, other in enumerate(others)
        for status in ("Failure", "Success")
    ]
    for row in rows:
        make_attempt(row)
    delete_endpoint(project.uid, gone.uid)
    return rows


@pytest.fixture
def path(delivery: EventDelivery) -> str:
    return f"{LIST}/{delivery.uid}"


def uids(answer: Answer) -> list[str]:
    return [row["uid"] for row in answer.data["content"]]


class TestReads:
    def test_the_customers_own(self, manager: API, path: str, delivery: EventDelivery, foreign: Any) -> None:
        page = manager.get(LIST)
        assert (page.message, uids(page)) == ("Event deliveries fetched successfully", [delivery.uid])
        shown = manager.get(path)
        assert shown.data == page.data["content"][0]
        assert (shown.message, shown.data["uid"]) == ("Event Delivery fetched successfully", delivery.uid)
        assert uids(manager.get(f"{LIST}/")) == [delivery.uid]

    def test_the_values_of_headers_are_masked(self, manager: API, looker: API, path: str, delivery: Any) -> None:
        attempt = make_attempt(delivery)
        for caller in (manager, looker):
            assert caller.get(path).data["headers"] == MASKED
            for shown in (
                caller.get(f"{path}/deliveryattempts").data[0],
                caller.get(f"{path}/deliveryattempts/{attempt.uid}").data,
            ):
                assert shown["uid"] == attempt.uid
                assert shown["request_http_header"] == {"Content-Type": "application/json", "X-Tenant": "***"}
                assert shown["response_http_header"] == {"Content-Length": "5", "Set-Cookie": "***"}

    @pytest.mark.slow
    def test_a_key_sees_its_whole_project_and_every_value(
        self, api: API, path: str, delivery: EventDelivery, foreign: list[EventDelivery]
    ) -> None:
        api.root = ROOT
        assert len(uids(api.get(LIST))) == 1 + len([row for row in foreign if row.project_id == delivery.project_id])
        assert api.get(path).data["headers"] == HEADERS
        attempt = make_attempt(delivery)
        shown = api.get(f"{path}/deliveryattempts/{attempt.uid}").data
        assert shown["request_http_header"]["X-Tenant"] == "acme"

    @pytest.mark.parametrize("kind", KINDS)
    def test_others_look_like_none(
        self, project: Project, path: str, foreign: list[EventDelivery], delivery: EventDelivery, kind: str
    ) -> None:
        caller = customer(project, kind)
        attempt = make_attempt(delivery)
        answers = [
            caller.get(path.replace(delivery.uid, uid) + rest)
            for uid in [*(row.uid for row in foreign), "nope", "a" * 5000]
            for rest in ("", "/deliveryattempts", f"/deliveryattempts/{attempt.uid}")
        ]
        assert {answer.error for answer in answers} == {(401, "unauthorized")}
        assert len({answer.response.content for answer in answers}) == 1

    def test_an_attempt_of_another_delivery(
        self, manager: API, path: str, delivery: EventDelivery, foreign: list[EventDelivery]
    ) -> None:
        attempt = make_attempt(foreign[0])
        for uid in (attempt.uid, "nope"):
            assert manager.get(f"{path}/deliveryattempts/{uid}").error == (400, "event delivery attempt not found")

    def test_a_list_link_opens_its_lists_deliveries(
        self, project: Project, make_endpoint: MakeEndpoint, delivery: EventDelivery
    ) -> None:
        listed = make_delivery(make_endpoint())
        caller = customer(project, "static token", owner_id="", endpoints=[listed.endpoint_id])
        assert uids(caller.get(LIST)) == [listed.uid]
        assert caller.get(f"{LIST}/{delivery.uid}").error == (401, "unauthorized")


class TestFilters:
    def test_an_endpoint_out_of_scope_is_none(
        self, manager: API, delivery: EventDelivery, foreign: list[EventDelivery]
    ) -> None:
        own, other = delivery.endpoint_id, foreign[0].endpoint_id
        assert uids(manager.get(f"{LIST}?endpointId={own}&endpointId={other}")) == [delivery.uid]
        assert uids(manager.get(f"{LIST}?endpointId={own}&eventType=invoice.paid")) == [delivery.uid]
        page = manager.get(f"{LIST}?endpointId={other}")
        assert (page.status, uids(page)) == (200, [])

    def test_an_idempotency_key_of_another_customer_looks_unknown(
        self, manager: API, delivery: EventDelivery, foreign: list[EventDelivery]
    ) -> None:
        assert uids(manager.get(f"{LIST}?idempotencyKey=991")) == [delivery.uid]
        for key in ("Failure%200", "unknown"):
            assert manager.get(f"{LIST}?idempotencyKey={key}").error == (400, "event not found")

    @pytest.mark.slow
    def test_nothing_in_scope(self, project: Project, foreign: Any) -> None:
        caller = portal(create_link(project, owner_id="nobody").token)
        page = caller.get(LIST)
        assert (page.status, page.data["content"], page.data["pagination"]["has_next_page"]) == (200, [], False)
        assert caller.get(f"{LIST}/countbatchretryevents").data == {"num": 0}
        assert caller.get(f"{LIST}/statustotals").data == {"totals": {}, "source": "live"}
        with nothing_changes():
            answer = caller.post(f"{LIST}/batchretry")
        assert (answer.status, answer.message) == (200, "the portal link doesn't contain any endpoints")


class TestResend:
    def test_ones_own(self, manager: API, looker: API, path: str, delivery: EventDelivery, project: Project) -> None:
        answer = manager.put(f"{path}/resend")
        assert (answer.status, answer.message) == (200, "App event processed for retry successfully")
        assert answer.data == manager.get(path).data
        assert (answer.data["status"], answer.data["headers"]) == ("Scheduled", MASKED)
        assert manager.put(f"{path}/resend").error == (400, "cannot resend event that did not fail previously")

    @pytest.mark.parametrize("kind", KINDS)
    def test_others(self, project: Project, foreign: list[EventDelivery], kind: str) -> None:
        caller = customer(project, kind)
        with nothing_changes():
            for uid in [*(row.uid for row in foreign), "nope"]:
                assert caller.put(f"{LIST}/{uid}/resend").error == (401, "unauthorized")


class TestForceResend:
    def test_ones_own(self, manager: API, delivery: EventDelivery) -> None:
        delivered = make_delivery(delivery.endpoint, "Success")
        answer = manager.post(f"{LIST}/forceresend", {"ids": [delivered.uid, delivered.uid]})
        assert (answer.status, answer.message, answer.data) == (200, "1 successful, 0 failed", None)
        assert EventDelivery.objects.get(status="Scheduled") == delivered
        assert manager.post(f"{LIST}/forceresend", {"ids": []}).message == "0 successful, 0 failed"

    @pytest.mark.parametrize("kind", KINDS)
    def test_one_of_another_customer_keeps_all_from_being_sent(
        self, project: Project, delivery: EventDelivery, foreign: list[EventDelivery], kind: str
    ) -> None:
        delivered = make_delivery(delivery.endpoint, "Success")
        caller = customer(project, kind)
        with nothing_changes():
            for uid in [*(row.uid for row in foreign), "nope"]:
                answer = caller.post(f"{LIST}/forceresend", {"ids": [delivered.uid, uid]})
                assert answer.error == (401, "unauthorized")


class TestBatchRetry:
    @pytest.mark.slow
    def test_the_customers_own_alone(self, manager: API, delivery: EventDelivery, foreign: list[EventDelivery]) -> None:
        named = "&".join(f"endpointId={row.endpoint_id}" for row in [*foreign, delivery])
        answer = manager.post(f"{LIST}/batchretry?{named}")
        assert (answer.status, answer.message, answer.data) == (200, "Batch retry processing", None)
        while work_off():
            pass
        assert EventDelivery.objects.get(status="Scheduled") == delivery

    def test_the_scope_is_that_of_the_request(
        self, manager: API, delivery: EventDelivery, make_endpoint: MakeEndpoint
    ) -> None:
        later = make_endpoint(owner_id="globex")
        row = make_delivery(later, "Failure")
        manager.post(f"{LIST}/batchretry")
        Endpoint.objects.filter(pk=later.pk).update(owner_id="acme")
        assert BatchRetry.objects.get().parameters["endpoint_ids"] == [delivery.endpoint_id]
        while work_off():
            pass
        row.refresh_from_db()
        assert row.status == "Failure"

    @pytest.mark.slow
    def test_one_at_a_time_is_one_of_each_customer_and_of_the_company(
        self, project: Project, api: API, delivery: EventDelivery, foreign: list[EventDelivery]
    ) -> None:
        begin = f"{LIST}/batchretry"
        callers = [customer(project, "static token", owner_id=owner_id) for owner_id in ("acme", "globex")]
        for caller in callers:
            assert caller.post(begin).status == 200
        company = f"/projects/{project.uid}{begin}"
        assert api.post(company).status == 200
        assert {caller.post(begin).error for caller in callers} == {(400, "an active batch retry already exists")}
        BatchRetry.objects.update(updated_at=timezone.now() - STALE_AFTER)
        # A new one gives up on the caller's own alone.
        assert api.post(company).status == 200
        assert BatchRetry.objects.filter(finished_at=None).count() == 3
        assert BatchRetry.objects.get(finished_at__isnull=False).customer == ""

    def test_an_endpoint_out_of_scope(self, manager: API, foreign: list[EventDelivery]) -> None:
        with nothing_changes():
            answer = manager.post(f"{LIST}/batchretry?endpointId={foreign[0].endpoint_id}")
        assert answer.message == "the portal link doesn't contain any endpoints"


@pytest.mark.parametrize("write", ["resend", "forceresend", "batchretry"])
class TestCapability:
    """To send again takes the capability to create attempts, and no other."""

    @pytest.fixture
    def call(self, write: str, delivery: EventDelivery) -> Call:
        delivered = make_delivery(delivery.endpoint, "Success")
        calls: dict[str, Callable[[API], Answer]] = {
            "resend": lambda api: api.put(f"{LIST}/{delivery.uid}/resend"),
            "forceresend": lambda api: api.post(f"{LIST}/forceresend", {"ids": [delivered.uid]}),
            "batchretry": lambda api: api.post(f"{LIST}/batchretry"),
        }
        return calls[write]

    def test_who_may_only_look(self, project: Project, call: Call, write: str) -> None:
        minted = create_session(project, capabilities=READ_ONLY)
        caller = portal(minted.secret)
        caller.get(LIST)  # its use is noted
        with nothing_changes():
            assert call(caller).error == (403, "Unauthorized")

    def test_who_may_send_again(self, project: Project, call: Call, write: str) -> None:
        minted = create_session(project, capabilities=READ_ONLY | {CREATE_ATTEMPTS})
        assert call(portal(minted.secret)).status == 200

    @pytest.mark.parametrize("kind", ["static token", "PRT token"])
    def test_a_link_that_manages_no_endpoints_may(self, project: Project, call: Call, kind: str, write: str) -> None:
        assert call(customer(project, kind, manages=False)).status == 200


class TestResendAuthentication(RefusesStrangers, RefusesKeys, AnswersOptions):
    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.put(f"{path}/resend")


class TestForceResendAuthentication(RefusesStrangers, RefusesKeys, AnswersOptions):
    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.post(f"{LIST}/forceresend", {"ids": []})


class TestBatchRetryAuthentication(RefusesStrangers, RefusesKeys, AnswersOptions):
    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.post(f"{LIST}/batchretry")


class TestReadsAuthentication(RefusesStrangers):
    @pytest.fixture(params=["", "/deliveryattempts"])
    def call(self, request: pytest.FixtureRequest, path: str) -> Call:
        return lambda api: api.get(path + request.param)


@pytest.mark.parametrize("count", [1, 20])
def test_the_statements_of_the_list(project: Project, make_endpoint: MakeEndpoint, count: int) -> None:
    for _ in range(count):
        make_delivery(make_endpoint(owner_id="acme"))
    caller = portal(create_link(project).token)
    with statements() as found:
        assert len(uids(caller.get(LIST))) == count
    # The link; the scope and the ids of the page, with their limit of time before and, inside a test's transaction,
    # after them; the rows of the page.
    assert found == [
        *("SELECT portal_links_portallink", "SELECT"),
        *("SELECT endpoints_endpoint", "SELECT events_eventdelivery", "SELECT"),
        "SELECT events_eventdelivery",
    ]
