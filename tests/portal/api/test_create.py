"""POST /portal-api/endpoints"""

import pytest

from endpoints.models import Endpoint
from portal_links.capabilities import EVERYTHING, MANAGE_SUBSCRIPTIONS
from portal_links.models import PortalLink
from projects.models import EventType, Project
from projects.operations import create_project
from subscriptions.models import Subscription
from tests.concurrency import at_once
from tests.conftest import API, Answer
from tests.endpoints.bodies import BODY
from tests.portal.api.customers import (
    ROOT,
    AnswersOptions,
    Call,
    MakeEndpoint,
    NeedsCapability,
    RefusesKeys,
    RefusesStrangers,
    create_link,
    create_session,
    portal,
)
from tests.statements import nothing_changes, statements


@pytest.fixture
def path() -> str:
    return "/endpoints"


@pytest.fixture
def call() -> Call:
    return lambda api: api.post("/endpoints", BODY)


class TestWorks:
    def test_it_is_the_owners(self, manager: API, api: API, project: Project) -> None:
        answer = manager.post("/endpoints", BODY)
        assert (answer.status, answer.message) == (201, "Endpoint created successfully")
        assert (answer.data["owner_id"], answer.data["project_id"]) == ("acme", project.uid)
        assert len(answer.data["secrets"][0]["value"]) == 25
        read = api.get(f"/projects/{project.uid}/endpoints/{answer.data['uid']}").data
        assert answer.data | {"authentication": {}} == read
        assert manager.get(f"/endpoints/{answer.data['uid']}").data == read

    def test_with_a_slash_and_for_an_older_client(self, manager: API) -> None:
        body = {"url": "https://hooks.example.com/in", "name": "Orders"}
        assert manager.post("/endpoints/", body).status == 201
        data = manager.post("/endpoints", body | {"http_timeout": "10s"}, X_Convoy_Version="2023-12-31").data
        assert (data["title"], data["http_timeout"]) == ("Orders", "10s")

    @pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
    def test_nobody_asks_for_the_type_of_the_body(self, manager: API, content_type: str) -> None:
        body = b'{"name":"Orders","url":"https://hooks.example.com/in"}'
        response = manager.client.generic(
            "POST", f"{ROOT}/endpoints", body, content_type=content_type, headers=manager.headers
        )
        assert Answer(response).status == 201

    def test_refused_as_on_the_convoy_api(self, manager: API) -> None:
        refused = {
            b"": "Invalid request format",
            b'{"name":"Orders"}': "Invalid input provided",
            b'{"name":"Orders","url":"ftp://example.com"}': "invalid endpoint scheme",
        }
        with nothing_changes():
            for body, message in refused.items():
                assert manager.post("/endpoints", body).error == (400, message)


class TestListLinks:
    """A link without an owner opens a list of endpoints; a new one would be lost to its maker."""

    def test_a_new_endpoint_joins_the_list(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        listed, other = make_endpoint(), make_endpoint()
        link = create_link(project, owner_id="", endpoints=[listed.uid])
        bystander = create_link(project, owner_id="", endpoints=[listed.uid])
        caller = portal(link.token)
        created = caller.post("/endpoints", BODY).data
        assert created["owner_id"] == ""
        link.refresh_from_db()
        assert link.endpoints == [listed.uid, created["uid"]]
        assert [row["uid"] for row in caller.get("/endpoints").data["content"]] == [created["uid"], listed.uid]
        assert caller.put(f"/endpoints/{created['uid']}", BODY).status == 202
        assert portal(bystander.token).get(f"/endpoints/{created['uid']}").error == (401, "unauthorized")
        assert caller.get(f"/endpoints/{other.uid}").error == (401, "unauthorized")

    def test_two_one_after_the_other(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        link = create_link(project, owner_id="", endpoints=[make_endpoint().uid])
        created = [portal(link.token).post("/endpoints", BODY).data["uid"] for _ in range(2)]
        assert PortalLink.objects.get(pk=link.pk).endpoints[1:] == created

    @pytest.mark.django_db(transaction=True)
    def test_several_at_once_all_join(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        link = create_link(project, owner_id="", endpoints=[make_endpoint().uid])
        answers = at_once(6, lambda _: portal(link.token).post("/endpoints", BODY))
        link.refresh_from_db()
        assert sorted(link.endpoints[1:]) == sorted(answer.data["uid"] for answer in answers)

    def test_one_that_is_refused_joins_nothing(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        link = create_link(project, owner_id="", endpoints=[make_endpoint().uid])
        with nothing_changes():
            assert portal(link.token).post("/endpoints", BODY | {"url": "nope"}).error[0] == 400


class TestMetadata:
    """Nahook's: it is the session's, and on the endpoints that are created in it."""

    def test_it_is_on_those_of_the_session_and_no_others(self, project: Project, api: API) -> None:
        metadata = {"userId": "usr_456", "plan": "gold"}
        caller = portal(create_session(project, metadata=metadata).secret)
        plain = portal(create_session(project).secret)
        first, second = (caller.post("/endpoints", BODY).data for _ in range(2))
        other = plain.post("/endpoints", BODY).data
        linked = portal(create_link(project).token).post("/endpoints", BODY).data
        assert first["metadata"] == second["metadata"] == metadata
        assert other["metadata"] == linked["metadata"] == {}
        assert api.get(f"/projects/{project.uid}/endpoints/{first['uid']}").data["metadata"] == metadata

    def test_it_stays_whoever_changes_the_endpoint(self, project: Project) -> None:
        created = portal(create_session(project, metadata={"a": "1"}).secret).post("/endpoints", BODY).data
        later = portal(create_session(project, metadata={"b": "2"}).secret)
        assert later.put(f"/endpoints/{created['uid']}", BODY).data["metadata"] == {"a": "1"}

    def test_a_body_gives_none(self, project: Project) -> None:
        caller = portal(create_session(project, metadata={"a": "1"}).secret)
        assert caller.post("/endpoints", BODY | {"metadata": {"b": "2"}}).data["metadata"] == {"a": "1"}


class TestAuthentication(RefusesStrangers, RefusesKeys, NeedsCapability, AnswersOptions):
    pass


class TestStatements:
    def test_the_link_the_project_and_the_endpoint(self, project: Project) -> None:
        caller = portal(create_link(project).token)
        with statements() as found:
            caller.post("/endpoints", BODY)
        assert found == [
            "SELECT portal_links_portallink",
            "SELECT projects_project",
            "INSERT endpoints_endpoint",
            "INSERT activity_activity",
            "SELECT endpoints_endpoint",
        ]
        assert Endpoint.objects.get().owner_id == "acme"


class TestEventTypes:
    """Our own field, by which a new endpoint is subscribed at once."""

    def receives(self, api: API, project: Project) -> list[str]:
        """Return the endpoints of the deliveries of one event to the owner."""
        sent = {"owner_id": "acme", "event_type": "order.paid", "data": {}}
        assert api.post(f"/projects/{project.uid}/events/fanout", sent).status == 201
        deliveries = api.get(f"/projects/{project.uid}/eventdeliveries").data["content"]
        return [delivery["endpoint_id"] for delivery in deliveries]

    def test_without_it_the_client_subscribes_and_gets_each_event_once(
        self, manager: API, api: API, project: Project
    ) -> None:
        uid = manager.post("/endpoints", BODY).data["uid"]
        assert not Subscription.objects.exists()
        assert manager.post("/subscriptions", {"name": "mine", "endpoint_id": uid}).status == 201
        assert self.receives(api, project) == [uid]

    @pytest.mark.parametrize("types", [["*"], ["order.paid"], ["order.created", "order.paid"]])
    def test_with_it_the_endpoint_gets_each_event_once(
        self, manager: API, api: API, project: Project, types: list[str]
    ) -> None:
        EventType.objects.bulk_create(EventType(project=project, name=name) for name in ("order.created", "order.paid"))
        answer = manager.post("/endpoints", BODY | {"event_types": types})
        assert (answer.status, answer.message) == (201, "Endpoint created successfully")
        assert self.receives(api, project) == [answer.data["uid"]]
        refused = manager.post("/subscriptions", {"name": "mine", "endpoint_id": answer.data["uid"]})
        assert refused.error == (400, "a subscription for this endpoint already exists")

    def test_both_or_neither(self, manager: API) -> None:
        answer = manager.post("/endpoints", BODY | {"event_types": ["order.lost"]})
        assert answer.error == (400, "event type order.lost does not exist")
        assert not Endpoint.objects.exists()

    @pytest.mark.parametrize("types", [[], [""], "order.paid", [1], {"a": 1}, ["x" * 256]])
    def test_what_is_no_list_of_names(self, manager: API, types: object) -> None:
        assert manager.post("/endpoints", BODY | {"event_types": types}).status == 400
        assert not Endpoint.objects.exists()

    def test_null_counts_as_not_sent(self, manager: API) -> None:
        assert manager.post("/endpoints", BODY | {"event_types": None}).status == 201
        assert not Subscription.objects.exists()

    def test_for_an_older_client(self, manager: API) -> None:
        body = BODY | {"http_timeout": "10s", "rate_limit_duration": "1s", "event_types": ["*"]}
        assert manager.post("/endpoints", body, X_Convoy_Version="2023-12-31").status == 201
        assert Subscription.objects.get().event_types == ["*"]

    def test_it_needs_the_right_to_choose(self, project: Project) -> None:
        minted = create_session(project, capabilities=EVERYTHING - {MANAGE_SUBSCRIPTIONS})
        client = portal(minted.secret)
        assert client.post("/endpoints", BODY | {"event_types": ["*"]}).status in (401, 403)
        assert not Endpoint.objects.exists()
        assert client.post("/endpoints", BODY).status == 201

    @pytest.mark.usefixtures("db")
    def test_an_incoming_project_has_no_events_to_choose(self) -> None:
        project = create_project(name="Incoming", type="incoming")[0]
        answer = portal(create_session(project).secret).post("/endpoints", BODY | {"event_types": ["*"]})
        assert answer.error == (400, "source_id is required for incoming projects")
        assert not Endpoint.objects.exists()
