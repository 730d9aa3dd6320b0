"""The original's defects that a customer could use, each closed and with its own test."""

import logging
from collections import defaultdict

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from endpoints.models import Endpoint
from portal_links.capabilities import READ_ONLY
from portal_links.models import PortalSession
from portal_links.operations import mint_refresh_token, revoke_portal_link, update_portal_link
from portal_links.sessions import revoke_session
from projects.models import Project
from projects.operations import delete_project
from tests.conftest import API, Row
from tests.endpoints.bodies import API_KEY, BODY
from tests.portal.api.customers import MakeEndpoint, create_link, create_session, portal
from tests.routes import OPERATIONS
from tests.statements import nothing_changes


class TestNoTenantMoveByOwnerID:
    """A customer cannot put a URL of theirs among another customer's endpoints."""

    @pytest.mark.parametrize("owner_id", ["globex", "", "ACME", None])
    def test_on_create(self, manager: API, owner_id: str | None) -> None:
        created = manager.post("/endpoints", BODY | {"owner_id": owner_id}).data
        assert created["owner_id"] == "acme"
        assert Endpoint.objects.get(pk=created["uid"]).owner_id == "acme"

    @pytest.mark.parametrize("owner_id", ["globex", "", "ACME", None])
    def test_on_update(self, manager: API, path: str, owner_id: str | None) -> None:
        assert manager.put(path, BODY | {"owner_id": owner_id}).data["owner_id"] == "acme"
        assert Endpoint.objects.get().owner_id == "acme"

    @pytest.mark.parametrize("version", ["2023-12-31", "2024-03-31", "0001-01-01"])
    def test_nor_as_an_older_client(self, manager: API, path: str, version: str) -> None:
        sent = BODY | {"owner_id": "globex"}
        manager.post("/endpoints", sent, X_Convoy_Version=version)
        manager.put(path, sent, X_Convoy_Version=version)
        assert set(Endpoint.objects.values_list("owner_id", flat=True)) == {"acme"}
        assert Endpoint.objects.count() == 2

    def test_with_a_link_that_has_no_owner(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        free, owned = make_endpoint(), make_endpoint(owner_id="globex")
        caller = portal(create_link(project, owner_id="", endpoints=[free.uid, owned.uid]).token)
        assert caller.post("/endpoints", BODY | {"owner_id": "globex"}).data["owner_id"] == ""
        assert caller.put(f"/endpoints/{free.uid}", BODY | {"owner_id": "globex"}).data["owner_id"] == ""
        assert caller.put(f"/endpoints/{owned.uid}", BODY | {"owner_id": "acme"}).data["owner_id"] == "globex"


def test_no_portal_credential_on_the_convoy_api(project: Project, endpoint: Endpoint, manager: API, row: Row) -> None:
    """Not on the caller's own rows either, so that no route can forget to ask what the caller may do."""
    link = create_link(project, auth_type="refresh_token")
    session = PortalSession.objects.filter(portal_link=link).get()
    manager.root = ""
    ids = {"projectID": project.uid, "endpointID": endpoint.uid, "portalLinkID": link.uid, "sessionID": session.uid}
    for operation in OPERATIONS:
        # The rest is not looked for: the credential is asked for first.
        url = operation.url.format_map(defaultdict(lambda: "01JZ8QK3V7M2N4P6R8T0W2Y4A6", ids))
        with row(operation), nothing_changes():
            assert manager(operation.method, url, BODY | {"type": "outgoing"}).error == (401, "unauthorized")


class TestNoSecretsForViewers:
    """A customer who may only look sees that there are secrets, in every answer, and none of them."""

    SECRETS = ("the signing secret", "the value", "the-slack-secret")

    @pytest.mark.parametrize("path", ["/endpoints", "/endpoints/", "/endpoints/{}", "/portal_link"])
    def test_in_no_answer(self, manager: API, looker: API, make_endpoint: MakeEndpoint, path: str) -> None:
        chat = "https://hooks.slack.com/services/the-slack-secret"
        endpoint = make_endpoint(
            owner_id="acme", secret="the signing secret", authentication=API_KEY, slack_webhook_url=chat
        )
        shown, masked = (caller.get(path.format(endpoint.uid)) for caller in (manager, looker))
        assert shown.status == masked.status == 200
        for secret in self.SECRETS:
            assert secret in shown.response.content.decode()
            assert secret not in masked.response.content.decode()
        assert masked.response.content.decode().count("[REDACTED]") == 3

    def test_nor_by_a_version_of_long_ago(self, looker: API, endpoint: Endpoint) -> None:
        for path in ("/endpoints", f"/endpoints/{endpoint.uid}"):
            answer = looker.get(path, X_Convoy_Version="0001-01-01")
            assert answer.status == 200
            assert "the signing secret" not in answer.response.content.decode()

    def test_nor_by_trying_to_write(self, looker: API, path: str) -> None:
        """A secret that one has set oneself, or replaced, would be known: none of these calls answers."""
        calls = [
            ("POST", "/endpoints", BODY),
            ("PUT", path, BODY),
            ("PUT", f"{path}/pause", None),
            ("PUT", f"{path}/expire_secret", {"secret": "mine"}),
        ]
        with nothing_changes():
            assert {looker(*call).error for call in calls} == {(403, "Unauthorized")}

    def test_in_the_answer_to_a_creation_without_the_capability_to_see_them(self, project: Project) -> None:
        """No client grants this pair today, so it is put together here."""
        caller = portal(create_session(project, capabilities=READ_ONLY | {"manage_endpoint"}).secret)
        created = caller.post("/endpoints", BODY | {"secret": "the signing secret"})
        updated = caller.put(f"/endpoints/{created.data['uid']}", BODY)
        for answer in (created, updated):
            assert answer.data["secrets"][0]["value"] == "[REDACTED]"
            assert "the signing secret" not in answer.response.content.decode()


class TestNoStaleRights:
    """A change by the company counts from the customer's next request on."""

    @pytest.fixture(params=["static_token", "refresh_token"])
    def auth_type(self, request: pytest.FixtureRequest) -> str:
        kind: str = request.param
        return kind

    @pytest.fixture
    def link_id(self, project: Project, auth_type: str) -> str:
        return str(create_link(project, auth_type=auth_type).uid)

    @pytest.fixture
    def caller(self, project: Project, api: API, link_id: str, auth_type: str) -> API:
        """The customer, who has just been there."""
        token: str = api.get(f"/projects/{project.uid}/portal-links/{link_id}").data["token"]
        caller = portal(token if auth_type == "static_token" else mint_refresh_token(project.uid, link_id))
        assert caller.get("/portal_link").status == 200
        return caller

    def test_after_can_manage_endpoint_is_taken_and_given(
        self, project: Project, caller: API, link_id: str, path: str
    ) -> None:
        for manages, status in ((True, 202), (False, 403), (True, 202)):
            update_portal_link(project.uid, link_id, name="Acme", owner_id="acme", can_manage_endpoint=manages)
            assert caller.put(path, BODY).status == status
            assert ("the signing secret" in caller.get(path).response.content.decode()) is manages

    def test_after_the_owner_changes(
        self, project: Project, caller: API, link_id: str, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        other = make_endpoint(owner_id="globex")
        update_portal_link(project.uid, link_id, name="Acme", owner_id="globex", can_manage_endpoint=True)
        assert caller.get(path).error == caller.put(path, BODY).error == (401, "unauthorized")
        assert [row["uid"] for row in caller.get("/endpoints").data["content"]] == [other.uid]

    def test_after_the_owner_is_cleared(
        self, project: Project, caller: API, link_id: str, endpoint: Endpoint, make_endpoint: MakeEndpoint
    ) -> None:
        other = make_endpoint(owner_id="acme")
        update_portal_link(project.uid, link_id, name="Acme", endpoints=[endpoint.uid])
        assert caller.get(f"/endpoints/{other.uid}").error == (401, "unauthorized")
        assert caller.get(f"/endpoints/{endpoint.uid}").status == 200

    def test_after_the_endpoint_moves_away(self, caller: API, path: str) -> None:
        assert caller.get(path).status == 200
        Endpoint.objects.update(owner_id="globex")
        assert caller.get(path).error == (401, "unauthorized")

    def test_after_the_link_is_revoked(self, project: Project, caller: API, link_id: str) -> None:
        revoke_portal_link(project.uid, link_id)
        assert caller.get("/endpoints").error == (401, "authorization failed")

    def test_after_auth_type_changes(self, project: Project, caller: API, link_id: str, auth_type: str) -> None:
        other = "refresh_token" if auth_type == "static_token" else "static_token"
        for now, status in ((other, 401), (auth_type, 200)):
            update_portal_link(project.uid, link_id, name="Acme", owner_id="acme", auth_type=now)
            assert caller.get("/endpoints").status == status

    def test_after_the_session_is_revoked(self, project: Project) -> None:
        session, token = create_session(project)
        caller = portal(token)
        assert caller.get("/endpoints").status == 200
        revoke_session(project.uid, session.uid)
        assert caller.get("/endpoints").error == (401, "authorization failed")

    def test_after_the_session_of_a_link_is_revoked(self, project: Project) -> None:
        link = create_link(project, auth_type="refresh_token")
        ended, living = (mint_refresh_token(project.uid, link.uid) for _ in range(2))
        session = PortalSession.objects.filter(portal_link=link).order_by("-pk")[1]
        revoke_session(project.uid, session.uid)
        assert portal(ended).get("/endpoints").error == (401, "authorization failed")
        assert portal(living).get("/endpoints").status == 200

    def test_after_a_session_has_less_rights(self, project: Project, path: str) -> None:
        session, token = create_session(project)
        assert portal(token).put(path, BODY).status == 202
        PortalSession.objects.filter(pk=session.pk).update(capabilities=sorted(READ_ONLY))
        assert portal(token).put(path, BODY).error == (403, "Unauthorized")

    def test_after_the_project_is_deleted(self, project: Project, manager: API) -> None:
        assert manager.get("/endpoints").status == 200
        delete_project(project.uid)
        assert manager.get("/endpoints").error == (401, "authorization failed")


class TestScopeByID:
    """The original checked the lists and forgot the rows."""

    CALLS = [
        ("GET", "", None),
        ("PUT", "", BODY),
        ("DELETE", "", None),
        ("PUT", "/pause", None),
        ("POST", "/activate", None),
        ("PUT", "/expire_secret", {"expiration": 0}),
    ]

    @pytest.mark.parametrize(("method", "action", "body"), CALLS, ids=lambda value: str(value)[:20])
    def test_of_another_owner_and_of_another_project(
        self,
        manager: API,
        other_project: Project,
        make_endpoint: MakeEndpoint,
        method: str,
        action: str,
        body: dict[str, object] | None,
    ) -> None:
        strangers = [make_endpoint(owner_id="globex"), make_endpoint(owner_id="acme", project_id=other_project.uid)]
        with nothing_changes():
            for endpoint in strangers:
                assert manager(method, f"/endpoints/{endpoint.uid}{action}", body).error == (401, "unauthorized")


class TestTokens:
    """A token is known to its holder, and to nobody by any other way."""

    def test_in_no_answer_to_another_customer(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint(owner_id="acme")
        links = [create_link(project), create_link(project, owner_id="", endpoints=[endpoint.uid])]
        links.append(create_link(project, auth_type="refresh_token"))
        refresh = mint_refresh_token(project.uid, links[2].uid)
        token = create_session(project).secret
        secrets = [(links[0].token,) * 2, (links[1].token,) * 2, (refresh, links[2].token), (token, token)]
        for credential, _ in secrets:
            caller = portal(credential)
            others = {text for pair in secrets if credential not in pair for text in pair}
            answers = [
                *(caller.get(path) for path in ("/portal_link", "/endpoints", f"/endpoints/{endpoint.uid}")),
                caller.post("/endpoints", BODY),
                caller.put(f"/endpoints/{endpoint.uid}", BODY),
            ]
            for answer in answers:
                assert answer.status < 300
                assert not [text for text in others if text in answer.response.content.decode()]

    @pytest.mark.slow
    def test_in_no_log(
        self, project: Project, api: API, make_endpoint: MakeEndpoint, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Not even where everything is logged, statements and their parameters included."""
        for name in ("root", "convoyclone", "django.request", "django.db.backends"):
            caplog.set_level(logging.DEBUG, logger=name)
        endpoint = make_endpoint(owner_id="acme")
        links = f"/projects/{project.uid}/portal-links"
        # It makes Django log each statement.
        with CaptureQueriesContext(connection):
            static = api.post(links, {"name": "Acme", "owner_id": "acme", "can_manage_endpoint": True}).data
            refresh = api.post(links, {"name": "Acme", "owner_id": "acme", "auth_type": "refresh_token"}).data
            minted = api.get(f"{links}/{refresh['uid']}/refresh_token").data
            tokens = [static["token"], refresh["token"], refresh["auth_key"], minted, create_session(project).secret]
            for token in tokens:
                caller = portal(token)
                for path in ("/portal_link", "/endpoints", "/endpoints/nope", "/nope"):
                    caller.get(path)
                caller.post("/endpoints", BODY)
                caller.put(f"/endpoints/{endpoint.uid}", BODY)
                API(token).get("/projects")
                api.client.get("/portal", {"token": token})
        for what in ("portal_links_portalsession", "Unauthorized: /api/v1/projects", "/portal"):
            assert what in caplog.text
        assert not [token for token in tokens if token in caplog.text]

    @pytest.mark.parametrize("header", ["{}", "Bearer {}x", "Basic {}", "Bearer {} {}"])
    def test_in_no_refusal(self, project: Project, header: str) -> None:
        token = create_link(project).token
        caller = portal(None)
        caller.headers = {"Authorization": header.format(token, token)}
        answer = caller.get("/endpoints")
        assert answer.status == 401
        assert token not in answer.response.content.decode() + str(answer.headers)
