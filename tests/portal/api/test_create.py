"""POST /portal-api/endpoints"""

import pytest

from endpoints.models import Endpoint
from portal_links.models import PortalLink
from projects.models import Project
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
