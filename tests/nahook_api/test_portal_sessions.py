"""POST /management/v1/workspaces/{workspaceId}/applications/{appId}/portal"""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django import Settings

from portal_links.capabilities import EVERYTHING, READ_ONLY, ROLES
from portal_links.models import PortalSession
from portal_links.sessions import open_session
from projects.keys import MANAGEMENT_PREFIX
from projects.models import APIKey, Project
from projects.operations import create_api_key, delete_project, revoke_api_key
from tests.conftest import API, Role, as_text
from tests.portal_links.calls import Reply, assert_not_stored, call, each
from tests.statements import nothing_changes, statements


def management_key(project: Project | None, role: str = Role.PROJECT_ADMIN, **fields: Any) -> tuple[APIKey, str]:
    return create_api_key(name="nahook", role=role, project=project, prefix=MANAGEMENT_PREFIX, **fields)


@pytest.fixture
def key(project: Project) -> str:
    """A management token of the project."""
    return management_key(project)[1]


@pytest.fixture
def path(project: Project) -> str:
    return path_of(project.uid)


def path_of(workspace: str, app: str = "acme") -> str:
    return f"/management/v1/workspaces/{workspace}/applications/{app}/portal"


def create(path: str, key: str, body: Any = None, **more: str) -> Reply:
    return call("POST", path, body, **{"Authorization": f"Bearer {key}"} | more)


def refusal(reply: Reply) -> tuple[int, str, str]:
    """(status, code, message) of an error, which has Nahook's shape and no more."""
    assert reply.json.keys() == {"error"}
    assert reply.json["error"].keys() == {"code", "message"}
    return reply.status, reply.json["error"]["code"], reply.json["error"]["message"]


class TestWorks:
    @pytest.mark.parametrize("body", [None, b"", b"  \n", {}, {"role": None, "expiresInMinutes": None}])
    def test_everything_has_a_default(self, project: Project, path: str, key: str, body: Any) -> None:
        before = timezone.now()
        reply = create(path, key, body)
        assert reply.status == 201
        assert reply.json.keys() == {"url", "code", "expiresAt"}
        code = reply.json["code"]
        assert reply.json["url"] == f"{settings.BASE_URL}/portal/{project.uid}/#code={code}"
        assert re.fullmatch(r"[A-Za-z0-9]{43}", code)
        assert reply.json["expiresAt"].endswith("Z")
        session = PortalSession.objects.get()
        assert datetime.fromisoformat(reply.json["expiresAt"]) == session.expires_at
        assert before + timedelta(minutes=60) <= session.expires_at <= timezone.now() + timedelta(minutes=60)
        assert (session.project_id, session.owner_id, session.surface) == (project.uid, "acme", "nahook")
        assert session.portal_link is None
        assert frozenset(session.capabilities) == ROLES["editor"]
        assert (session.metadata, session.opened_at, session.token_digest) == ({}, None, None)
        assert session.minted_by == APIKey.objects.get(name="nahook")
        assert_not_stored(code)

    @pytest.mark.parametrize("role", ["admin", "editor", "viewer"])
    def test_a_role_is_its_capabilities(self, path: str, key: str, role: str) -> None:
        expected = {
            "admin": EVERYTHING,
            "editor": EVERYTHING - {"delete_endpoint"},
            "viewer": READ_ONLY,
        }
        assert create(path, key, {"role": role}).status == 201
        assert frozenset(PortalSession.objects.get().capabilities) == expected[role]

    @pytest.mark.parametrize("minutes", [1, 30, 60])
    def test_a_lifetime(self, path: str, key: str, minutes: int) -> None:
        assert create(path, key, {"expiresInMinutes": minutes}).status == 201
        session = PortalSession.objects.get()
        assert session.expires_at - session.created_at == timedelta(minutes=minutes)

    @pytest.mark.parametrize(
        "metadata",
        [
            {},
            {"userId": "usr_456", "email": "jo@acme.example"},
            {"": "", "name": "Zoë 🦄", "role": "admin"},
            {f"key {number}": "v" * 1024 for number in range(10)},
        ],
    )
    def test_metadata_goes_to_the_endpoints_of_the_session(
        self, project: Project, path: str, key: str, api: API, metadata: dict[str, str]
    ) -> None:
        code = create(path, key, {"metadata": metadata}).json["code"]
        assert PortalSession.objects.get().metadata == metadata
        token = open_session(project.uid, code, address=None).secret
        body = {"name": "In", "url": "https://hooks.example.com/in"}
        made = call("POST", "/portal-api/endpoints", body, Authorization=f"Bearer {token}")
        assert made.status == 201, made.json
        shown = api.get(f"/projects/{project.uid}/endpoints/{made.json['data']['uid']}").data
        assert (shown["metadata"], shown["owner_id"]) == (metadata, "acme")

    def test_an_api_key_works_too(self, project: Project, path: str) -> None:
        _, key = create_api_key(name="plain", role=Role.PROJECT_ADMIN, project=project)
        assert create(path, key).status == 201
        _, key = create_api_key(name="instance", role=Role.INSTANCE_ADMIN)
        assert create(path, key).status == 201
        assert set(PortalSession.objects.values_list("project", flat=True)) == {project.uid}

    @pytest.mark.parametrize("app", ["a b", "%C3%A9", "a:b@c", "%F0%9F%A6%84", "a" * 255, "..%20"])
    def test_an_application_is_any_owner_id(self, project: Project, key: str, app: str) -> None:
        assert create(path_of(project.uid, app), key).status == 201

    def test_every_session_has_a_code_of_its_own(self, path: str, key: str) -> None:
        assert len({create(path, key).json["code"] for _ in range(5)}) == 5


class TestAuthentication:
    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Bearer",
            "Bearer ",
            "Basic bm9wZTpub3Bl",
            "Bearer nhk_us_0123456789",
            f"Bearer nhm_{'a' * 80}",
            "Bearer nhm_",
            "Bearer nhm_é",
            f"Bearer CO.{'a' * 16}.{'b' * 64}",
            f"Bearer PRT.{'a' * 16}.{'b' * 64}",
            f"Bearer PST.{'a' * 64}",
            "Bearer aB3dE6gH9jK2mN5pQ8sT1vW4",
        ],
    )
    def test_no_token(self, path: str, key: str, header: str) -> None:
        with nothing_changes():
            status, code, _ = refusal(call("POST", path, {}, **{"Authorization": header} if header else {}))
        assert (status, code) == (401, "unauthorized")

    def test_a_revoked_and_an_expired_token(self, project: Project, path: str) -> None:
        revoked, key = management_key(project)
        revoke_api_key(revoked.uid)
        expired = management_key(project, expires_at=timezone.now() - timedelta(hours=1))[1]
        for dead in (key, expired):
            assert refusal(create(path, dead)) == (401, "unauthorized", "the management token is not valid")

    def test_a_key_is_one_text(self, path: str, key: str) -> None:
        """Neither another prefix before the same characters nor one character less opens anything."""
        mask, secret = key[4:20], key[20:]
        for other in (f"CO.{mask}.{secret}", key[:-1], f"{key}x", f"nhm_{mask}.{secret}"):
            assert refusal(create(path, other))[0] == 401

    def test_a_viewer_mints_nothing(self, project: Project, path: str) -> None:
        key = management_key(project, Role.PROJECT_VIEWER)[1]
        with nothing_changes():
            assert refusal(create(path, key))[:2] == (403, "forbidden")

    def test_a_token_that_speaks_for_one_owner(self, project: Project, path: str) -> None:
        key = management_key(project, owner_id="acme")[1]
        assert create(path, key).status == 201
        with nothing_changes():
            assert refusal(create(path_of(project.uid, "globex"), key))[:2] == (403, "forbidden")
            assert refusal(create(path_of(project.uid, "acme%20"), key))[:2] == (403, "forbidden")

    def test_a_management_token_is_not_for_the_convoy_api(self, project: Project, key: str) -> None:
        assert API(key).get(f"/projects/{project.uid}").error == (401, "authorization failed")

    def test_an_owners_key_is_not_for_the_convoy_api(self, project: Project) -> None:
        _, key = create_api_key(name="acme", role=Role.PROJECT_ADMIN, project=project, owner_id="acme")
        for path in ("", "/endpoints", "/portal-links", "/portal-sessions"):
            status, message = API(key).get(f"/projects/{project.uid}{path}").error
            assert status == 403
            assert "one owner_id" in message


class TestAnotherTenant:
    def test_a_workspace_of_somebody_else_and_one_that_is_not_there(self, key: str, other_project: Project) -> None:
        for uid in (other_project.uid, "nope", "%20", "a" * 3000):
            with nothing_changes():
                assert refusal(create(path_of(uid), key)) == (404, "not_found", "project not found")

    def test_a_deleted_workspace(self, project: Project, path: str, key: str) -> None:
        _, instance = create_api_key(name="instance", role=Role.INSTANCE_ADMIN)
        delete_project(project.uid)
        assert refusal(create(path, key))[0] == 401
        assert refusal(create(path, instance))[0] == 404


MINUTES = "expiresInMinutes: must be a whole number from 1 to 60"
WRONG: list[tuple[Any, str]] = [
    *(
        ({"expiresInMinutes": wrong}, MINUTES)
        for wrong in each(0, 61, -1, 1.5, 30.0, "30", "", True, [], {}, 2**63 - 1)
    ),
    *(({"role": wrong}, "role: ") for wrong in each("owner", "Admin", "", " admin", 1, True, ["admin"], {}, "a" * 300)),
    *(({"metadata": wrong}, "metadata: must be an object") for wrong in each([], "a", 1, True, [["a", "b"]])),
    ({"metadata": {str(number): "" for number in range(11)}}, "metadata: must have at most 10 keys"),
    *(
        ({"metadata": {"userId": wrong}}, "metadata: the value of 'userId' must be a string")
        for wrong in each(1, 1.5, True, None, [], ["a"], {}, {"a": "b"})
    ),
    ({"metadata": {"userId": "a\x00"}}, "metadata: the key or value of 'userId'"),
    ({"metadata": {"a\x00": "a"}}, "metadata: the key or value of 'a"),
    ({"metadata": {"k" * 129: "a"}}, "metadata: the key or value of 'kkk"),
    ({"metadata": {"key": "v" * 1025}}, "metadata: the key or value of 'key'"),
    ({"expires_in_minutes": 5}, "expires_in_minutes: is not a known field"),
    ({"Role": "viewer"}, "Role: is not a known field"),
    ({"role": "viewer", "b": 1, "a": None}, "a: is not a known field"),
    (b"[]", "body contains incorrect JSON type"),
    (b'"role"', "body contains incorrect JSON type"),
    (b"null", "body contains incorrect JSON type"),
    (b"{", "body contains badly-formed JSON"),
    (b'{"role": "admin"} x', "body contains badly-formed JSON"),
    (b'{"role": "\xff"}', "body contains badly-formed JSON"),
    (b'{"expiresInMinutes": NaN}', "body contains badly-formed JSON"),
    (b'{"expiresInMinutes": 1e400}', ""),
    (b'{"metadata":' + b'{"a":' * 2000 + b"1" + b"}" * 2001, "body contains badly-formed JSON"),
]


class TestValidation:
    @pytest.mark.parametrize(("body", "message"), WRONG, ids=as_text)
    def test_a_wrong_body(self, path: str, key: str, body: Any, message: str) -> None:
        with nothing_changes():
            status, code, said = refusal(create(path, key, body))
        assert (status, code) == (400, "validation_error")
        assert said.startswith(message)
        assert "\x00" not in said

    @pytest.mark.parametrize("app", ["%20", "%20%09", "a" * 256, "a%00"])
    def test_what_is_no_application(self, project: Project, key: str, app: str) -> None:
        with nothing_changes():
            assert refusal(create(path_of(project.uid, app), key))[:2] == (400, "validation_error")

    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
    def test_another_method(self, path: str, key: str, method: str) -> None:
        reply = call(method, path, Authorization=f"Bearer {key}")
        assert refusal(reply) == (405, "method_not_allowed", "method not allowed")
        assert reply.headers["Allow"] == "POST"

    def test_another_content_type(self, path: str, key: str) -> None:
        reply = call("POST", path, b"role=admin", content_type="text/plain", Authorization=f"Bearer {key}")
        assert refusal(reply)[:2] == (415, "unsupported_media_type")

    @pytest.mark.parametrize(("written", "owner_id"), [("a/b", "a/b"), ("a%2F%2Fb", "a//b"), ("a%3Fb%20c", "a?b c")])
    def test_any_owner(self, project: Project, key: str, written: str, owner_id: str) -> None:
        assert create(path_of(project.uid, written), key).status == 201
        assert PortalSession.objects.get().owner_id == owner_id

    def test_too_long_a_body(self, path: str, key: str) -> None:
        reply = create(path, key, {"metadata": {"a": "x" * settings.MAX_REQUEST_BODY_BYTES}})
        assert refusal(reply) == (413, "payload_too_large", "request body is too large")

    @pytest.mark.slow
    def test_too_many_requests(self, path: str, key: str, settings: Settings) -> None:
        settings.API_RATE_LIMIT = 1
        replies = [create(path, key) for _ in range(61)]
        assert [reply.status for reply in replies[:60]] == [201] * 60
        assert refusal(replies[60])[:2] == (429, "rate_limited")
        assert 1 <= int(replies[60].headers["Retry-After"]) <= 60

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
    @pytest.mark.parametrize("path", ["", "/", "/workspaces", "/workspaces/a/doors/b/c/door", "/x?y=1"])
    def test_a_path_below_v1_that_is_not_there(self, key: str, method: str, path: str) -> None:
        assert refusal(call(method, f"/management/v1{path}", Authorization=f"Bearer {key}")) == (
            *(404, "not_found", "404 page not found"),
        )
        for more in ({}, {"Authorization": "Bearer nhm_nobody"}, {"Authorization": "Bearer x"}):
            assert refusal(call(method, f"/management/v1{path}", **more))[:2] == (401, "unauthorized")

    @pytest.mark.parametrize("path", ["", "v2", "v2/workspaces", "%00"])
    def test_a_path_that_is_not_there(self, db: None, path: str) -> None:
        reply = call("POST", f"/management/{path}", {})
        assert refusal(reply) == (404, "not_found", "404 page not found")

    def test_another_host(self, path: str, key: str) -> None:
        reply = create(path, key, Host="evil.example")
        assert refusal(reply) == (400, "validation_error", "bad request")


def test_queries(path: str, key: str) -> None:
    with statements() as ran:
        assert create(path, key, {"metadata": {"a": "b"}}).status == 201
    assert ran == ["SELECT projects_apikey", "INSERT portal_links_portalsession"]
