"""POST /api/v1/auth/app-portal-access/{app_id}, /api/v1/auth/app/{app_id}/expire-all and /api/v1/auth/logout"""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from portal_links.access import find_access
from portal_links.capabilities import EVERYTHING, READ_ONLY
from portal_links.models import PortalSession
from portal_links.operations import create_portal_link
from projects.keys import MANAGEMENT_PREFIX
from projects.models import Project
from projects.operations import create_api_key, delete_project
from tests.concurrency import at_once
from tests.conftest import Role, as_text
from tests.portal_links.calls import Reply, assert_not_stored, call, each, secret_in
from tests.statements import nothing_changes, statements

ACCESS = "/api/v1/auth/app-portal-access/acme"
EXPIRE = "/api/v1/auth/app/acme/expire-all"
LOGOUT = "/api/v1/auth/logout"
HOUR, WEEK = 3600, 604_800

MANAGES = {"view", "view_secret", "manage_endpoint", "delete_endpoint", "manage_subscriptions"}


def key_of(project: Project | None, role: str = Role.PROJECT_ADMIN, **fields: Any) -> str:
    return create_api_key(name="svix", role=role, project=project, **fields)[1]


@pytest.fixture
def key(project: Project) -> str:
    return key_of(project)


def post(path: str, key: str, body: Any = None, **more: str) -> Reply:
    return call("POST", path, body, **{"Authorization": f"Bearer {key}"} | more)


def token_of(key: str, body: Any = None, path: str = ACCESS, **more: str) -> str:
    """A new session's token."""
    return str(granted(post(path, key, body, **more)).json["token"])


def granted(reply: Reply) -> Reply:
    assert reply.status == 200, reply.json
    return reply


def lives(token: str) -> bool:
    return find_access(token) is not None


def refusal(reply: Reply) -> tuple[int, str, str]:
    """(status, code, detail) of an error, which has Svix's shape and no more."""
    assert reply.json.keys() == {"code", "detail"}, reply.json
    return reply.status, reply.json["code"], reply.json["detail"]


def wrong_fields(reply: Reply) -> list[tuple[list[Any], str]]:
    """(where, what) of each fault in a 422."""
    assert reply.status == 422, reply.json
    assert reply.json.keys() == {"detail"}
    for failure in reply.json["detail"]:
        assert failure.keys() == {"loc", "msg", "type"}
    return [(failure["loc"], failure["msg"]) for failure in reply.json["detail"]]


class TestAccess:
    @pytest.mark.parametrize("body", [None, b"", b" ", {}, {"expiry": None, "capabilities": None, "readOnly": None}])
    def test_everything_has_a_default(self, project: Project, key: str, body: Any) -> None:
        before = timezone.now()
        reply = granted(post(ACCESS, key, body))
        assert reply.json.keys() == {"url", "token"}
        token = reply.json["token"]
        assert reply.json["url"] == f"{settings.BASE_URL}/portal/{project.uid}/#token={token}"
        session = PortalSession.objects.get()
        assert before + timedelta(days=7) <= session.expires_at <= timezone.now() + timedelta(days=7)
        assert (session.project_id, session.owner_id, session.surface) == (project.uid, "acme", "svix")
        assert (session.reference, session.code_digest) == ("", None)
        access = find_access(token)
        assert access is not None
        assert (access.owner_id, access.capabilities) == ("acme", EVERYTHING)
        assert_not_stored(token, key)

    @pytest.mark.parametrize(
        ("names", "allowed"),
        [
            ([], {"view"}),
            (["ViewBase"], {"view"}),
            (["ViewEndpointSecret"], {"view", "view_secret"}),
            (["ManageEndpointSecret"], {"view", "view_secret", "rotate_secret"}),
            (["ManageTransformations"], {"view"}),
            (["CreateAttempts"], {"view", "create_attempts"}),
            (["ManageEndpoint"], MANAGES),
            (["ViewBase", "CreateAttempts", "CreateAttempts"], {"view", "create_attempts"}),
            (["ManageEndpoint", "ManageEndpointSecret", "CreateAttempts"], EVERYTHING),
        ],
    )
    def test_capabilities(self, key: str, names: list[str], allowed: set[str]) -> None:
        access = find_access(token_of(key, {"capabilities": names}))
        assert access is not None
        assert access.capabilities == allowed

    @pytest.mark.parametrize("more", [{}, {"capabilities": ["ManageEndpoint", "ManageEndpointSecret"]}])
    def test_read_only_is_read_only(self, key: str, more: dict[str, Any]) -> None:
        access = find_access(token_of(key, {"readOnly": True} | more))
        assert access is not None
        assert access.capabilities == READ_ONLY
        access = find_access(token_of(key, {"readOnly": False, "capabilities": ["CreateAttempts"]}))
        assert access is not None
        assert access.capabilities == {"view", "create_attempts"}

    @pytest.mark.parametrize("seconds", [HOUR, 86_400, WEEK])
    def test_expiry(self, key: str, seconds: int) -> None:
        post(ACCESS, key, {"expiry": seconds})
        session = PortalSession.objects.get()
        assert session.expires_at - session.created_at == timedelta(seconds=seconds)

    def test_what_has_no_meaning_here_is_accepted(self, key: str) -> None:
        body = {"application": {"name": "Acme", "uid": "acme", "metadata": {}}, "featureFlags": ["cool-new_feature.2"]}
        assert post(ACCESS, key, body | {"featureFlags": ["a" * 256]}).status == 200
        assert post(ACCESS, key, body | {"not known": 1}).status == 200

    def test_session_id_is_kept(self, key: str) -> None:
        granted(post(ACCESS, key, {"sessionId": "user_1FB8"}))
        assert PortalSession.objects.get().reference == "user_1FB8"


class TestIdempotencyKey:
    BODY = {"expiry": HOUR, "sessionId": "one", "capabilities": ["ViewBase", "CreateAttempts"]}

    def test_the_same_key_is_the_same_session(self, key: str) -> None:
        first, second = (post(ACCESS, key, self.BODY, idempotency_key="once") for _ in range(2))
        assert first.status == second.status == 200
        assert first.json == second.json
        assert PortalSession.objects.count() == 1
        assert lives(first.json["token"])
        assert_not_stored(first.json["token"], "once")

    def test_another_key_or_none_is_another_session(self, key: str) -> None:
        sent = [{"idempotency_key": "a"}, {"idempotency_key": "A"}, {"idempotency_key": "a" * 2000}, {}, {}]
        sent += [{"idempotency_key": "a" * 1999 + "b"}, {"idempotency_key": ""}, {"idempotency_key": "é 🦄"}]
        assert len({token_of(key, self.BODY, **headers) for headers in sent}) == len(sent)

    @pytest.mark.parametrize(
        "change",
        [{"expiry": 2 * HOUR}, {"sessionId": "two"}, {"readOnly": True}, {"capabilities": None}, {"expiry": None}],
    )
    def test_the_same_key_with_another_body_is_refused(self, key: str, change: dict[str, Any]) -> None:
        token = token_of(key, self.BODY, idempotency_key="once")
        with nothing_changes():
            said = refusal(post(ACCESS, key, self.BODY | change, idempotency_key="once"))
        assert said == (400, "bad_request", "this idempotency key was used with another request")
        assert lives(token)

    def test_the_same_key_with_another_application_is_refused(self, key: str) -> None:
        post(ACCESS, key, self.BODY, idempotency_key="once")
        assert refusal(post(ACCESS.replace("acme", "globex"), key, self.BODY, idempotency_key="once"))[0] == 400

    def test_a_session_that_has_ended_is_not_given_again(self, key: str) -> None:
        ended = (409, "conflict", "the session of this idempotency key has ended: use another key")
        token = token_of(key, self.BODY, idempotency_key="once")
        assert post(LOGOUT, token).status == 204
        assert refusal(post(ACCESS, key, self.BODY, idempotency_key="once")) == ended
        PortalSession.objects.update(revoked_at=None)
        assert token_of(key, self.BODY, idempotency_key="once") == token
        hours = timedelta(hours=1)
        PortalSession.objects.update(created_at=F("created_at") - hours, expires_at=F("expires_at") - hours)
        assert refusal(post(ACCESS, key, self.BODY, idempotency_key="once")) == ended

    def test_two_callers_may_have_the_same_key(self, project: Project, other_project: Project, key: str) -> None:
        keys = [key, key_of(project), key_of(other_project)]
        tokens = [token_of(one, self.BODY, idempotency_key="once") for one in keys]
        assert len(set(tokens)) == 3
        opened = [find_access(token) for token in tokens]
        assert [access and access.project.uid for access in opened] == [project.uid, project.uid, other_project.uid]

    @pytest.mark.django_db(transaction=True)
    def test_at_the_same_time(self, key: str) -> None:
        def send(number: int) -> Any:
            return post(ACCESS, key, self.BODY, idempotency_key="once")

        replies: list[Any] = list(at_once(8, send))
        assert [reply.status for reply in replies] == [200] * 8
        assert len({reply.json["token"] for reply in replies}) == 1
        assert PortalSession.objects.count() == 1


class TestExpireAll:
    @pytest.mark.parametrize(
        "body", [None, {}, {"expiry": 0}, {"expiry": None, "sessionIds": None}, {"sessionIds": []}]
    )
    def test_now(self, project: Project, other_project: Project, key: str, body: Any) -> None:
        ended = [token_of(key), token_of(key, {"sessionId": "one"})]
        link = create_portal_link(project.uid, name="Acme", owner_id="acme", auth_type="refresh_token")
        ended += [link.auth_key]
        spared = [token_of(key, path=ACCESS.replace("acme", owner)) for owner in ("globex", "acme2", "ACME")]
        spared += [token_of(key_of(other_project)), link_of(project, "globex"), link_of(other_project, "acme")]
        assert all(map(lives, ended + spared))
        reply = post(EXPIRE, key, body)
        assert (reply.status, reply.content) == (204, b"")
        assert not any(map(lives, ended))
        assert all(map(lives, spared))
        assert lives(token_of(key))

    def test_in_some_seconds(self, key: str) -> None:
        tokens = [token_of(key, {"expiry": HOUR}), token_of(key)]
        before = timezone.now()
        assert post(EXPIRE, key, {"expiry": HOUR + 60}).status == 204
        assert all(map(lives, tokens))
        short, long = PortalSession.objects.order_by("uid")
        assert short.expires_at - short.created_at == timedelta(hours=1)
        assert before <= long.expires_at - timedelta(seconds=HOUR + 60) <= timezone.now()
        assert (short.revoked_at, long.revoked_at) == (None, None)

    def test_by_session_ids(self, key: str) -> None:
        tokens = {name: token_of(key, {"sessionId": name}) for name in ("one", "two", "three", "")}
        assert post(EXPIRE, key, {"sessionIds": ["one", "three", "unknown", "'"]}).status == 204
        assert {name for name, token in tokens.items() if lives(token)} == {"two", ""}

    def test_of_another_owner_the_same_session_id_lives_on(self, key: str) -> None:
        token = token_of(key, {"sessionId": "one"}, path=ACCESS.replace("acme", "globex"))
        assert post(EXPIRE, key, {"sessionIds": ["one"]}).status == 204
        assert lives(token)

    def test_an_unopened_link_ends_too(self, project: Project, key: str) -> None:
        path = f"/management/v1/workspaces/{project.uid}/applications/acme/portal"
        assert post(path, key).status == 201
        assert post(EXPIRE, key).status == 204
        assert PortalSession.objects.get().revoked_at is not None

    def test_an_owner_without_sessions(self, key: str) -> None:
        with nothing_changes():
            assert post(EXPIRE, key, {"expiry": 5}).status == 204


def link_of(project: Project, owner: str) -> str:
    """A `PRT.` token of a refresh link of the owner's."""
    return create_portal_link(project.uid, name=owner, owner_id=owner, auth_type="refresh_token").auth_key


class TestLogout:
    def test_ends_the_session_of_the_token_and_no_other(self, key: str) -> None:
        token, other = token_of(key), token_of(key)
        reply = post(LOGOUT, token, idempotency_key="auto_1")
        assert (reply.status, reply.content) == (204, b"")
        assert not lives(token)
        assert lives(other)
        with nothing_changes():
            said = refusal(post(LOGOUT, token))
        assert said == (401, "authentication_failed", "Invalid authentication token.")

    def test_whatever_minted_it(self, project: Project, key: str) -> None:
        acme = key_of(project, owner_id="acme")
        token = secret_in(call("POST", "/v1/webhooks/portal", x_api_key=acme).json["url"])
        assert post(LOGOUT, token).status == 204
        assert not lives(token)

    def test_what_is_no_sessions_token(self, project: Project, key: str) -> None:
        static = create_portal_link(project.uid, name="Acme", owner_id="acme").link.token
        token = token_of(key)
        for sent in ("", key, static, link_of(project, "acme"), token[:-1], f"{token}x", "PST.", "PST.é", "a b"):
            with nothing_changes():
                assert refusal(post(LOGOUT, sent))[:2] == (401, "authentication_failed")

    def test_an_expired_session_and_one_of_a_deleted_project(self, project: Project, key: str) -> None:
        expired, orphan = token_of(key), token_of(key)
        PortalSession.objects.filter(pk=PortalSession.objects.earliest("pk").pk).update(expires_at=timezone.now())
        delete_project(project.uid)
        for token in (expired, orphan):
            assert refusal(post(LOGOUT, token))[0] == 401


@pytest.mark.parametrize("path", [ACCESS, EXPIRE])
class TestAuthentication:
    @pytest.mark.parametrize(
        "header",
        [
            *("", "Bearer", "Bearer ", "Basic bm9wZTpub3Bl", "Bearer testsk_orUYgzsAi", "Bearer CO.é.b"),
            *(f"Bearer CO.{'a' * 16}.{'b' * 64}", f"Bearer PST.{'a' * 64}", f"Bearer nhm_{'a' * 80}"),
        ],
    )
    def test_no_key(self, db: None, path: str, header: str) -> None:
        with nothing_changes():
            said = refusal(call("POST", path, {}, **{"Authorization": header} if header else {}))
        assert said == (401, "authentication_failed", "Invalid authentication token.")

    def test_a_portal_token_mints_no_other(self, path: str, key: str) -> None:
        token = token_of(key)
        with nothing_changes():
            assert refusal(post(path, token))[0] == 401

    def test_a_management_token(self, path: str, project: Project) -> None:
        assert refusal(post(path, key_of(project, prefix=MANAGEMENT_PREFIX)))[0] == 401

    def test_an_expired_key(self, path: str, project: Project) -> None:
        assert refusal(post(path, key_of(project, expires_at=timezone.now() - timedelta(hours=1))))[0] == 401

    def test_a_viewer(self, path: str, project: Project) -> None:
        viewer = key_of(project, Role.PROJECT_VIEWER)
        with nothing_changes():
            assert refusal(post(path, viewer))[:2] == (403, "permission_denied")

    def test_an_instance_key_has_no_applications(self, path: str, db: None) -> None:
        status, code, detail = refusal(post(path, key_of(None, Role.INSTANCE_ADMIN)))
        assert (status, code) == (400, "bad_request")
        assert "use the key of a project" in detail

    def test_a_key_that_speaks_for_one_owner(self, path: str, project: Project) -> None:
        acme, globex = (key_of(project, owner_id=owner) for owner in ("acme", "globex"))
        token = token_of(acme)
        with nothing_changes():
            assert refusal(post(path, globex))[:2] == (403, "permission_denied")
        assert lives(token)
        assert post(path, acme).status in (200, 204)


ONE_HOUR_TO_A_WEEK = "must be a whole number from 3600 to 604800"
WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    *(
        (ACCESS, {"expiry": wrong}, "expiry", ONE_HOUR_TO_A_WEEK)
        for wrong in each(0, 3599, 604_801, -1, 3600.0, "3600", True, [], {})
    ),
    *(
        (ACCESS, {"capabilities": wrong}, "capabilities", "")
        for wrong in each("ViewBase", 1, {}, ["viewbase"], [""], [1])
    ),
    (ACCESS, {"capabilities": ["ViewBase", None]}, "capabilities", ""),
    (ACCESS, {"capabilities": ["ViewBase"] * 21}, "capabilities", ""),
    *((ACCESS, {"readOnly": wrong}, "readOnly", "") for wrong in each("true", 1, [], {})),
    *(
        (ACCESS, {"featureFlags": wrong}, "featureFlags", "")
        for wrong in each("a", [""], ["a b"], ["a" * 257], [1], ["é"], ["a\n"], [["a"]], ["a"] * 101)
    ),
    *((ACCESS, {"sessionId": wrong}, "sessionId", "") for wrong in each(1, True, [], {}, "a" * 257, "a\x00")),
    *((ACCESS, {"application": wrong}, "application", "") for wrong in each("a", 1, [])),
    *(
        (EXPIRE, {"expiry": wrong}, "expiry", "must be a whole number from 0 to 604800")
        for wrong in each(-1, 604_801, 1.0, "1", True, [])
    ),
    *(
        (EXPIRE, {"sessionIds": wrong}, "sessionIds", "")
        for wrong in each("a", 1, {}, [1], [None], ["\x00"], [""] * 1001)
    ),
]


class TestValidation:
    @pytest.mark.parametrize(("path", "body", "field", "message"), WRONG, ids=as_text)
    def test_a_wrong_field(self, key: str, path: str, body: dict[str, Any], field: str, message: str) -> None:
        with nothing_changes():
            failures = wrong_fields(post(path, key, body))
        for where, said in failures:
            assert where == ["body", field]
            assert said.startswith(message)
            assert said

    def test_every_wrong_field_is_told(self, key: str) -> None:
        failures = wrong_fields(post(ACCESS, key, {"expiry": 1, "readOnly": "no", "sessionId": 1}))
        assert sorted(where for where, _ in failures) == [
            ["body", "expiry"],
            ["body", "readOnly"],
            ["body", "sessionId"],
        ]

    @pytest.mark.parametrize("path", [ACCESS, EXPIRE])
    @pytest.mark.parametrize("body", [b"[]", b'"a"', b"null", b"{", b"\xff", b'{"expiry": NaN}', b"{" * 5000])
    def test_no_json_object(self, key: str, path: str, body: bytes) -> None:
        with nothing_changes():
            assert refusal(post(path, key, body))[:2] == (400, "bad_request")

    @pytest.mark.parametrize("app", ["%20", "a" * 256, "a%00"])
    def test_what_is_no_application(self, key: str, app: str) -> None:
        for path in (ACCESS, EXPIRE):
            assert refusal(post(path.replace("acme", app), key))[:2] == (400, "bad_request")

    @pytest.mark.parametrize("path", [ACCESS, EXPIRE, LOGOUT])
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
    def test_another_method(self, key: str, path: str, method: str) -> None:
        reply = call(method, path, Authorization=f"Bearer {key}")
        assert refusal(reply) == (405, "method_not_allowed", "method not allowed")
        assert reply.headers["Allow"] == "POST"

    @pytest.mark.parametrize("path", [ACCESS, EXPIRE, LOGOUT])
    def test_another_content_type_and_too_long_a_body(self, key: str, path: str) -> None:
        reply = call("POST", path, b"a", content_type="text/plain", Authorization=f"Bearer {key}")
        assert refusal(reply)[:2] == (415, "unsupported_media_type")
        assert refusal(post(path, key, b" " * (settings.MAX_REQUEST_BODY_BYTES + 1)))[:2] == (413, "payload_too_large")

    def test_too_many_requests(self, key: str, settings: Settings) -> None:
        settings.API_RATE_LIMIT = 1
        replies = [post(EXPIRE, key) for _ in range(61)]
        assert [reply.status for reply in replies[:60]] == [204] * 60
        assert refusal(replies[60])[:2] == (429, "rate_limit")
        assert 1 <= int(replies[60].headers["Retry-After"]) <= 60

    @pytest.mark.parametrize(
        "path", ["", "logout/", "app-portal-access", "app-portal-access/", "app/acme", "stream-portal-access/acme"]
    )
    def test_a_path_that_is_not_there(self, db: None, path: str) -> None:
        assert refusal(call("POST", f"/api/v1/auth/{path}")) == (404, "not_found", "404 page not found")

    def test_another_host(self, key: str) -> None:
        assert refusal(post(ACCESS, key, Host="evil.example")) == (400, "bad_request", "bad request")


class TestQueries:
    def test_access(self, key: str) -> None:
        with statements() as ran:
            granted(post(ACCESS, key))
        assert ran == ["SELECT projects_apikey", "INSERT portal_links_portalsession"]

    def test_expire_all(self, key: str) -> None:
        for _ in range(20):
            token_of(key)
        with statements() as ran:
            post(EXPIRE, key)
        assert ran == ["SELECT projects_apikey", "UPDATE portal_links_portalsession"]

    def test_logout(self, key: str) -> None:
        token = token_of(key)
        with statements() as ran:
            post(LOGOUT, token)
        assert ran == ["UPDATE portal_links_portalsession"]
