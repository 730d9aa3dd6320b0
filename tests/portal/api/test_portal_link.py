"""GET /portal-api/portal_link"""

import pytest

from portal_links.models import PortalSession
from portal_links.operations import mint_refresh_token
from projects.models import Project
from tests.conftest import API
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
from tests.statements import nothing_changes, statements


@pytest.fixture
def path() -> str:
    return "/portal_link"


@pytest.fixture
def call() -> Call:
    return lambda api: api.get("/portal_link")


class TestWorks:
    @pytest.mark.parametrize("given", [{}, {"owner_id": "", "endpoints": True}])
    def test_a_static_tokens_is_what_the_company_sees(
        self, project: Project, api: API, make_endpoint: MakeEndpoint, given: dict[str, object]
    ) -> None:
        endpoint = make_endpoint(owner_id="acme")
        link = create_link(project, **given | ({"endpoints": [endpoint.uid]} if given else {}))  # type: ignore[arg-type]
        answer = portal(link.token).get("/portal_link")
        assert (answer.status, answer.message) == (200, "Portal link fetched successfully")
        assert answer.data == api.get(f"/projects/{project.uid}/portal-links/{link.uid}").data
        assert answer.data["endpoint_count"] == 1

    def test_a_prt_tokens_is_whole_and_nothing_is_minted(
        self, project: Project, api: API, make_endpoint: MakeEndpoint
    ) -> None:
        make_endpoint(owner_id="acme")
        link = create_link(project, auth_type="refresh_token")
        token = mint_refresh_token(project.uid, link.uid)
        count = PortalSession.objects.count()
        answer = portal(token).get("/portal_link")
        assert answer.data == api.get(f"/projects/{project.uid}/portal-links/{link.uid}").data
        assert (answer.data["auth_key"], len(answer.data["endpoints_metadata"])) == ("", 1)
        assert PortalSession.objects.count() == count

    def test_a_sessions_has_the_same_members_and_no_token(
        self, project: Project, api: API, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint(owner_id="acme")
        make_endpoint(owner_id="globex")
        link = api.get(f"/projects/{project.uid}/portal-links/{create_link(project).uid}").data
        session, token = create_session(project)
        data = portal(token).get("/portal_link").data
        assert data.keys() == link.keys()
        assert (data["uid"], data["project_id"], data["owner_id"]) == (session.uid, project.uid, "acme")
        assert (data["token"], data["url"], data["auth_key"]) == ("", "", "")
        assert data["endpoints_metadata"] == link["endpoints_metadata"]
        assert [row["uid"] for row in data["endpoints_metadata"]] == [endpoint.uid]

    def test_an_api_key_has_no_link(self, api: API, viewer: API) -> None:
        api.root = viewer.root = ROOT
        for key in (api, viewer):
            assert key.get("/portal_link").error == (404, "Resource not found")


class TestAuthentication(RefusesStrangers, AnswersOptions):
    pass


class TestStatements:
    def test_a_static_tokens(self, project: Project) -> None:
        caller = portal(create_link(project).token)
        with statements() as found:
            caller.get("/portal_link")
        assert found == ["SELECT portal_links_portallink", "SELECT portal_links_portallink"]

    def test_a_prt_tokens(self, project: Project) -> None:
        caller = portal(mint_refresh_token(project.uid, create_link(project, auth_type="refresh_token").uid))
        with statements() as found:
            caller.get("/portal_link")
        # The session, its use noted, and the link with its endpoints.
        assert found == [
            "SELECT portal_links_portalsession",
            "UPDATE portal_links_portalsession",
            "SELECT portal_links_portallink",
        ]


class TestFeatures:
    """GET /portal-api/license/features"""

    def test_everything_is_there(self, manager: API, looker: API, api: API, viewer: API) -> None:
        api.root = viewer.root = ROOT
        for caller in (manager, looker, api, viewer):
            with nothing_changes():
                answer = caller.get("/license/features")
            assert (answer.status, answer.message) == (200, "Retrieved license features successfully")
            limits = {name: value for name, value in answer.data.items() if name.endswith("_limit")}
            assert limits.keys() == {"org_limit", "user_limit", "project_limit"}
            for limit in limits.values():
                assert limit == {
                    "limit": -1,
                    "allowed": True,
                    "current": 0,
                    "available": True,
                    "limit_reached": False,
                }
            assert {name: value for name, value in answer.data.items() if name not in limits} == {
                "PortalLinks": True,
                "AdvancedEndpointMgmt": True,
                "AdvancedSubscriptions": True,
                "AdvancedWebhookFiltering": True,
                "Transformations": False,
                "EventSearch": True,
                "MutualTLS": True,
                "OAuth2EndpointAuth": True,
                "BasicAuthEndpointAuth": True,
                "CircuitBreaking": True,
            }


class TestOrigins:
    """Pages of other sites that call the API with the customer's token."""

    ALLOWED = "https://app.example.com"

    @pytest.fixture(autouse=True)
    def _allow(self, project: Project, other_project: Project) -> None:
        Project.objects.filter(pk=project.pk).update(portal_allowed_origins=[self.ALLOWED])
        Project.objects.filter(pk=other_project.pk).update(portal_allowed_origins=["https://other.example"])

    def test_the_projects_own(self, manager: API) -> None:
        answer = manager.get("/portal_link", Origin=self.ALLOWED)
        assert answer.headers["Access-Control-Allow-Origin"] == self.ALLOWED
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" in answer.headers["Vary"]

    @pytest.mark.parametrize("origin", ["https://evil.example", "https://other.example", "http://app.example.com"])
    def test_another(self, manager: API, origin: str) -> None:
        answer = manager.get("/portal_link", Origin=origin)
        assert answer.status == 200
        assert "Access-Control-Allow-Origin" not in answer.headers

    def test_a_refusal_can_be_read_too(self, manager: API) -> None:
        answer = manager.get("/endpoints/nope", Origin=self.ALLOWED)
        assert answer.status == 401
        assert answer.headers["Access-Control-Allow-Origin"] == self.ALLOWED
        manager.headers = {"Authorization": "Bearer nonsense"}
        answer = manager.get("/portal_link", Origin=self.ALLOWED)
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, self.ALLOWED)

    def test_the_convoy_api_has_none(self, api: API) -> None:
        assert "Access-Control-Allow-Origin" not in api.get("/projects", Origin=self.ALLOWED).headers


class TestFeaturesAuthentication(RefusesStrangers, AnswersOptions):
    @pytest.fixture
    def path(self) -> str:
        return "/license/features"

    @pytest.fixture
    def call(self) -> Call:
        return lambda api: api.get("/license/features")
