"""The operations on portal sessions, and what a credential opens at each moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from core.exceptions import DomainError
from core.tokens import digest
from portal_links.access import LAST_USED_GRAIN, find_access
from portal_links.capabilities import EVERYTHING, READ_ONLY
from portal_links.exceptions import CodeExpired, CodeUsed, PortalSessionNotFound
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link, mint_refresh_token
from portal_links.sessions import Minted, mint_session, open_session, revoke_session
from projects.models import APIKey, Project
from projects.operations import create_api_key, delete_project
from tests.callers import caller_of
from tests.statements import nothing_changes, statements

Mint = Callable[..., Minted]
SECOND = timedelta(seconds=1)
#: As long as what is still open stays so, on a busy machine too.
MINUTE = 60 * SECOND
ADDRESS = "203.0.113.7"


@pytest.fixture
def mint(project: Project) -> Mint:
    """Mints a single-use session of the project, unless told otherwise."""
    key = create_api_key(name="minting", role=APIKey.Role.PROJECT_ADMIN, project=project)[0]

    def mint(**fields: Any) -> Minted:
        given: dict[str, Any] = {"owner_id": "acme", "surface": PortalSession.Surface.NAHOOK, "single_use": True}
        given |= {"capabilities": EVERYTHING, "lifetime": timedelta(hours=1), "minted_by": caller_of(key)}
        return mint_session(project.uid, **given | fields)

    return mint


class TestMinting:
    def test_only_the_digests_of_code_and_token_are_stored(self, mint: Mint) -> None:
        (with_code, code), (with_token, token) = mint(), mint(single_use=False)
        assert (with_code.code_digest, with_code.token_digest) == (digest(code), None)
        assert (with_token.code_digest, with_token.token_digest) == (None, digest(token))
        kept = str(list(PortalSession.objects.values_list()))
        assert code not in kept
        assert token not in kept

    def test_secrets_are_long_and_differ(self, mint: Mint) -> None:
        secrets = [mint(single_use=number % 2 == 0).secret for number in range(20)]
        assert len(set(secrets)) == 20
        assert {len(secret) for secret in secrets} == {43, 68}

    def test_the_statement(self, mint: Mint) -> None:
        with statements() as found:
            mint()
        assert found == ["INSERT portal_links_portalsession"]


class TestOpening:
    def test_a_code_gives_way_to_a_token(self, project: Project, mint: Mint) -> None:
        minted, code = mint(capabilities=READ_ONLY)
        before = timezone.now()
        _, token = open_session(project.uid, code, address=ADDRESS)
        session = PortalSession.objects.get()
        assert session.pk == minted.pk
        assert session.opened_at is not None
        assert before <= session.opened_at <= timezone.now()
        assert (session.opened_from, session.last_used_from) == (ADDRESS, ADDRESS)
        assert session.expires_at == minted.expires_at
        access = find_access(token)
        assert access is not None
        assert (access.owner_id, access.capabilities) == ("acme", READ_ONLY)

    def test_a_code_opens_once(self, project: Project, mint: Mint) -> None:
        code = mint().secret
        token = open_session(project.uid, code, address=None).secret
        with nothing_changes(), pytest.raises(CodeUsed):
            open_session(project.uid, code, address=None)
        assert find_access(token) is not None

    def test_a_used_code_that_has_expired_is_refused_as_used(self, project: Project, mint: Mint) -> None:
        code = mint().secret
        open_session(project.uid, code, address=None)
        PortalSession.objects.update(expires_at=timezone.now())
        with pytest.raises(CodeUsed):
            open_session(project.uid, code, address=None)

    @pytest.mark.parametrize(("left", "opens"), [(MINUTE, True), (-SECOND, False)])
    def test_at_its_end(self, project: Project, mint: Mint, left: timedelta, opens: bool) -> None:
        code = mint().secret
        PortalSession.objects.update(expires_at=timezone.now() + left)
        if opens:
            assert find_access(open_session(project.uid, code, address=None).secret) is not None
        else:
            with nothing_changes(), pytest.raises(CodeExpired):
                open_session(project.uid, code, address=None)

    def test_revoked_unknown_of_another_project_and_of_a_deleted_one_look_the_same(
        self, project: Project, other_project: Project, mint: Mint
    ) -> None:
        revoked, other, token = mint(), mint(), mint(single_use=False)
        revoke_session(project.uid, revoked.session.uid)
        attempts = [
            *((project.uid, code) for code in (revoked.secret, "a" * 43, "", token.secret, other.secret[:-1])),
            *((project_id, other.secret) for project_id in (other_project.uid, "nope", "")),
        ]
        with nothing_changes():
            found = {self._refusal(*attempt) for attempt in attempts}
        delete_project(project.uid)
        found.add(self._refusal(project.uid, other.secret))
        assert found == {(PortalSessionNotFound, "portal session not found")}

    @staticmethod
    def _refusal(project_id: str, code: str) -> tuple[type[DomainError], str]:
        with pytest.raises(DomainError) as refused:
            open_session(project_id, code, address=None)
        return type(refused.value), refused.value.message

    def test_a_used_code_of_a_revoked_session_is_not_found(self, project: Project, mint: Mint) -> None:
        session, code = mint()
        token = open_session(project.uid, code, address=None).secret
        revoke_session(project.uid, session.uid)
        assert self._refusal(project.uid, code) == (PortalSessionNotFound, "portal session not found")
        assert find_access(token) is None

    def test_a_code_is_no_token(self, project: Project, mint: Mint) -> None:
        code = mint().secret
        assert find_access(code) is None
        open_session(project.uid, code, address=None)
        assert find_access(code) is None

    def test_the_statements(self, project: Project, mint: Mint) -> None:
        code = mint().secret
        with statements() as found:
            open_session(project.uid, code, address=None)
        assert found == [
            "SELECT portal_links_portalsession",
            "UPDATE portal_links_portalsession",
            "INSERT activity_activity",
        ]

    @pytest.mark.slow
    @pytest.mark.django_db(transaction=True)
    def test_of_fifty_openings_at_once_one_wins(self, project: Project, mint: Mint) -> None:
        code = mint().secret
        together = Barrier(50)

        def attempt(number: int) -> str | None:
            try:
                together.wait()
                return open_session(project.uid, code, address=f"203.0.113.{number}").secret
            except CodeUsed:
                return None
            finally:
                connections.close_all()

        with ThreadPoolExecutor(50) as threads:
            tokens = list(threads.map(attempt, range(50)))
        [winner] = [number for number, token in enumerate(tokens) if token]
        session = PortalSession.objects.get()
        token = tokens[winner]
        assert token is not None
        # The stored token is the winner's: no loser has written over it.
        assert session.opened_from == f"203.0.113.{winner}"
        assert session.token_digest == digest(token)
        assert find_access(token) is not None


class TestTime:
    """A credential works until its end, and not a second longer. The time is moved in the database."""

    @pytest.fixture(params=["session token", "opened code", "PRT token"])
    def token(self, request: pytest.FixtureRequest, project: Project, mint: Mint) -> str:
        if request.param == "session token":
            return mint(single_use=False).secret
        if request.param == "opened code":
            return open_session(project.uid, mint().secret, address=None).secret
        link = create_portal_link(project.uid, name="Acme", owner_id="acme", auth_type="refresh_token").link
        return mint_refresh_token(project.uid, link.uid)

    @pytest.mark.parametrize(("left", "opens"), [(MINUTE, True), (timedelta(), False), (-SECOND, False)])
    def test_at_its_end(self, token: str, left: timedelta, opens: bool) -> None:
        session = PortalSession.objects.get(token_digest=digest(token))
        PortalSession.objects.filter(pk=session.pk).update(expires_at=timezone.now() + left)
        access = find_access(token)
        assert (access is not None) is opens
        if access is not None:
            assert access.expires_at is not None

    def test_the_use_of_an_ended_session_is_not_noted(self, token: str) -> None:
        PortalSession.objects.update(expires_at=timezone.now() - SECOND)
        with nothing_changes():
            assert find_access(token, address=ADDRESS) is None

    def test_a_prt_token_of_an_hour_ago(self, project: Project) -> None:
        """Contract: docs/contract/portal-links.md#tokens."""
        link = create_portal_link(project.uid, name="Acme", owner_id="acme", auth_type="refresh_token").link
        token = mint_refresh_token(project.uid, link.uid)
        session = PortalSession.objects.get(token_digest=digest(token))
        for age, opens in ((3540, True), (3601, False)):
            created_at = timezone.now() - age * SECOND
            lifetime = session.expires_at - session.created_at
            PortalSession.objects.filter(pk=session.pk).update(created_at=created_at, expires_at=created_at + lifetime)
            assert (find_access(token) is not None) is opens

    def test_a_static_token_has_no_end(self, project: Project) -> None:
        link = create_portal_link(project.uid, name="Acme", owner_id="acme").link
        PortalLink.objects.update(created_at=timezone.now() - timedelta(days=3650))
        access = find_access(link.token)
        assert access is not None
        assert access.expires_at is None


class TestLastUsed:
    """It is noted at most once a minute, but at once where somebody else appears."""

    @pytest.fixture
    def token(self, mint: Mint) -> str:
        return mint(single_use=False).secret

    def test_the_first_use_is_noted(self, token: str) -> None:
        before = timezone.now()
        find_access(token, address=ADDRESS)
        session = PortalSession.objects.get()
        assert session.last_used_at is not None
        assert before <= session.last_used_at <= timezone.now()
        assert session.last_used_from == ADDRESS
        assert session.opened_at is None

    @pytest.mark.parametrize("address", [ADDRESS, "2001:db8::1", None])
    def test_within_a_minute_nothing_is_written(self, token: str, address: str | None) -> None:
        find_access(token, address=address)
        PortalSession.objects.update(last_used_at=timezone.now() - LAST_USED_GRAIN + 30 * SECOND)
        with nothing_changes():
            for _ in range(5):
                assert find_access(token, address=address) is not None

    def test_after_a_minute_the_use_is_noted(self, token: str) -> None:
        find_access(token, address=ADDRESS)
        earlier = timezone.now() - LAST_USED_GRAIN - SECOND
        PortalSession.objects.update(last_used_at=earlier)
        find_access(token, address=ADDRESS)
        session = PortalSession.objects.get()
        assert session.last_used_at is not None
        assert session.last_used_at > earlier + LAST_USED_GRAIN

    @pytest.mark.parametrize("address", ["198.51.100.9", None])
    def test_another_address_is_noted_at_once(self, token: str, address: str | None) -> None:
        find_access(token, address=ADDRESS)
        find_access(token, address=address)
        assert PortalSession.objects.get().last_used_from == address

    def test_the_use_of_another_session_is_not_noted(self, token: str, mint: Mint) -> None:
        other = mint(single_use=False).session
        find_access(token, address=ADDRESS)
        other.refresh_from_db()
        assert (other.last_used_at, other.last_used_from) == (None, None)
