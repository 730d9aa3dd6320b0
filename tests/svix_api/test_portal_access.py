"""POST /api/v1/auth/app-portal-access/{app_id}, /api/v1/auth/app/{app_id}/expire-all and /api/v1/auth/logout"""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.utils import timezone

from portal_links.access import find_access
from portal_links.capabilities import EVERYTHING, READ_ONLY
from portal_links.models import PortalSession
from portal_links.operations import create_portal_link
from projects.models import Project
from projects.operations import delete_project
from tests.portal_links.calls import assert_not_stored, call, secret_in
from tests.statements import nothing_changes, statements
from tests.svix_api.calls import ACCESS, EXPIRE, HOUR, LOGOUT, WEEK, granted, key_of, lives, post, refusal, token_of

LOOKS = {"view", "view_deliveries", "view_payloads"}
MANAGES = LOOKS | {"view_secret", "manage_endpoint", "delete_endpoint", "manage_subscriptions", "send_test"}


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
        ("written", "owner_id"),
        [
            ("a/b", "a/b"),
            ("a%2Fb", "a/b"),
            ("a//b", "a//b"),
            ("a?b", "a?b"),
            ("a%3Fb", "a?b"),
            ("a?b=1&c%20d", "a?b=1&c d"),
        ],
    )
    def test_any_owner(self, key: str, written: str, owner_id: str) -> None:
        """Svix's clients write the id into the path as it is."""
        granted(post(f"/api/v1/auth/app-portal-access/{written}", key))
        assert PortalSession.objects.get().owner_id == owner_id

    @pytest.mark.parametrize(
        ("names", "allowed"),
        [
            ([], LOOKS),
            (["ViewBase"], LOOKS),
            (["ViewEndpointSecret"], LOOKS | {"view_secret"}),
            (["ManageEndpointSecret"], LOOKS | {"view_secret", "rotate_secret"}),
            (["ManageTransformations"], LOOKS),
            (["CreateAttempts"], LOOKS | {"create_attempts", "send_test"}),
            (["ManageEndpoint"], MANAGES),
            (["ViewBase", "CreateAttempts", "CreateAttempts"], LOOKS | {"create_attempts", "send_test"}),
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
        assert access.capabilities == LOOKS | {"create_attempts", "send_test"}

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

    @pytest.mark.parametrize(
        ("written", "owner_id"),
        [
            ("a/b", "a/b"),
            ("a?b", "a?b"),
            ("a?b/c?d=1&e%20f", "a?b/c?d=1&e f"),
            ("a?", "a?"),
            ("a%3Fb", "a?b"),
        ],
    )
    def test_any_owner(self, key: str, written: str, owner_id: str) -> None:
        """Svix's clients write the id into the path as it is."""
        ended = token_of(key, path=f"/api/v1/auth/app-portal-access/{quote(owner_id)}")
        spared = token_of(key, path="/api/v1/auth/app-portal-access/a")
        assert post(f"/api/v1/auth/app/{written}/expire-all", key).status == 204
        assert (lives(ended), lives(spared)) == (False, True)

    @pytest.mark.parametrize("path", ["acme", "acme?b", "acme?expire-all", "acme?b/expire-all/", "acme?b/expire-all&"])
    def test_a_path_without_its_end_is_unknown(self, key: str, path: str) -> None:
        token = token_of(key)
        assert refusal(post(f"/api/v1/auth/app/{path}", key))[:2] == (404, "not_found")
        assert lives(token)

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
        assert ran == [
            "SELECT projects_apikey",
            "LOCK portal_links_portalsession",
            "UPDATE portal_links_portalsession",
            "INSERT activity_activity",
        ]

    def test_logout(self, key: str) -> None:
        token = token_of(key)
        with statements() as ran:
            post(LOGOUT, token)
        assert ran == [
            "LOCK portal_links_portalsession",
            "UPDATE portal_links_portalsession",
            "INSERT activity_activity",
        ]
