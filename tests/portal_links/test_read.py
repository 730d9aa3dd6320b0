"""GET /api/v1/projects/{projectID}/portal-links and …/portal-links/{portalLinkID}"""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint, update_endpoint
from endpoints.rendering import kept
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link, revoke_portal_link
from projects.models import Project
from projects.remembered import callers
from tests.conftest import API, Answer

MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}/portal-links"


@pytest.fixture
def make_link(project: Project) -> Callable[..., PortalLink]:
    def make(**fields: object) -> PortalLink:
        return create_portal_link(project.uid, **{"name": "Acme"} | fields).link  # type: ignore[arg-type]

    return make


MakeLink = Callable[..., PortalLink]


def uids(answer: Answer) -> list[str]:
    return [link["uid"] for link in answer.data["content"]]


class TestGet:
    def test_answers_what_the_creation_answered(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        make_endpoint(owner_id="acme")
        created = api.post(path, {"name": "Acme", "owner_id": "acme", "can_manage_endpoint": True}).data
        answer = api.get(f"{path}/{created['uid']}")
        assert (answer.status, answer.message) == (200, "Portal link fetched successfully")
        assert answer.data == created

    def test_a_list_link_too(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        created = api.post(path, {"name": "Two", "endpoints": [make_endpoint().uid, make_endpoint().uid]}).data
        assert api.get(f"{path}/{created['uid']}").data == created

    def test_the_scope_of_an_owner_is_live(
        self, api: API, path: str, project: Project, make_endpoint: MakeEndpoint, make_link: MakeLink
    ) -> None:
        link = make_link(owner_id="acme")
        assert api.get(f"{path}/{link.uid}").data["endpoint_count"] == 0
        endpoint = make_endpoint(owner_id="acme")
        data = api.get(f"{path}/{link.uid}").data
        assert data["endpoint_count"] == 1
        assert [entry["uid"] for entry in data["endpoints_metadata"]] == [endpoint.uid]
        update_endpoint(project.uid, endpoint.uid, url=endpoint.url, name="Moved", owner_id="globex")
        data = api.get(f"{path}/{link.uid}").data
        assert data["endpoint_count"] == 0
        assert data["endpoints_metadata"] == []

    def test_a_deleted_endpoint_leaves_list_count_and_metadata(
        self, api: API, path: str, project: Project, make_endpoint: MakeEndpoint, make_link: MakeLink
    ) -> None:
        kept, gone = make_endpoint(), make_endpoint()
        link = make_link(endpoints=[gone.uid, kept.uid])
        delete_endpoint(project.uid, gone.uid)
        data = api.get(f"{path}/{link.uid}").data
        assert data["endpoints"] == [kept.uid]
        assert data["endpoint_count"] == 1
        assert [entry["uid"] for entry in data["endpoints_metadata"]] == [kept.uid]

    def test_a_read_mints_nothing(self, api: API, path: str, make_link: MakeLink) -> None:
        link = make_link(owner_id="acme", auth_type="refresh_token")
        data = api.get(f"{path}/{link.uid}").data
        assert data["auth_key"] == ""
        assert data["url"].endswith(f"/portal?token={link.token}")
        assert api.get(path).data["content"][0]["auth_key"] == ""
        assert PortalSession.objects.count() == 1

    def test_a_viewer_sees_masked_secrets_and_no_token(
        self, viewer: API, path: str, make_endpoint: MakeEndpoint, make_link: MakeLink
    ) -> None:
        make_endpoint(
            owner_id="acme",
            secret="the secret",
            authentication={"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "the value"}},
        )
        link = make_link(owner_id="acme")
        for answer in (viewer.get(f"{path}/{link.uid}"), viewer.get(path)):
            text = answer.response.content.decode()
            assert "the secret" not in text
            assert "the value" not in text
            assert link.token not in text
            assert '"value":"[REDACTED]"' in text

    @pytest.mark.parametrize("uid", ["nope", "01JZ8QM5X9C1D3F5G7H9J1K3M5", "%E2%82%AC"])
    def test_an_unknown_link(self, api: API, path: str, uid: str) -> None:
        assert api.get(f"{path}/{uid}").error == (404, "Resource not found")

    def test_a_revoked_link(self, api: API, path: str, project: Project, make_link: MakeLink) -> None:
        link = make_link(owner_id="acme")
        revoke_portal_link(project.uid, link.uid)
        assert api.get(f"{path}/{link.uid}").error == (404, "Resource not found")

    def test_another_projects_link(
        self, other_api: API, other_project: Project, path: str, make_link: MakeLink
    ) -> None:
        link = make_link(owner_id="acme")
        assert other_api.get(f"{path}/{link.uid}").error == (404, "project not found")
        error = other_api.get(f"/projects/{other_project.uid}/portal-links/{link.uid}").error
        assert error == (404, "Resource not found")

    def test_no_key(self, nobody: API, path: str) -> None:
        assert nobody.get(f"{path}/any").error == (401, "Authentication required")

    @pytest.mark.parametrize("count", [1, 20])
    def test_a_statement_for_the_link_one_for_a_key_that_is_not_remembered_one_for_endpoints_that_are_not_kept(
        self, api: API, path: str, make_endpoint: MakeEndpoint, make_link: MakeLink, count: int
    ) -> None:
        listed = [make_endpoint(owner_id="acme").uid for _ in range(count)]
        for link in (make_link(owner_id="acme"), make_link(endpoints=listed)):
            kept.forget()
            callers.forget()
            for number in (3, 1):
                with CaptureQueriesContext(connection) as queries:
                    data = api.get(f"{path}/{link.uid}").data
                assert data["endpoint_count"] == len(data["endpoints_metadata"]) == count
                assert len(queries) == number


class TestList:
    def test_newest_first_without_the_revoked(self, api: API, path: str, project: Project, make_link: MakeLink) -> None:
        first, gone, last = (make_link(owner_id="acme") for _ in range(3))
        revoke_portal_link(project.uid, gone.uid)
        answer = api.get(path)
        assert answer.message == "Portal links fetched successfully"
        assert uids(answer) == [last.uid, first.uid]
        assert answer.data["pagination"] == {
            "per_page": 20,
            "has_next_page": False,
            "has_prev_page": False,
            "prev_page_cursor": last.uid,
            "next_page_cursor": first.uid,
        }

    def test_each_link_is_what_get_answers(
        self, api: API, path: str, make_endpoint: MakeEndpoint, make_link: MakeLink
    ) -> None:
        listed = [make_endpoint(owner_id="acme").uid, make_endpoint().uid]
        links = [make_link(endpoints=listed), make_link(owner_id="acme"), make_link(owner_id="acme")]
        content = api.get(path).data["content"]
        assert content == [api.get(f"{path}/{link.uid}").data for link in reversed(links)]

    def test_owner_id_filters_exactly(self, api: API, path: str, make_link: MakeLink) -> None:
        acme = make_link(owner_id="acme")
        make_link(owner_id="acme-2")
        assert uids(api.get(f"{path}?ownerId=acme")) == [acme.uid]
        assert uids(api.get(f"{path}?ownerId=ACME")) == []

    def test_endpoint_id_filters_by_scope_and_narrows_the_metadata(
        self, api: API, path: str, make_endpoint: MakeEndpoint, make_link: MakeLink
    ) -> None:
        sought, other = make_endpoint(owner_id="acme"), make_endpoint(owner_id="acme")
        by_owner, by_list = make_link(owner_id="acme"), make_link(endpoints=[other.uid, sought.uid])
        make_link(endpoints=[other.uid])
        make_link(owner_id="globex")
        answer = api.get(f"{path}?endpointId={sought.uid}")
        assert uids(answer) == [by_list.uid, by_owner.uid]
        for link in answer.data["content"]:
            assert [entry["uid"] for entry in link["endpoints_metadata"]] == [sought.uid]
            assert link["endpoint_count"] == 2

    def test_endpoint_id_may_be_repeated(
        self, api: API, path: str, make_endpoint: MakeEndpoint, make_link: MakeLink
    ) -> None:
        one, two = make_endpoint(), make_endpoint(owner_id="acme")
        links = [make_link(endpoints=[one.uid]), make_link(owner_id="acme")]
        answer = api.get(f"{path}?endpointId=%20{one.uid}%20&endpointId={two.uid}&endpointId=")
        assert uids(answer) == [link.uid for link in reversed(links)]

    def test_a_deleted_or_foreign_endpoint_id_finds_nothing(
        self,
        api: API,
        path: str,
        project: Project,
        other_project: Project,
        make_endpoint: MakeEndpoint,
        make_link: MakeLink,
    ) -> None:
        gone, foreign = make_endpoint(), make_endpoint(project_id=other_project.uid, owner_id="acme")
        make_link(endpoints=[gone.uid])
        make_link(owner_id="acme")
        delete_endpoint(project.uid, gone.uid)
        assert uids(api.get(f"{path}?endpointId={gone.uid}")) == []
        assert uids(api.get(f"{path}?endpointId={foreign.uid}")) == []
        assert uids(api.get(f"{path}?endpointId=%25")) == []

    def test_another_projects_links_are_absent(
        self, api: API, other_api: API, other_project: Project, path: str, make_link: MakeLink
    ) -> None:
        make_link(owner_id="acme")
        assert uids(other_api.get(f"/projects/{other_project.uid}/portal-links")) == []
        assert other_api.get(path).error == (404, "project not found")

    @pytest.mark.parametrize("count", [1, 20])
    def test_three_statements_the_key_the_links_and_their_endpoints_and_a_fourth_for_those_that_are_not_kept(
        self, api: API, path: str, make_endpoint: MakeEndpoint, make_link: MakeLink, count: int
    ) -> None:
        for number in range(count):
            endpoint = make_endpoint(owner_id=f"owner-{number}")
            make_link(owner_id=f"owner-{number}")
            make_link(endpoints=[endpoint.uid])
        kept.forget()
        for number in (4, 3):
            with CaptureQueriesContext(connection) as queries:
                answer = api.get(f"{path}?perPage=100")
            assert len(uids(answer)) == 2 * count
            assert len(queries) == number
