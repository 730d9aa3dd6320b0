"""GET /portal-api/endpoints"""

import pytest

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint
from projects.models import Project
from tests.conftest import API, Answer
from tests.endpoints.bodies import API_KEY
from tests.portal.api.customers import (
    ROOT,
    AnswersOptions,
    Call,
    MakeEndpoint,
    RefusesStrangers,
    create_link,
    create_session,
    portal,
)
from tests.statements import statements


@pytest.fixture
def path() -> str:
    return "/endpoints"


@pytest.fixture
def call() -> Call:
    return lambda api: api.get("/endpoints")


def uids(answer: Answer) -> list[str]:
    return [row["uid"] for row in answer.data["content"]]


class TestWorks:
    def test_the_scope_newest_first(
        self, project: Project, other_project: Project, manager: API, make_endpoint: MakeEndpoint
    ) -> None:
        first, gone, last = (make_endpoint(owner_id="acme", name=name) for name in ("first", "gone", "last"))
        for foreign in ({"owner_id": "globex"}, {}, {"owner_id": "acme", "project_id": other_project.uid}):
            make_endpoint(**foreign)
        delete_endpoint(project.uid, gone.uid)
        answer = manager.get("/endpoints")
        assert (answer.status, answer.message) == (200, "Endpoints fetched successfully")
        assert answer.data["content"] == [manager.get(f"/endpoints/{row.uid}").data for row in (last, first)]
        assert answer.data["pagination"]["has_next_page"] is False
        assert uids(manager.get("/endpoints/")) == [last.uid, first.uid]

    def test_the_scope_is_as_it_is_now(self, manager: API, endpoint: Endpoint, make_endpoint: MakeEndpoint) -> None:
        added = make_endpoint(owner_id="acme")
        assert uids(manager.get("/endpoints")) == [added.uid, endpoint.uid]
        Endpoint.objects.filter(pk=endpoint.pk).update(owner_id="globex")
        assert uids(manager.get("/endpoints")) == [added.uid]

    def test_two_owners_see_their_own(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        for owner_id in ("acme", "globex"):
            endpoint = make_endpoint(owner_id=owner_id)
            caller = portal(create_link(project, owner_id=owner_id).token)
            assert uids(caller.get("/endpoints")) == [endpoint.uid]

    def test_a_list_links_list(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        listed, other = make_endpoint(owner_id="globex"), make_endpoint()
        link = create_link(project, owner_id="", endpoints=[other.uid, listed.uid])
        make_endpoint()
        assert uids(portal(link.token).get("/endpoints")) == [other.uid, listed.uid]

    def test_nothing_in_scope(self, project: Project, manager: API, make_endpoint: MakeEndpoint) -> None:
        make_endpoint(), make_endpoint(owner_id="globex")
        listed = make_endpoint()
        empty = portal(create_link(project, owner_id="", endpoints=[listed.uid]).token)
        delete_endpoint(project.uid, listed.uid)
        for caller in (manager, empty):
            answer = caller.get("/endpoints")
            assert (answer.status, answer.data["content"]) == (200, [])

    def test_a_search_and_pages(self, manager: API, make_endpoint: MakeEndpoint) -> None:
        rows = [make_endpoint(owner_id="acme", name=f"Orders {number}") for number in range(3)]
        make_endpoint(owner_id="globex", name="Orders 1")
        assert uids(manager.get("/endpoints?q=orders%201")) == [rows[1].uid]
        page = manager.get("/endpoints?perPage=2")
        assert uids(page) == [rows[2].uid, rows[1].uid]
        cursor = page.data["pagination"]["next_page_cursor"]
        assert uids(manager.get(f"/endpoints?perPage=2&next_page_cursor={cursor}")) == [rows[0].uid]

    def test_ids_and_owners_in_the_query_open_nothing(self, manager: API, make_endpoint: MakeEndpoint) -> None:
        other = make_endpoint(owner_id="globex")
        query = f"ownerId=globex&endpointId={other.uid}&next_page_cursor={other.uid}"
        assert uids(manager.get(f"/endpoints?{query}")) == []

    def test_a_key_sees_its_whole_project(
        self, api: API, viewer: API, make_endpoint: MakeEndpoint, other_project: Project
    ) -> None:
        make_endpoint(project_id=other_project.uid)
        rows = [make_endpoint(owner_id="acme"), make_endpoint(), make_endpoint(owner_id="globex")]
        for key in (api, viewer):
            in_convoys = key.get(f"/projects/{rows[0].project_id}/endpoints").data
            key.root = ROOT
            assert key.get("/endpoints").data == in_convoys
            assert len(in_convoys["content"]) == 3

    def test_before_2024_04_the_answer_has_other_names(self, manager: API, endpoint: Endpoint) -> None:
        [row] = manager.get("/endpoints", X_Convoy_Version="2024-03-31").data["content"]
        assert (row["title"], row["target_url"]) == (endpoint.name, endpoint.url)


class TestSecrets:
    def test_who_may_see_them(self, manager: API, endpoint: Endpoint) -> None:
        assert manager.get("/endpoints").data["content"][0]["secrets"][0]["value"] == "the signing secret"

    def test_who_may_not(self, looker: API, make_endpoint: MakeEndpoint) -> None:
        make_endpoint(owner_id="acme", secret="the signing secret", authentication=API_KEY)
        content = looker.get("/endpoints").response.content.decode()
        assert "the signing secret" not in content
        assert "the value" not in content
        assert content.count("[REDACTED]") == 2


class TestAuthentication(RefusesStrangers, AnswersOptions):
    pass


class TestStatements:
    @pytest.mark.parametrize("count", [1, 20])
    @pytest.mark.parametrize("listed", [False, True])
    def test_the_link_the_page_and_its_rows(
        self, project: Project, make_endpoint: MakeEndpoint, count: int, listed: bool
    ) -> None:
        rows = [make_endpoint(owner_id="acme") for _ in range(count)]
        scope = {"owner_id": "", "endpoints": [row.uid for row in rows]} if listed else {}
        caller = portal(create_link(project, **scope).token)  # type: ignore[arg-type]
        with statements() as found:
            assert len(uids(caller.get("/endpoints"))) == count
        assert found == ["SELECT portal_links_portallink", "SELECT endpoints_endpoint", "SELECT endpoints_endpoint"]

    @pytest.mark.parametrize("count", [1, 20])
    def test_a_sessions_whose_use_is_noted(self, project: Project, make_endpoint: MakeEndpoint, count: int) -> None:
        for _ in range(count):
            make_endpoint(owner_id="acme")
        caller = portal(create_session(project).secret)
        with statements() as found:
            assert len(uids(caller.get("/endpoints"))) == count
        assert found == [
            "SELECT portal_links_portalsession",
            "UPDATE portal_links_portalsession",
            "SELECT endpoints_endpoint",
            "SELECT endpoints_endpoint",
        ]

    def test_a_keys(self, api: API, endpoint: Endpoint) -> None:
        api.root = ROOT
        with statements() as found:
            api.get("/endpoints")
        # The key, its project, the page and its rows.
        assert found == [
            *("SELECT projects_apikey", "SELECT projects_project"),
            *("SELECT endpoints_endpoint", "SELECT endpoints_endpoint"),
        ]
