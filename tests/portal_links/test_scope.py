"""GET …/portal-links/{id}/scope and …/portal-sessions/{id}/scope. Contract: docs/contract/portal-links.md#explained."""

from collections.abc import Callable
from typing import Any

import pytest

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint
from portal_links.access import find_access
from portal_links.capabilities import EVERYTHING, READ_ONLY, ROLES, SVIX, WORDS, Capabilities, of_svix
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link, mint_refresh_token, revoke_portal_link
from portal_links.sessions import preview_portal, revoke_session
from projects.models import Project
from tests.conftest import API
from tests.portal.customers import mint
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers
from tests.statements import statements

MakeEndpoint = Callable[..., Endpoint]
Surface = PortalSession.Surface


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}"


def make_link(project: Project, **fields: Any) -> PortalLink:
    return create_portal_link(project.uid, **{"name": "Acme"} | fields).link


def given(document: dict[str, Any]) -> Capabilities:
    return frozenset(each["name"] for each in document["capabilities"] if each["is_allowed"])


def why(document: dict[str, Any], name: str) -> tuple[bool, str, str]:
    [found] = [each for each in document["capabilities"] if each["name"] == name]
    return found["is_allowed"], found["source"], found["reason"]


class TestLinks:
    def test_an_owners_link(self, project: Project, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        endpoints = [make_endpoint(owner_id="acme", name=name) for name in ("First", "Second")]
        make_endpoint(owner_id="globex")
        link = make_link(project, owner_id="acme")
        answer = api.get(f"{path}/portal-links/{link.uid}/scope")
        assert (answer.status, answer.message) == (200, "Portal link scope fetched successfully")
        assert answer.data["owner_id"] == "acme"
        assert answer.data["endpoints"]["content"] == [
            {"uid": each.uid, "name": each.name, "status": "active", "owner_id": "acme", "reason": "owner_id"}
            for each in reversed(endpoints)
        ]
        assert (answer.data["missing"], answer.data["missing_count"]) == ([], 0)

    def test_a_list_with_what_opens_nothing(
        self, project: Project, other_project: Project, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        kept, gone = make_endpoint(owner_id="globex"), make_endpoint()
        foreign = make_endpoint(project_id=other_project.uid)
        link = make_link(project, endpoints=[gone.uid, kept.uid])
        PortalLink.objects.update(endpoints=[*link.endpoints, foreign.uid, "nope"])
        delete_endpoint(project.uid, gone.uid)
        found = api.get(f"{path}/portal-links/{link.uid}/scope").data
        assert [(row["uid"], row["reason"]) for row in found["endpoints"]["content"]] == [(kept.uid, "endpoints")]
        reasons = [(gone.uid, "deleted"), (foreign.uid, "unknown"), ("nope", "unknown")]
        assert [(row["uid"], row["reason"]) for row in found["missing"]] == reasons
        assert found["missing_count"] == 3

    def test_a_listed_endpoint_of_another_owner(
        self, project: Project, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint(owner_id="acme")
        link = make_link(project, owner_id="acme", endpoints=[endpoint.uid])
        Endpoint.objects.update(owner_id="globex")
        found = api.get(f"{path}/portal-links/{link.uid}/scope").data
        assert found["endpoints"]["content"] == []
        assert found["missing"] == [{"uid": endpoint.uid, "reason": "other_owner"}]

    def test_pages(self, project: Project, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        template = make_endpoint(owner_id="acme")
        Endpoint.objects.bulk_create(
            Endpoint(project=project, owner_id="acme", name=str(number), url=template.url, secrets=[])
            for number in range(100)
        )
        link = make_link(project, owner_id="acme")
        PortalLink.objects.update(endpoints=[f"unknown {number}" for number in range(101)])
        found = api.get(f"{path}/portal-links/{link.uid}/scope").data
        assert len(found["endpoints"]["content"]) == len(found["missing"]) == 100
        assert found["missing_count"] == 101
        cursor = found["endpoints"]["pagination"]["next_page_cursor"]
        rest = api.get(f"{path}/portal-links/{link.uid}/scope?next_page_cursor={cursor}").data["endpoints"]["content"]
        assert [row["uid"] for row in rest] == [template.uid]

    @pytest.mark.parametrize("manages", [True, False])
    def test_its_capabilities(self, project: Project, api: API, path: str, manages: bool) -> None:
        link = make_link(project, owner_id="acme", can_manage_endpoint=manages)
        found = api.get(f"{path}/portal-links/{link.uid}/scope").data
        assert [each["name"] for each in found["capabilities"]] == list(WORDS)
        access = find_access(link.token)
        assert access is not None
        assert given(found) == access.capabilities
        assert why(found, "view") == (True, "portal_link", "Every portal link gives this.")
        reason = f"can_manage_endpoint is {str(manages).lower()}."
        assert why(found, "delete_endpoint") == (manages, "can_manage_endpoint", reason)

    def test_a_revoked_one(self, project: Project, api: API, path: str) -> None:
        link = make_link(project, owner_id="acme")
        revoke_portal_link(project.uid, link.uid)
        assert api.get(f"{path}/portal-links/{link.uid}/scope").error == (404, "Resource not found")


class TestSessions:
    @pytest.mark.slow
    @pytest.mark.parametrize("surface", [Surface.NAHOOK, Surface.FEATHER, Surface.SVIX])
    @pytest.mark.parametrize("hides", [True, False])
    def test_it_says_what_the_session_may(
        self, project: Project, api: API, path: str, surface: Surface, hides: bool
    ) -> None:
        """The explanation and the access agree for any words."""
        Project.objects.filter(pk=project.pk).update(portal_hides_payloads=hides)
        sets = [*ROLES.values(), *SVIX.values(), of_svix(["CreateAttempts", "ViewEndpointSecret"], read_only=False)]
        for capabilities in [EVERYTHING, *sets, frozenset({"view"})]:
            session, token = mint(project, capabilities, surface=surface)
            found = api.get(f"{path}/portal-sessions/{session.uid}/scope").data
            access = find_access(token)
            assert access is not None
            assert given(found) == access.capabilities
            assert all(each["reason"] for each in found["capabilities"])

    @pytest.mark.parametrize(
        ("surface", "capabilities", "name", "expected"),
        [
            (Surface.NAHOOK, ROLES["editor"], "delete_endpoint", (False, "role", "The role is editor.")),
            (Surface.NAHOOK, ROLES["admin"], "delete_endpoint", (True, "role", "The role is admin.")),
            (
                Surface.NAHOOK,
                frozenset({"view"}),
                "view",
                (True, "role", "The role of that time is not known any more."),
            ),
            (Surface.FEATHER, EVERYTHING, "view", (True, "scope", "The key had the scope webhooks:manage.")),
            (
                Surface.FEATHER,
                READ_ONLY,
                "rotate_secret",
                (False, "scope", "The key did not have the scope webhooks:manage."),
            ),
            (
                Surface.SVIX,
                EVERYTHING,
                "rotate_secret",
                (True, "capabilities", "No capabilities were named, which gives all."),
            ),
            (
                Surface.SVIX,
                SVIX["ManageEndpointSecret"],
                "view_secret",
                (True, "capabilities", "Given by ViewEndpointSecret, ManageEndpointSecret."),
            ),
            (
                Surface.SVIX,
                SVIX["CreateAttempts"],
                "rotate_secret",
                (False, "capabilities", "None of the named capabilities gives this."),
            ),
        ],
    )
    def test_each_clients_words(
        self,
        project: Project,
        api: API,
        path: str,
        surface: Surface,
        capabilities: Capabilities,
        name: str,
        expected: tuple[bool, str, str],
    ) -> None:
        session = mint(project, capabilities, surface=surface).session
        assert why(api.get(f"{path}/portal-sessions/{session.uid}/scope").data, name) == expected

    def test_hidden_payloads(self, project: Project, api: API, path: str) -> None:
        Project.objects.filter(pk=project.pk).update(portal_hides_payloads=True)
        session = mint(project, ROLES["viewer"]).session
        found = api.get(f"{path}/portal-sessions/{session.uid}/scope").data
        assert why(found, "view_payloads") == (False, "project", "The project hides payloads from viewers.")

    def test_one_of_a_link_is_explained_as_its_link(
        self, project: Project, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        link = make_link(project, endpoints=[make_endpoint().uid], auth_type="refresh_token")
        mint_refresh_token(project.uid, link.uid)
        session = PortalSession.objects.order_by("pk").last()
        assert session is not None
        found = api.get(f"{path}/portal-sessions/{session.uid}/scope")
        assert found.message == "Portal session scope fetched successfully"
        assert found.data == api.get(f"{path}/portal-links/{link.uid}/scope").data

    def test_an_ended_one(self, project: Project, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        make_endpoint(owner_id="acme")
        session = mint(project).session
        before = api.get(f"{path}/portal-sessions/{session.uid}/scope").data
        revoke_session(project.uid, session.uid)
        assert api.get(f"{path}/portal-sessions/{session.uid}/scope").data == before
        assert len(before["endpoints"]["content"]) == 1

    @pytest.mark.parametrize("of_link", [True, False])
    def test_a_preview(self, project: Project, api: API, path: str, of_link: bool) -> None:
        link = make_link(project, owner_id="acme", can_manage_endpoint=True) if of_link else None
        session, token = preview_portal(project.uid, operator="jane", owner_id="acme", link=link)
        found = api.get(f"{path}/portal-sessions/{session.uid}/scope").data
        access = find_access(token)
        assert access is not None
        assert given(found) == access.capabilities == READ_ONLY
        assert why(found, "rotate_secret") == (False, "preview", "A preview only looks.")


class TestRefusals(RefusesStrangers, RefusesOtherProjects):
    @pytest.fixture
    def call(self, project: Project, path: str) -> Call:
        link = make_link(project, owner_id="acme")
        return lambda caller: caller.get(f"{path}/portal-links/{link.uid}/scope")

    def test_a_viewer_may_read_it_and_sees_no_token(self, project: Project, viewer: API, path: str) -> None:
        link = make_link(project, owner_id="acme", auth_type="refresh_token")
        answer = viewer.get(f"{path}/portal-links/{link.uid}/scope")
        assert answer.status == 200
        assert link.token not in answer.response.content.decode()

    @pytest.mark.parametrize("what", ["portal-links", "portal-sessions"])
    def test_another_projects(self, other_project: Project, api: API, path: str, what: str) -> None:
        theirs = make_link(other_project, owner_id="acme", auth_type="refresh_token")
        uid = theirs.uid if what == "portal-links" else PortalSession.objects.get().uid
        for each in (uid, "nope"):
            assert api.get(f"{path}/{what}/{each}/scope").error == (404, "Resource not found")


@pytest.mark.parametrize("rows", [1, 50])
def test_the_statements(project: Project, api: API, path: str, make_endpoint: MakeEndpoint, rows: int) -> None:
    link = make_link(project, endpoints=[make_endpoint().uid for _ in range(rows)], auth_type="refresh_token")
    session = PortalSession.objects.get()
    with statements() as found:
        api.get(f"{path}/portal-links/{link.uid}/scope")
    # The key, the link, the ids of its list, and the page of endpoints.
    common = ["SELECT endpoints_endpoint", "SELECT endpoints_endpoint"]
    assert found == ["SELECT projects_apikey", "SELECT portal_links_portallink", *common]
    with statements() as found:
        api.get(f"{path}/portal-sessions/{session.uid}/scope")
    assert found == ["SELECT projects_apikey", "SELECT portal_links_portalsession", *common]
