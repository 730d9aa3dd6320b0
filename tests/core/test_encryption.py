"""Secrets at rest: what encrypts, what decrypts, and what is in the database column."""

import base64
import hashlib
import os
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings as django_settings
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from pytest_django import Settings

from core.encryption import (
    ID_BYTES,
    KEY_BYTES,
    NONCE_BYTES,
    UndecryptableValue,
    context_of,
    decrypt,
    encrypt,
    is_current,
    parse_keys,
)
from endpoints.documents import endpoint_documents
from endpoints.models import Endpoint
from projects.models import Project

CONTEXT, ROW = "table.column", "01K4T0A1B2C3D4E5F6G7H8J9KM"


def key() -> bytes:
    return os.urandom(KEY_BYTES)


def unbound(value: Any) -> bytes:
    """A value as it was stored before values were bound to their rows."""
    [current, *_], nonce = django_settings.ENCRYPTION_KEYS, os.urandom(NONCE_BYTES)
    opened = AESGCM(current).encrypt(nonce, orjson.dumps(value), b"endpoints_endpoint.secrets")
    return hashlib.sha256(current).digest()[:ID_BYTES] + nonce + opened


class TestRoundTrip:
    @pytest.mark.parametrize("plain", [b"", b"\x00", b"secret", "ü🦄".encode(), bytes(range(256)), b"x" * 100_000])
    def test_comes_back(self, plain: bytes) -> None:
        stored = encrypt(plain, CONTEXT, ROW)
        assert decrypt(stored, CONTEXT, ROW) == plain
        assert decrypt(memoryview(stored), CONTEXT, ROW) == plain

    def test_is_never_twice_the_same(self) -> None:
        assert len({encrypt(b"secret", CONTEXT, ROW) for _ in range(100)}) == 100

    def test_shows_nothing_of_the_plain_text(self) -> None:
        stored = encrypt(b"secret" * 10, CONTEXT, ROW)
        assert b"secret" not in stored
        assert len(stored) == ID_BYTES + NONCE_BYTES + 60 + 16


class TestRefused:
    def test_in_another_place(self) -> None:
        stored = encrypt(b"secret", CONTEXT, ROW)
        for elsewhere in ("table.other", "other.column", "", "table.column "):
            with pytest.raises(UndecryptableValue, match="was changed or moved after it was encrypted"):
                decrypt(stored, elsewhere, ROW)

    @pytest.mark.parametrize("row", ["01K4T0A1B2C3D4E5F6G7H8J9KN", "", ROW[:-1], f"{ROW} ", f"\0{ROW}", ROW.lower()])
    def test_in_another_row(self, row: str) -> None:
        stored = encrypt(b"secret", CONTEXT, ROW)
        with pytest.raises(UndecryptableValue, match="was changed or moved after it was encrypted"):
            decrypt(stored, CONTEXT, row)

    def test_column_and_row_do_not_run_into_each_other(self) -> None:
        stored = encrypt(b"secret", "table.column", "row")
        for context, row in (("table.columnrow", ""), ("table.", "columnrow"), ("table.column\0row", "")):
            with pytest.raises(UndecryptableValue):
                decrypt(stored, context, row)

    def test_every_changed_byte(self) -> None:
        stored = encrypt(b"secret", CONTEXT, ROW)
        for position in range(len(stored)):
            changed = bytearray(stored)
            changed[position] ^= 1
            with pytest.raises(UndecryptableValue):
                decrypt(bytes(changed), CONTEXT, ROW)

    def test_every_shorter_and_a_longer_value(self) -> None:
        stored = encrypt(b"secret", CONTEXT, ROW)
        for changed in [stored[:length] for length in range(len(stored))] + [stored + b"\x00"]:
            with pytest.raises(UndecryptableValue):
                decrypt(changed, CONTEXT, ROW)

    def test_under_a_key_that_is_not_listed(self, settings: Settings) -> None:
        stored = encrypt(b"secret", CONTEXT, ROW)
        settings.ENCRYPTION_KEYS = [key()]
        with pytest.raises(UndecryptableValue, match=r"no key of ENCRYPTION_KEYS decrypts this value of table\.column"):
            decrypt(stored, CONTEXT, ROW)


class TestRotation:
    def test_the_first_key_encrypts_and_every_key_decrypts(self, settings: Settings) -> None:
        old, new = key(), key()
        settings.ENCRYPTION_KEYS = [old]
        under_old = encrypt(b"secret", CONTEXT, ROW)
        settings.ENCRYPTION_KEYS = [new, old]
        under_new = encrypt(b"secret", CONTEXT, ROW)
        assert decrypt(under_old, CONTEXT, ROW) == decrypt(under_new, CONTEXT, ROW) == b"secret"
        assert (is_current(under_old), is_current(under_new)) == (False, True)
        settings.ENCRYPTION_KEYS = [old, new]
        assert (is_current(under_old), is_current(under_new)) == (True, False)
        settings.ENCRYPTION_KEYS = [new]
        assert decrypt(under_new, CONTEXT, ROW) == b"secret"
        with pytest.raises(UndecryptableValue):
            decrypt(under_old, CONTEXT, ROW)


class TestParseKeys:
    def test_both_alphabets_of_base64(self) -> None:
        bits = b"\xfb\xff" * 16
        standard, url_safe = base64.b64encode(bits).decode(), base64.urlsafe_b64encode(bits).decode()
        assert standard != url_safe
        assert parse_keys(f" {standard} ,, {url_safe}\n,") == [bits, bits]

    def test_keeps_their_order(self) -> None:
        keys = [key() for _ in range(3)]
        assert parse_keys(",".join(base64.urlsafe_b64encode(one).decode() for one in keys)) == keys

    @pytest.mark.parametrize("text", ["", " ", ",", " , "])
    def test_none(self, text: str) -> None:
        with pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEYS must be set"):
            parse_keys(text)

    @pytest.mark.parametrize(
        "text",
        [
            "secret",
            base64.b64encode(b"x" * 31).decode(),
            base64.b64encode(b"x" * 33).decode(),
            base64.b64encode(b"x" * 32).decode().rstrip("="),
            base64.b64encode(b"x" * 32).decode() + "!",
            "é" * 44,
            base64.b64encode(b"x" * 32).decode() + ",secret",
        ],
    )
    def test_one_that_is_no_key(self, text: str) -> None:
        with pytest.raises(ImproperlyConfigured, match="must be base64 of 32 bytes each"):
            parse_keys(text)


class TestColumn:
    @pytest.fixture
    def endpoint(self, make_endpoint: Callable[..., Endpoint]) -> Endpoint:
        return make_endpoint(secret="the signing secret")

    def column(self, endpoint: Endpoint, name: str) -> bytes | None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {name} FROM endpoints_endpoint WHERE uid = %s", [endpoint.uid])  # noqa: S608
            stored = cursor.fetchone()[0]
        return None if stored is None else bytes(stored)

    def test_is_not_plain_and_comes_back(self, endpoint: Endpoint) -> None:
        stored = self.column(endpoint, "secrets")
        assert stored is not None
        assert b"signing" not in stored
        assert b"the signing secret" in decrypt(stored, "endpoints_endpoint.secrets", endpoint.uid)
        endpoint.refresh_from_db()
        assert endpoint.secrets[0]["value"] == "the signing secret"

    @pytest.mark.parametrize("name", ["secrets", "authentication", "mtls_client_cert"])
    def test_code_that_reads_the_column_takes_the_context_from_the_field(self, name: str) -> None:
        assert context_of(Endpoint, name) == f"endpoints_endpoint.{name}"

    def test_a_plain_field_has_no_context(self) -> None:
        with pytest.raises(TypeError, match=r"Endpoint\.url is not encrypted"):
            context_of(Endpoint, "url")

    def test_nothing_is_null(self, endpoint: Endpoint) -> None:
        assert self.column(endpoint, "authentication") is None
        endpoint.refresh_from_db()
        assert endpoint.authentication is None

    def test_a_value_moved_to_another_column_is_refused(self, endpoint: Endpoint) -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE endpoints_endpoint SET mtls_client_cert = secrets")
        with pytest.raises(UndecryptableValue):
            endpoint.refresh_from_db()

    @pytest.mark.parametrize("name", ["secrets", "authentication"])
    def test_a_value_moved_to_another_row_is_refused(self, make_endpoint: Callable[..., Endpoint], name: str) -> None:
        authentication = {"type": "basic_auth", "basic_auth": {"username": "we", "password": "theirs"}}
        theirs, mine = make_endpoint(authentication=authentication), make_endpoint(authentication=authentication)
        with connection.cursor() as cursor:
            move = f"UPDATE endpoints_endpoint SET {name} = (SELECT {name} FROM endpoints_endpoint WHERE uid = %s)"  # noqa: S608
            cursor.execute(f"{move} WHERE uid = %s", [theirs.uid, mine.uid])
        with pytest.raises(UndecryptableValue):
            mine.refresh_from_db()
        with pytest.raises(UndecryptableValue):
            getattr(Endpoint.objects.get(pk=mine.uid), name)
        with pytest.raises(UndecryptableValue):
            endpoint_documents(mine.project_id, ids=[mine.uid], reveal=True)
        theirs.refresh_from_db()

    def test_a_query_without_a_row_cannot_write_it(self, endpoint: Endpoint) -> None:
        with pytest.raises(TypeError, match=r"write it with save\(\)"), transaction.atomic():
            Endpoint.objects.update(authentication={"type": "api_key"})
        endpoint.refresh_from_db()
        assert endpoint.authentication is None

    def test_a_row_is_opened_when_its_value_is_read(self, endpoint: Endpoint, settings: Settings) -> None:
        """A list that shows no secret costs no decryption, and does not fail for a secret that it does not show."""
        keys, settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS, [key()]
        found = Endpoint.objects.get()
        assert found.name == endpoint.name
        with pytest.raises(UndecryptableValue):
            _ = found.secrets
        settings.ENCRYPTION_KEYS = keys
        assert found.secrets == endpoint.secrets
        assert found.secrets is found.secrets

    def test_a_deferred_value_comes_back(self, endpoint: Endpoint) -> None:
        assert Endpoint.objects.defer("secrets").get().secrets == endpoint.secrets

    def test_one_that_is_bound_to_its_column_only_is_bound_when_it_is_written(self, endpoint: Endpoint) -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE endpoints_endpoint SET secrets = %s", [unbound(endpoint.secrets)])
        found = Endpoint.objects.get()
        assert found.secrets == endpoint.secrets
        [document] = endpoint_documents(endpoint.project_id, ids=[endpoint.uid], reveal=True)
        assert b"the signing secret" in orjson.dumps(document)
        before = self.column(endpoint, "secrets")
        assert before is not None
        assert not is_current(before)
        found.save()
        after = self.column(endpoint, "secrets")
        assert after is not None
        assert is_current(after)
        assert Endpoint.objects.get().secrets == endpoint.secrets

    def test_written_again_it_is_under_the_current_key(self, endpoint: Endpoint, settings: Settings) -> None:
        settings.ENCRYPTION_KEYS = [key(), *settings.ENCRYPTION_KEYS]
        before = self.column(endpoint, "secrets")
        assert before is not None
        assert not is_current(before)
        endpoint.save(update_fields=["secrets"])
        after = self.column(endpoint, "secrets")
        assert after is not None
        assert is_current(after)
        endpoint.refresh_from_db()
        assert endpoint.secrets[0]["value"] == "the signing secret"

    def test_a_dump_is_encrypted_and_can_be_loaded(self, project: Project, endpoint: Endpoint) -> None:
        endpoint.authentication = {"type": "basic_auth", "basic_auth": {"password": "the password"}}
        endpoint.save(update_fields=["authentication"])
        dump = serializers.serialize("json", [*Project.objects.all(), *Endpoint.objects.all()])
        assert "the signing secret" not in dump
        assert "the password" not in dump
        Project.objects.all().delete()
        for loaded in serializers.deserialize("json", dump):
            loaded.save()
        restored = Endpoint.objects.get()
        assert restored.secrets == endpoint.secrets
        assert restored.authentication["basic_auth"]["password"] == "the password"
        assert restored.mtls_client_cert is None
        assert Project.objects.get().meta_event == project.meta_event
