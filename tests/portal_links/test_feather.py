"""POST /v1/webhooks/portal"""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django import Settings

from portal_links.access import find_access
from portal_links.capabilities import EVERYTHING, READ_ONLY
from portal_links.models import PortalSession
from projects.keys import MANAGE
from projects.models import Project
from projects.operations import create_api_key, delete_project
from tests.conftest import Role
from tests.portal_links.calls import Reply, assert_not_stored, call, secret_in
from tests.statements import nothing_changes, statements

PATH = "/v1/webhooks/portal"


def owners_key(project: Project, role: str = Role.PROJECT_ADMIN, **fields: Any) -> str:
    fields = {"owner_id": "acme", "scopes": [MANAGE]} | fields
    return create_api_key(name="feather", role=role, project=project, **fields)[1]


@pytest.fixture
def key(project: Project) -> str:
    """A key of acme's that may manage."""
    return owners_key(project)


def create(key: str, body: Any = None, **more: str) -> Reply:
    return call("POST", PATH, body, x_api_key=key, **more)


def refusal(reply: Reply) -> tuple[int, str, str]:
    """(status, error, message) of an error, which has Feather's shape and no more."""
    assert reply.json.keys() == {"error", "message"}
    return reply.status, reply.json["error"], reply.json["message"]


class TestWorks:
    def test_a_key_that_may_manage(self, project: Project, key: str) -> None:
        before = timezone.now()
        reply = create(key)
        assert reply.status == 200
        assert reply.json.keys() == {"url", "expires_in_s", "read_only"}
        assert (reply.json["expires_in_s"], reply.json["read_only"]) == (3600, False)
        assert type(reply.json["expires_in_s"]) is int
        token = secret_in(reply.json["url"])
        assert reply.json["url"] == f"{settings.BASE_URL}/portal/{project.uid}/#token={token}"
        session = PortalSession.objects.get()
        assert before + timedelta(hours=1) <= session.expires_at <= timezone.now() + timedelta(hours=1)
        assert (session.project_id, session.owner_id, session.surface) == (project.uid, "acme", "feather")
        assert frozenset(session.capabilities) == EVERYTHING
        access = find_access(token)
        assert access is not None
        assert (access.owner_id, access.capabilities) == ("acme", EVERYTHING)
        # Neither what opens the portal nor the account's own key is to be found: in the row, or in the answer.
        assert_not_stored(token, key)
        assert key.encode() not in reply.content
        assert key.split(".")[1].encode() not in reply.content

    @pytest.mark.parametrize(
        ("role", "scopes"),
        [
            (Role.PROJECT_ADMIN, []),
            (Role.PROJECT_ADMIN, ["webhooks:read"]),
            (Role.PROJECT_ADMIN, ["webhooks:manage:all", "WEBHOOKS:MANAGE", "webhooks"]),
            (Role.PROJECT_VIEWER, []),
            (Role.PROJECT_VIEWER, [MANAGE]),
        ],
    )
    def test_any_other_key_may_look(self, project: Project, role: str, scopes: list[str]) -> None:
        reply = create(owners_key(project, role, scopes=scopes))
        assert (reply.status, reply.json["read_only"], reply.json["expires_in_s"]) == (200, True, 3600)
        access = find_access(secret_in(reply.json["url"]))
        assert access is not None
        assert access.capabilities == READ_ONLY

    def test_one_scope_of_several_is_enough(self, project: Project) -> None:
        assert create(owners_key(project, scopes=["agents:read", MANAGE])).json["read_only"] is False

    @pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"owner_id":"globex","read_only":false}'])
    def test_a_body_is_ignored(self, key: str, body: bytes) -> None:
        assert create(key, body).status == 200
        assert PortalSession.objects.get().owner_id == "acme"

    def test_without_a_content_type(self, key: str) -> None:
        assert call("POST", PATH, content_type="", x_api_key=key).status == 200

    def test_every_link_has_a_token_of_its_own(self, key: str) -> None:
        assert len({create(key).json["url"] for _ in range(5)}) == 5


class TestAuthentication:
    @pytest.mark.parametrize("sent", ["", " ", "nope", "é", f"CO.{'a' * 16}.{'b' * 64}", f"nhm_{'a' * 80}"])
    def test_a_key_that_does_not_work(self, key: str, sent: str) -> None:
        with nothing_changes():
            assert refusal(create(sent))[:2] == (401, "unauthorized")

    def test_no_key_and_one_in_another_header(self, key: str) -> None:
        with nothing_changes():
            for headers in ({}, {"Authorization": f"Bearer {key}"}, {"x_apikey": key}):
                said = refusal(call("POST", PATH, **headers))
                assert said == (401, "unauthorized", "send an API key in the header x-api-key")

    def test_dead_keys_look_like_unknown_ones(self, project: Project, key: str) -> None:
        expired = owners_key(project, expires_at=timezone.now() - timedelta(hours=1))
        unknown = create(f"CO.{'a' * 16}.{'b' * 64}").content
        assert create(expired).content == unknown
        delete_project(project.uid)
        assert create(key).content == unknown

    def test_a_key_that_is_bound_to_no_owner_is_told_what_to_do(self, project: Project) -> None:
        instance = create_api_key(name="instance", role=Role.INSTANCE_ADMIN, scopes=[MANAGE])[1]
        instances_owner = create_api_key(name="odd", role=Role.INSTANCE_ADMIN, owner_id="acme", scopes=[MANAGE])[1]
        for key in (owners_key(project, owner_id=""), instance, instances_owner):
            with nothing_changes():
                status, error, message = refusal(create(key))
            assert (status, error) == (400, "bad_request")
            assert "create_api_key --owner-id" in message


class TestAnotherTenant:
    def test_a_key_opens_its_own_owners_portal_only(self, project: Project, other_project: Project) -> None:
        for number, (of, owner) in enumerate([(project, "acme"), (project, "globex"), (other_project, "acme")], 1):
            url = create(owners_key(of, owner_id=owner)).json["url"]
            access = find_access(secret_in(url))
            assert access is not None
            assert (access.project.uid, access.owner_id) == (of.uid, owner)
            assert f"/portal/{of.uid}/" in url
            assert PortalSession.objects.count() == number


class TestValidation:
    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
    def test_another_method(self, key: str, method: str) -> None:
        reply = call(method, PATH, x_api_key=key)
        assert refusal(reply) == (405, "method_not_allowed", "method not allowed")
        assert reply.headers["Allow"] == "POST"

    def test_another_content_type(self, key: str) -> None:
        reply = call("POST", PATH, b"a", content_type="text/plain", x_api_key=key)
        assert refusal(reply)[:2] == (415, "unsupported_media_type")

    def test_too_long_a_body(self, key: str) -> None:
        assert refusal(create(key, b" " * (settings.MAX_REQUEST_BODY_BYTES + 1)))[:2] == (413, "payload_too_large")

    @pytest.mark.slow
    def test_too_many_requests(self, key: str, settings: Settings) -> None:
        settings.API_RATE_LIMIT = 1
        replies = [create(key) for _ in range(61)]
        assert [reply.status for reply in replies[:60]] == [200] * 60
        assert refusal(replies[60])[:2] == (429, "rate_limited")
        assert 1 <= int(replies[60].headers["Retry-After"]) <= 60

    @pytest.mark.parametrize("path", ["", "webhooks", "webhooks/portal/", "webhooks/portal/x", "projects", "%00"])
    def test_a_path_that_is_not_there(self, key: str, path: str) -> None:
        assert refusal(call("POST", f"/v1/{path}", x_api_key=key)) == (404, "not_found", "404 page not found")

    def test_a_nul_in_the_query(self, key: str) -> None:
        assert refusal(call("POST", f"{PATH}?a=%00", x_api_key=key))[:2] == (400, "bad_request")

    def test_another_host(self, key: str) -> None:
        assert refusal(create(key, Host="evil.example")) == (400, "bad_request", "bad request")


def test_queries(key: str) -> None:
    with statements() as ran:
        assert create(key).status == 200
    assert ran == ["SELECT projects_apikey", "INSERT portal_links_portalsession"]
