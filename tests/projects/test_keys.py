"""API keys: what they look like, what is kept of them, and how long they open anything."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django import Settings

from core.exceptions import InvalidInput
from core.tokens import digest, matches
from projects.keys import find_caller, make_key
from projects.models import APIKey, Project
from projects.operations import create_api_key, delete_project, revoke_api_key
from tests.conftest import Role
from tests.statements import nothing_changes, statements


class TestFormat:
    def test_prefix_mask_and_secret(self) -> None:
        mask, key = make_key()
        assert re.fullmatch(r"CO\.[A-Za-z0-9]{16}\.[A-Za-z0-9]{64}", key)
        assert key.split(".")[1] == mask
        assert len(key) == 84

    def test_another_prefix(self) -> None:
        assert make_key("PRT")[1].startswith("PRT.")

    def test_no_two_are_alike(self) -> None:
        assert len({part for _ in range(100) for part in make_key()[1].split(".")[1:]}) == 200


class TestDigest:
    def test_is_32_bytes_under_the_pepper(self, settings: Settings) -> None:
        first = digest("CO.a.b")
        assert len(first) == 32
        assert digest("CO.a.b") == first
        assert digest("CO.a.c") != first
        settings.API_KEY_PEPPER = b"another pepper"
        assert digest("CO.a.b") != first

    def test_matches(self) -> None:
        assert matches("CO.a.b", digest("CO.a.b"))
        assert matches("CO.a.b", memoryview(digest("CO.a.b")))
        assert not matches("CO.a.b", digest("CO.a.B"))
        assert not matches("CO.a.b", b"")


class TestWhatIsKept:
    def test_mask_and_digest_and_nothing_of_the_secret(self, project: Project) -> None:
        row, key = create_api_key(name="mine", role=Role.PROJECT_ADMIN, project=project)
        with connection.cursor() as cursor:
            cursor.execute("SELECT mask, digest, row_to_json(k)::text FROM projects_apikey k WHERE uid = %s", [row.uid])
            mask, stored, whole = cursor.fetchone()
        assert mask == key.split(".")[1]
        assert bytes(stored) == digest(key)
        secret = key.split(".")[2]
        assert secret not in whole
        assert secret.encode().hex() not in whole
        assert settings.API_KEY_PEPPER.decode() not in whole

    def test_two_keys_never_share_a_mask(self, project: Project) -> None:
        row, _ = create_api_key(name="mine", role=Role.PROJECT_ADMIN, project=project)
        with pytest.raises(IntegrityError), transaction.atomic():
            APIKey.objects.exclude(pk=row.pk).update(mask=row.mask)


class TestRoles:
    def test_a_key_of_a_project(self, project: Project, other_project: Project) -> None:
        row, key = create_api_key(
            name="mine", role=Role.PROJECT_ADMIN, project=project, owner_id="acme", scopes=["webhooks:manage"]
        )
        caller = find_caller(key, project_id=project.uid)
        assert caller is not None
        assert (caller.key_id, caller.owner_id, caller.scopes) == (row.uid, "acme", ("webhooks:manage",))
        assert caller.can_write
        assert not caller.is_instance
        assert caller.may_use(project.uid)
        elsewhere = find_caller(key, project_id=other_project.uid)
        assert elsewhere is not None
        assert not elsewhere.may_use(other_project.uid)

    def test_a_viewers_key(self, project: Project) -> None:
        key = create_api_key(name="viewer", role=Role.PROJECT_VIEWER, project=project)[1]
        caller = find_caller(key, project_id=project.uid)
        assert caller is not None
        assert caller.may_use(project.uid)
        assert not caller.can_write

    def test_a_key_of_the_instance_may_use_every_project_that_is_there(
        self, project: Project, other_project: Project
    ) -> None:
        key = create_api_key(name="instance", role=Role.INSTANCE_ADMIN)[1]
        for uid, may in ((project.uid, True), (other_project.uid, True), ("nope", False)):
            caller = find_caller(key, project_id=uid)
            assert caller is not None
            assert caller.is_instance
            assert caller.can_write
            assert caller.may_use(uid) is may
        delete_project(project.uid)
        caller = find_caller(key, project_id=project.uid)
        assert caller is not None
        assert not caller.may_use(project.uid)

    def test_a_role_fits_its_project(self, project: Project) -> None:
        for role, of in ((Role.INSTANCE_ADMIN, project), (Role.PROJECT_ADMIN, None), (Role.PROJECT_VIEWER, None)):
            with nothing_changes(), pytest.raises(InvalidInput):
                create_api_key(name="mine", role=role, project=of)

    def test_the_database_holds_to_that(self, project: Project) -> None:
        for change in ({"role": Role.INSTANCE_ADMIN}, {"project": None}, {"role": "owner"}):
            with pytest.raises(IntegrityError), transaction.atomic():
                APIKey.objects.filter(project=project).update(**change)


class TestEnd:
    """A key that has ended gives no caller, whatever ended it."""

    @pytest.fixture
    def key(self, project: Project) -> str:
        return create_api_key(name="mine", role=Role.PROJECT_ADMIN, project=project)[1]

    def row(self, key: str) -> APIKey:
        return APIKey.objects.get(mask=key.split(".")[1])

    def test_live(self, key: str) -> None:
        assert find_caller(key, project_id=None) is not None
        assert self.row(key) in APIKey.objects.live()

    def test_revoked(self, key: str) -> None:
        revoke_api_key(self.row(key).uid)
        assert find_caller(key, project_id=None) is None
        assert self.row(key) not in APIKey.objects.live()
        with nothing_changes():
            revoke_api_key(self.row(key).uid)

    def test_expired(self, key: str) -> None:
        rows = APIKey.objects.filter(pk=self.row(key).pk)
        rows.update(expires_at=timezone.now() + timedelta(hours=1))
        assert find_caller(key, project_id=None) is not None
        assert rows.live().exists()
        rows.update(expires_at=timezone.now() - timedelta(hours=1))
        assert find_caller(key, project_id=None) is None
        assert not rows.live().exists()

    def test_of_a_deleted_project(self, key: str, project: Project) -> None:
        delete_project(project.uid)
        assert find_caller(key, project_id=project.uid) is None
        assert self.row(key) not in APIKey.objects.live()

    def test_a_wrong_secret(self, key: str) -> None:
        for wrong in (key[:-1], key + "a", key.swapcase(), key.replace("CO.", "PRT."), key.replace("CO.", "co.")):
            assert find_caller(wrong, project_id=None) is None

    @pytest.mark.parametrize(
        "text", ["", "CO", "CO.a", "CO..", "CO.a.b.c", "CO.\x00.b", "CO.é.b", "CO.\ud800.b", "..."]
    )
    def test_what_is_no_key(self, db: None, text: str) -> None:
        assert find_caller(text, project_id=None) is None

    def test_one_statement_tells_all(self, key: str, project: Project) -> None:
        with statements() as found:
            find_caller(key, project_id=project.uid)
        assert found == ["SELECT projects_apikey"]
