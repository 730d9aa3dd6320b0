"""Idempotency keys of POST /api/v1/auth/app-portal-access/{app_id}."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from portal_links.access import find_access
from portal_links.models import PortalSession
from projects.models import Project
from tests.concurrency import at_once
from tests.portal_links.calls import assert_not_stored
from tests.statements import nothing_changes
from tests.svix_api.calls import ACCESS, HOUR, LOGOUT, key_of, lives, post, refusal, token_of


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
