"""Events in the portal API: one customer's alone. Contract: docs/contract/portal-sessions.md#portal-events."""

from collections.abc import Callable
from typing import Any

import pytest

from endpoints.models import Endpoint
from events.models import Event, EventDelivery
from events.operations import content, create_broadcast_event, create_event, create_fanout_event
from events.storage import Content
from portal_links.capabilities import EVERYTHING, SVIX
from projects.models import Project
from subscriptions.models import Filter, Subscription
from tests.conftest import API
from tests.portal.api.customers import (
    KINDS,
    ROOT,
    AnswersOptions,
    Call,
    RefusesKeys,
    RefusesStrangers,
    create_link,
    create_session,
    customer,
    portal,
)
from tests.statements import nothing_changes

MakeEndpoint = Callable[..., Endpoint]

PATH = "/events"
UNSEEN = (401, "unauthorized")


def said(text: str = "ours", **fields: Any) -> Content:
    return content(event_type="a", raw=f'"{text}"'.encode(), value=text, **fields)


def direct(endpoint: Endpoint, *args: Any, **fields: Any) -> Event:
    return Event.objects.get(pk=create_event(endpoint.project_id, said(*args, **fields), endpoint_id=endpoint.uid).uid)


def subscribe(endpoint: Endpoint) -> None:
    row = Subscription.objects.create(project_id=endpoint.project_id, endpoint=endpoint, name="s", event_types=["*"])
    Filter.objects.create(subscription=row, event_type="*", enabled_at=row.created_at)


@pytest.fixture
def own(make_endpoint: MakeEndpoint) -> Endpoint:
    return make_endpoint(owner_id="acme")


@pytest.fixture
def foreign(make_endpoint: MakeEndpoint) -> Endpoint:
    return make_endpoint(owner_id="globex")


@pytest.fixture
def shared(own: Endpoint, foreign: Endpoint) -> Event:
    """An event that two customers have got."""
    subscribe(own)
    subscribe(foreign)
    return Event.objects.get(pk=create_broadcast_event(own.project_id, said("shared")).uid)


@pytest.mark.parametrize("kind", KINDS)
class TestScope:
    def test_the_list(self, project: Project, own: Endpoint, foreign: Endpoint, shared: Event, kind: str) -> None:
        mine, theirs = direct(own), direct(foreign, "theirs")
        answer = customer(project, kind).get(PATH)
        assert (answer.status, answer.message) == (200, "App events fetched successfully")
        assert [row["uid"] for row in answer.data["content"]] == [mine.uid, shared.uid]
        assert theirs.uid not in answer.response.content.decode()
        assert foreign.uid not in answer.response.content.decode()

    @pytest.mark.slow
    def test_filters_do_not_widen_it(
        self, project: Project, own: Endpoint, foreign: Endpoint, shared: Event, kind: str
    ) -> None:
        direct(foreign, "theirs")
        caller = customer(project, kind)
        for query in (f"endpointId={foreign.uid}", "ownerId=globex"):
            assert caller.get(f"{PATH}?{query}").data["content"] == []
            assert caller.get(f"{PATH}/countbatchreplayevents?{query}").data == {"num": 0}
            with nothing_changes():
                assert caller.post(f"{PATH}/batchreplay?{query}").message == "0 successful, 0 failed"
        found = caller.get(f"{PATH}?endpointId={foreign.uid}&endpointId={own.uid}").data["content"]
        assert [row["uid"] for row in found] == [shared.uid]

    def test_without_endpoints_there_is_nothing(self, project: Project, shared: Event, kind: str) -> None:
        caller = customer(project, kind, owner_id="nobody")
        assert caller.get(PATH).data["content"] == []
        assert caller.get(f"{PATH}/countbatchreplayevents").data == {"num": 0}
        assert caller.post(f"{PATH}/batchreplay").message == "0 successful, 0 failed"

    def test_one_event(self, project: Project, own: Endpoint, foreign: Endpoint, shared: Event, kind: str) -> None:
        caller = customer(project, kind)
        seen = caller.get(f"{PATH}/{shared.uid}")
        assert (seen.status, seen.message) == (200, "Endpoint event fetched successfully")
        assert (seen.data["data"], seen.data["endpoints"]) == ("shared", [own.uid])
        for uid in (direct(foreign).uid, "unknown"):
            assert caller.get(f"{PATH}/{uid}").error == UNSEEN

    def test_headers_are_masked(self, project: Project, own: Endpoint, kind: str) -> None:
        event = direct(own, custom_headers={"X-Tenant": "the value"})
        caller = customer(project, kind)
        assert caller.get(f"{PATH}/{event.uid}").data["headers"] == {"X-Tenant": ["***"]}
        assert "the value" not in caller.get(PATH).response.content.decode()

    def test_an_event_for_an_endpoint_of_ones_own(self, project: Project, own: Endpoint, kind: str) -> None:
        body = {"endpoint_id": own.uid, "event_type": "a", "data": 1}
        answer = customer(project, kind).post(PATH, body)
        assert (answer.status, answer.message) == (201, "Event queued successfully")
        assert EventDelivery.objects.get().event_id == answer.data["uid"]

    def test_an_event_for_another_customer(self, project: Project, own: Endpoint, foreign: Endpoint, kind: str) -> None:
        caller = customer(project, kind)
        with nothing_changes():
            for uid in (foreign.uid, "unknown", "a" * 200):
                for name in ("endpoint_id", "app_id"):
                    assert caller.post(PATH, {name: uid, "event_type": "a", "data": 1}).error == UNSEEN
            # An error in the body is refused first.
            assert caller.post(PATH, {"endpoint_id": foreign.uid}).error[0] == 400

    def test_a_replay(self, project: Project, own: Endpoint, foreign: Endpoint, shared: Event, kind: str) -> None:
        mine, theirs = direct(own), direct(foreign)
        caller = customer(project, kind)
        with nothing_changes():
            for uid in (theirs.uid, shared.uid, "unknown"):
                assert caller.put(f"{PATH}/{uid}/replay").error == UNSEEN
        answer = caller.put(f"{PATH}/{mine.uid}/replay")
        assert (answer.status, answer.message) == (200, "Endpoint event replayed successfully")
        assert EventDelivery.objects.filter(event=mine).count() == 2

    def test_a_batch_replay_tells_what_it_may_not(
        self, project: Project, own: Endpoint, foreign: Endpoint, shared: Event, kind: str
    ) -> None:
        mine, theirs = direct(own), direct(foreign)
        caller = customer(project, kind)
        assert caller.get(f"{PATH}/countbatchreplayevents").data == {"num": 2}
        assert caller.post(f"{PATH}/batchreplay").message == "1 successful, 1 failed"
        counts = [EventDelivery.objects.filter(event=event).count() for event in (mine, theirs, shared)]
        assert counts == [2, 1, 2]

    def test_a_broadcast_is_replayed_to_ones_own_endpoints_alone(
        self, project: Project, own: Endpoint, foreign: Endpoint, kind: str
    ) -> None:
        """When it came in the other customer did not take it, and does now."""
        subscribe(own)
        event = Event.objects.get(pk=create_broadcast_event(project.uid, said()).uid)
        subscribe(foreign)
        assert customer(project, kind).put(f"{PATH}/{event.uid}/replay").status == 200
        assert {row.endpoint_id for row in EventDelivery.objects.all()} == {own.uid}

    def test_an_event_without_endpoints_is_nobodys(self, project: Project, kind: str) -> None:
        uid = create_fanout_event(project.uid, said(), owner_id="acme").uid
        caller = customer(project, kind)
        with nothing_changes():
            assert caller.get(f"{PATH}/{uid}").error == UNSEEN
            assert caller.put(f"{PATH}/{uid}/replay").error == UNSEEN


def test_a_list_link_opens_the_events_of_its_list(project: Project, make_endpoint: MakeEndpoint) -> None:
    listed, other = make_endpoint(), make_endpoint()
    mine, theirs = direct(listed), direct(other)
    caller = customer(project, "static token", owner_id="", endpoints=[listed.uid])
    assert [row["uid"] for row in caller.get(PATH).data["content"]] == [mine.uid]
    assert caller.put(f"{PATH}/{mine.uid}/replay").status == 200
    assert caller.put(f"{PATH}/{theirs.uid}/replay").error == UNSEEN


class TestIdempotencyKeys:
    """A key is the company's or one customer's: none of them can use up, or find out, another's."""

    def test_a_key_of_a_customer_does_not_use_up_that_of_the_company(
        self, project: Project, own: Endpoint, foreign: Endpoint
    ) -> None:
        body = {"endpoint_id": own.uid, "event_type": "a", "data": 1, "idempotency_key": "invoice-992"}
        customer(project, "static token").post(PATH, body)
        event = direct(foreign, idempotency_key="invoice-992")
        assert not event.is_duplicate_event
        assert EventDelivery.objects.filter(event=event).count() == 1

    def test_a_key_of_the_company_does_not_use_up_that_of_a_customer(
        self, project: Project, own: Endpoint, foreign: Endpoint
    ) -> None:
        direct(foreign, idempotency_key="invoice-991")
        body = {"endpoint_id": own.uid, "event_type": "a", "data": 1, "idempotency_key": "invoice-991"}
        caller = customer(project, "static token")
        uid = caller.post(PATH, body).data["uid"]
        assert caller.get(f"{PATH}/{uid}").data["is_duplicate_event"] is False
        assert EventDelivery.objects.filter(event=uid).count() == 1

    @pytest.mark.slow
    def test_each_customer_has_keys_of_its_own(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        """A link without an owner is a customer too, whatever the others' owners are called."""
        listed = make_endpoint()
        link = create_link(project, owner_id="", endpoints=[listed.uid])
        other = create_link(project, owner_id="", endpoints=[listed.uid])
        tokens = [link.token, other.token]
        for owner_id in ("acme", "globex", link.uid, f"link:{link.uid}"):
            make_endpoint(owner_id=owner_id)
            tokens.append(create_link(project, owner_id=owner_id).token)
        for token in tokens:
            caller = portal(token)
            [endpoint] = caller.get("/endpoints").data["content"]
            body = {"endpoint_id": endpoint["uid"], "event_type": "a", "data": 1, "idempotency_key": "key"}
            caller.post(PATH, body)
        assert list(Event.objects.values_list("is_duplicate_event", flat=True)) == [False] * 6

    def test_of_all_credentials_of_an_owner_a_key_is_one(self, project: Project, own: Endpoint) -> None:
        body = {"endpoint_id": own.uid, "event_type": "a", "data": 1, "idempotency_key": "key"}
        for kind in KINDS:
            customer(project, kind).post(PATH, body)
        events = Event.objects.order_by("pk")
        assert [event.is_duplicate_event for event in events] == [False, True, True]

    def test_a_project_with_a_header_of_its_own_needs_a_key(self, project: Project, own: Endpoint) -> None:
        Project.objects.filter(pk=project.pk).update(config=project.config | {"request_id_header": "X-Request"})
        caller = customer(project, "static token")
        body = {"endpoint_id": own.uid, "event_type": "a", "data": 1}
        with nothing_changes():
            assert caller.post(PATH, body).error[0] == 400
        assert caller.post(PATH, body | {"idempotency_key": "key"}).status == 201


@pytest.mark.parametrize("name", ["fanout", "broadcast", "dynamic"])
def test_events_for_more_than_one_belong_to_the_company(project: Project, own: Endpoint, name: str) -> None:
    body = {"owner_id": "acme", "url": own.url, "event_type": "a", "data": 1}
    caller = customer(project, "static token")
    with nothing_changes():
        assert caller.post(f"{PATH}/{name}", body).error == (405, "method not allowed")
        caller.root = "/api/v1"
        assert caller.post(f"/projects/{project.uid}{PATH}/{name}", body).error == UNSEEN


def test_a_key_sees_all_of_its_project(api: API, own: Endpoint, foreign: Endpoint, shared: Event) -> None:
    event = direct(foreign, custom_headers={"X-Tenant": "globex"})
    api.root = ROOT
    assert api.get(f"{PATH}/{shared.uid}").data["endpoints"] == [own.uid, foreign.uid]
    assert [row["headers"] for row in api.get(PATH).data["content"]] == [{"X-Tenant": ["globex"]}, {}]
    assert api.get(f"{PATH}/{event.uid}").data["headers"] == {"X-Tenant": ["globex"]}


def test_the_right_to_send_attempts_is_what_it_takes(project: Project, api: API, own: Endpoint) -> None:
    event = direct(own)
    caller = portal(create_session(project, capabilities=SVIX["CreateAttempts"]).secret)
    assert caller.put(f"{PATH}/{event.uid}/replay").status == 200
    others = EVERYTHING - SVIX["CreateAttempts"]
    caller = portal(create_session(project, capabilities=others).secret)
    caller.get(PATH)
    with nothing_changes():
        assert caller.put(f"{PATH}/{event.uid}/replay").error == (403, "Unauthorized")


def test_who_may_not_subscribe_does_not_subscribe_by_an_event(project: Project, own: Endpoint) -> None:
    caller = portal(create_session(project, capabilities=SVIX["CreateAttempts"]).secret)
    body = {"endpoint_id": own.uid, "event_type": "a", "data": 1}
    uid = caller.post(PATH, body).data["uid"]
    assert not Subscription.objects.exists()
    event = Event.objects.get(pk=uid)
    assert (event.status, event.failure_reason) == ("Failure", "no subscription matched this event")
    assert event.endpoints == [own.uid]
    subscribe(own)
    caller.post(PATH, body)
    assert EventDelivery.objects.count() == 1


class _Writes(RefusesStrangers, RefusesKeys, AnswersOptions):
    @pytest.mark.parametrize("kind", ["session token"])
    def test_who_may_only_look(self, project: Project, call: Call, kind: str) -> None:
        """A link that manages nothing may send events; a session may be narrower."""
        looker = customer(project, kind, manages=False)
        with nothing_changes():
            assert call(looker).error == (403, "Unauthorized")


class TestCreate(_Writes):
    @pytest.fixture
    def path(self) -> str:
        return PATH

    @pytest.fixture
    def call(self, api: API, own: Endpoint) -> Call:
        return lambda caller: caller.post(PATH, {"endpoint_id": own.uid, "event_type": "a", "data": 1})


class TestReplay(_Writes):
    @pytest.fixture
    def path(self, own: Endpoint) -> str:
        return f"{PATH}/{direct(own).uid}/replay"

    @pytest.fixture
    def call(self, api: API, path: str) -> Call:
        return lambda caller: caller.put(path)


class TestBatchReplay(_Writes):
    @pytest.fixture
    def path(self) -> str:
        return f"{PATH}/batchreplay"

    @pytest.fixture
    def call(self, api: API, path: str) -> Call:
        return lambda caller: caller.post(path)


class TestReads(RefusesStrangers, AnswersOptions):
    @pytest.fixture(params=["", "/countbatchreplayevents", "/unknown"])
    def path(self, request: pytest.FixtureRequest) -> str:
        return f"{PATH}{request.param}"

    @pytest.fixture
    def call(self, api: API, path: str) -> Call:
        return lambda caller: caller.get(path)
