"""Svix's operations with a credential or a body that they refuse."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django import Settings

from projects.keys import MANAGE, MANAGEMENT_PREFIX
from projects.models import Project
from tests.conftest import Role, as_text
from tests.portal_links.calls import call, each
from tests.statements import nothing_changes
from tests.svix_api.calls import ACCESS, EXPIRE, LOGOUT, key_of, lives, post, refusal, token_of, wrong_fields


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
        acme, globex = (key_of(project, owner_id=owner, scopes=[MANAGE]) for owner in ("acme", "globex"))
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

    @pytest.mark.slow
    def test_too_many_requests(self, key: str, settings: Settings) -> None:
        settings.API_RATE_LIMIT = 1
        replies = [post(EXPIRE, key) for _ in range(61)]
        assert [reply.status for reply in replies[:60]] == [204] * 60
        assert refusal(replies[60])[:2] == (429, "rate_limit")
        assert 1 <= int(replies[60].headers["Retry-After"]) <= 60

    @pytest.mark.parametrize(
        "path", ["", "logout/", "app-portal-access", "app-portal-access/", "stream-portal-access/acme"]
    )
    def test_a_path_that_is_not_there(self, db: None, path: str) -> None:
        assert refusal(call("POST", f"/api/v1/auth/{path}")) == (404, "not_found", "404 page not found")

    def test_a_path_that_may_hold_an_id(self, db: None) -> None:
        """It is looked at with a key alone, and then it is none."""
        assert refusal(call("POST", "/api/v1/auth/app/acme"))[0] == 401

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
    @pytest.mark.parametrize(
        "path", ["stream/", "app/", "app/acme/endpoint/", "app/acme/msg/", "event-type/", "health/"]
    )
    def test_another_operation_of_svix(self, key: str, method: str, path: str) -> None:
        given = {"Authorization": f"Bearer {key}"}
        assert refusal(call(method, f"/api/v1/{path}", **given)) == (404, "not_found", "404 page not found")
        for more in ({}, {"Authorization": "Bearer CO.a.b"}, {"Authorization": "Bearer x"}):
            assert refusal(call(method, f"/api/v1/{path}", **more))[:2] == (401, "authentication_failed")

    def test_another_host(self, key: str) -> None:
        assert refusal(post(ACCESS, key, Host="evil.example")) == (400, "bad_request", "bad request")
