"""GET /api/v1/projects/{projectID}/portal-sessions and PUT …/portal-sessions/{sessionID}/revoke"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal_links.access import find_access
from portal_links.capabilities import EVERYTHING, READ_ONLY, of_link
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link, revoke_portal_link, update_portal_link
from portal_links.sessions import Minted, mint_session, open_session, revoke_session
from projects.models import APIKey, Project
from tests.callers import caller_of
from tests.concurrency import at_once
from tests.conftest import API, Answer
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements

Mint = Callable[..., Minted]
HOUR = timedelta(hours=1)


@pytest.fixture
def mint(project: Project, api: API) -> Mint:
    """Mints a session of the project."""
    caller = caller_of(APIKey.objects.get(name="admin"))

    def mint(owner_id: str = "acme", **more: Any) -> Minted:
        given: dict[str, Any] = {"surface": PortalSession.Surface.SVIX, "capabilities": EVERYTHING, "lifetime": HOUR}
        given |= {"single_use": False, "minted_by": caller}
        return mint_session(more.pop("project_id", project.uid), owner_id=owner_id, **given | more)

    return mint


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}/portal-sessions"


def listed(answer: Answer) -> list[str]:
    """The ids of a page's sessions."""
    assert answer.status == 200
    return [row["uid"] for row in answer.data["content"]]


class TestList:
    class TestWorks:
        def test_shows_all_but_the_secrets(self, project: Project, api: API, path: str, mint: Mint) -> None:
            session, code = mint(
                surface=PortalSession.Surface.NAHOOK,
                capabilities=READ_ONLY,
                single_use=True,
                metadata={"userId": "usr_456"},
                reference="one",
            )
            token = open_session(project.uid, code, address="203.0.113.7").secret
            now = datetime(2026, 11, 22, 9, 0, 5, tzinfo=UTC)
            PortalSession.objects.update(created_at=now, expires_at=now + HOUR, opened_at=now, last_used_at=now)
            answer = api.get(path)
            assert answer.message == "Portal sessions fetched successfully"
            assert answer.data["content"] == [
                {
                    "uid": session.uid,
                    "project_id": project.uid,
                    "owner_id": "acme",
                    "portal_link_id": None,
                    "surface": "nahook",
                    "capabilities": sorted(READ_ONLY),
                    "metadata": {"userId": "usr_456"},
                    "reference": "one",
                    "minted_by": APIKey.objects.get(name="admin").uid,
                    "created_at": "2026-11-22T09:00:05Z",
                    "expires_at": "2026-11-22T10:00:05Z",
                    "opened_at": "2026-11-22T09:00:05Z",
                    "opened_from": "203.0.113.7",
                    "last_used_at": "2026-11-22T09:00:05Z",
                    "last_used_from": "203.0.113.7",
                    "revoked_at": None,
                }
            ]
            session.refresh_from_db()
            hidden = [code, token, bytes(session.code_digest or b"").hex(), bytes(session.token_digest or b"").hex()]
            for secret in hidden:
                assert secret.encode() not in answer.response.content

        def test_a_session_of_a_link_has_the_links_owner_and_rights_of_now(
            self, project: Project, api: API, path: str
        ) -> None:
            link = create_portal_link(project.uid, name="Acme", owner_id="acme", auth_type="refresh_token").link
            [row] = api.get(path).data["content"]
            assert (row["owner_id"], row["portal_link_id"], row["surface"]) == ("acme", link.uid, "convoy")
            assert row["capabilities"] == sorted(of_link(can_manage_endpoint=False))
            update_portal_link(project.uid, link.uid, name="G", owner_id="globex", can_manage_endpoint=True)
            [row] = api.get(path).data["content"]
            assert (row["owner_id"], row["capabilities"]) == ("globex", sorted(EVERYTHING))

        def test_newest_first_in_pages(self, api: API, path: str, mint: Mint) -> None:
            made = [mint().session.uid for _ in range(5)][::-1]
            first = api.get(f"{path}?perPage=3")
            assert listed(first) == made[:3]
            assert first.data["pagination"]["has_next_page"] is True
            cursor = first.data["pagination"]["next_page_cursor"]
            assert listed(api.get(f"{path}?perPage=3&next_page_cursor={cursor}"))[-2:] == made[-2:]
            assert listed(api.get(f"{path}/")) == made

        def test_by_owner_and_by_link(self, project: Project, api: API, path: str, mint: Mint) -> None:
            acme, globex = mint("acme").session.uid, mint("globex").session.uid
            link = create_portal_link(project.uid, name="Acme", owner_id="acme", auth_type="refresh_token").link
            of_the_link = PortalSession.objects.get(portal_link=link).uid
            assert listed(api.get(f"{path}?ownerId=acme")) == [of_the_link, acme]
            assert listed(api.get(f"{path}?ownerId=globex")) == [globex]
            assert listed(api.get(f"{path}?portalLinkId={link.uid}")) == [of_the_link]
            assert listed(api.get(f"{path}?portalLinkId={link.uid}&ownerId=globex")) == []
            assert listed(api.get(f"{path}?ownerId=")) == [of_the_link, globex, acme]
            for nobody in ("ownerId=acm", "ownerId=ACME", "portalLinkId=nope", "ownerId=%F0%9F%A6%84", "ownerId='"):
                assert listed(api.get(f"{path}?{nobody}")) == []

        def test_active_is_what_gives_access_now(self, project: Project, api: API, path: str, mint: Mint) -> None:
            now = timezone.now()
            sessions = {name: mint().session.uid for name in ("live", "soon", "expired", "revoked")}
            ends = {"soon": now + timedelta(minutes=5), "expired": now - timedelta(hours=1)}
            for name, end in ends.items():
                PortalSession.objects.filter(pk=sessions[name]).update(expires_at=end)
            revoke_session(project.uid, sessions["revoked"])
            sessions["unopened"] = mint(single_use=True).session.uid
            for name, auth_type in (("link", "refresh_token"), ("link gone", "refresh_token"), ("static", "")):
                link = create_portal_link(project.uid, name=name, owner_id="acme", auth_type="refresh_token").link
                sessions[name] = PortalSession.objects.get(portal_link=link).uid
                if name == "link gone":
                    revoke_portal_link(project.uid, link.uid)
                if not auth_type:
                    PortalLink.objects.filter(pk=link.pk).update(auth_type="static_token")
            names = {uid: name for name, uid in sessions.items()}
            active = {"live", "soon", "unopened", "link"}
            assert {names[uid] for uid in listed(api.get(f"{path}?active=true"))} == active
            assert {names[uid] for uid in listed(api.get(f"{path}?active=TRUE&ownerId=acme"))} == active
            assert {names[uid] for uid in listed(api.get(f"{path}?active=false"))} == sessions.keys() - active
            assert {names[uid] for uid in listed(api.get(path))} == sessions.keys()

    class TestAuthentication(RefusesStrangers):
        @pytest.fixture
        def call(self, path: str) -> Call:
            return lambda caller: caller.get(path)

        def test_a_viewer_may(self, viewer: API, path: str, mint: Mint) -> None:
            session = mint().session
            assert listed(viewer.get(path)) == [session.uid]

        def test_a_portal_token_may_not(self, path: str, mint: Mint) -> None:
            assert API(mint().secret).get(path).error == (401, "unauthorized")

    class TestAnotherTenant(RefusesOtherProjects):
        @pytest.fixture
        def call(self, path: str) -> Call:
            return lambda caller: caller.get(path)

        def test_shows_only_the_projects_own(
            self, api: API, other_api: API, other_project: Project, path: str, mint: Mint
        ) -> None:
            own, foreign = mint().session.uid, mint(project_id=other_project.uid).session.uid
            assert listed(api.get(f"{path}?ownerId=acme")) == [own]
            assert listed(other_api.get(path.replace(path.split("/")[2], other_project.uid))) == [foreign]

        def test_a_link_of_somebody_else(self, api: API, other_project: Project, path: str) -> None:
            link = create_portal_link(other_project.uid, name="A", owner_id="acme", auth_type="refresh_token").link
            assert listed(api.get(f"{path}?portalLinkId={link.uid}")) == []

    @pytest.mark.parametrize("rows", [1, 20])
    def test_queries(self, project: Project, api: API, path: str, mint: Mint, rows: int) -> None:
        for number in range(rows):
            create_portal_link(project.uid, name="Acme", owner_id=f"acme {number}", auth_type="refresh_token")
            mint(f"owner {number}")
        with statements() as ran:
            api.get(f"{path}?active=true&perPage=100")
        assert ran == ["SELECT projects_apikey", *["SELECT portal_links_portalsession"] * 2]


class TestRevoke:
    @pytest.fixture
    def minted(self, mint: Mint) -> Minted:
        return mint()

    @pytest.fixture
    def call(self, path: str, minted: Minted) -> Call:
        return lambda caller: caller.put(f"{path}/{minted.session.uid}/revoke")

    def test_the_next_request_is_refused(self, api: API, minted: Minted, call: Call, mint: Mint) -> None:
        other = mint()
        assert find_access(minted.secret) is not None
        answer = call(api)
        assert (answer.status, answer.message, answer.data) == (200, "Portal session revoked successfully", None)
        assert find_access(minted.secret) is None
        assert find_access(other.secret) is not None

    def test_an_unopened_link_no_longer_opens(self, project: Project, api: API, path: str, mint: Mint) -> None:
        session, code = mint(single_use=True)
        assert api.put(f"{path}/{session.uid}/revoke").status == 200
        with pytest.raises(Exception, match="not found"):
            open_session(project.uid, code, address=None)

    def test_the_second_time_it_is_not_found(self, api: API, call: Call) -> None:
        assert call(api).status == 200
        with nothing_changes():
            assert call(api).error == (404, "Resource not found")

    def test_a_body_is_ignored(self, api: API, path: str, minted: Minted) -> None:
        assert api.put(f"{path}/{minted.session.uid}/revoke", b"not json").status == 200

    def test_what_is_not_there(
        self, api: API, instance: API, other_api: API, other_project: Project, path: str, minted: Minted, mint: Mint
    ) -> None:
        foreign = mint(project_id=other_project.uid).session.uid
        with nothing_changes():
            for uid in (foreign, "nope", "'", "%F0%9F%A6%84", "a" * 5000):
                for caller in (api, instance):
                    assert caller.put(f"{path}/{uid}/revoke").error == (404, "Resource not found")
            elsewhere = path.replace(path.split("/")[2], other_project.uid)
            assert other_api.put(f"{elsewhere}/{minted.session.uid}/revoke").error == (404, "Resource not found")

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_another_method(self, api: API, path: str, minted: Minted, method: str) -> None:
        assert api(method, f"{path}/{minted.session.uid}/revoke").error == (405, "method not allowed")

    class TestAccess(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
        @pytest.fixture
        def call(self, path: str, mint: Mint) -> Call:
            session = mint().session
            return lambda caller: caller.put(f"{path}/{session.uid}/revoke")

    def test_queries(self, api: API, call: Call) -> None:
        with statements() as ran:
            call(api)
        assert ran == [
            "SELECT projects_apikey",
            "LOCK portal_links_portalsession",
            "UPDATE portal_links_portalsession",
            "INSERT activity_activity",
        ]


class TestOpening:
    """The operation under the pages: a code opens once."""

    @pytest.mark.django_db(transaction=True)
    def test_one_of_many_openings_wins(self, project: Project, mint: Mint) -> None:
        code = mint(single_use=True).secret

        def opened(number: int) -> Any:
            try:
                return open_session(project.uid, code, address="203.0.113.7").secret
            except Exception as error:
                return type(error).__name__

        results: list[Any] = list(at_once(10, opened))
        [token] = [result for result in results if result.startswith("PST.")]
        assert results.count("CodeUsed") == 9
        assert find_access(token) is not None
        assert find_access(code) is None
