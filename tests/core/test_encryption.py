"""Secrets at rest: what encrypts, what decrypts, and what is in the database column."""

import base64
import os
from collections.abc import Callable

import pytest
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
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
from endpoints.models import Endpoint
from projects.models import Project

CONTEXT = "table.column"


def key() -> bytes:
    return os.urandom(KEY_BYTES)


class TestRoundTrip:
    @pytest.mark.parametrize("plain", [b"", b"\x00", b"secret", "ü🦄".encode(), bytes(range(256)), b"x" * 100_000])
    def test_comes_back(self, plain: bytes) -> None:
        stored = encrypt(plain, CONTEXT)
        assert decrypt(stored, CONTEXT) == plain
        assert decrypt(memoryview(stored), CONTEXT) == plain

    def test_is_never_twice_the_same(self) -> None:
        assert len({encrypt(b"secret", CONTEXT) for _ in range(100)}) == 100

    def test_shows_nothing_of_the_plain_text(self) -> None:
        stored = encrypt(b"secret" * 10, CONTEXT)
        assert b"secret" not in stored
        assert len(stored) == ID_BYTES + NONCE_BYTES + 60 + 16


class TestRefused:
    def test_in_another_place(self) -> None:
        stored = encrypt(b"secret", CONTEXT)
        for elsewhere in ("table.other", "other.column", "", "table.column "):
            with pytest.raises(UndecryptableValue, match="was changed after it was encrypted"):
                decrypt(stored, elsewhere)

    def test_every_changed_byte(self) -> None:
        stored = encrypt(b"secret", CONTEXT)
        for position in range(len(stored)):
            changed = bytearray(stored)
            changed[position] ^= 1
            with pytest.raises(UndecryptableValue):
                decrypt(bytes(changed), CONTEXT)

    def test_every_shorter_and_a_longer_value(self) -> None:
        stored = encrypt(b"secret", CONTEXT)
        for changed in [stored[:length] for length in range(len(stored))] + [stored + b"\x00"]:
            with pytest.raises(UndecryptableValue):
                decrypt(changed, CONTEXT)

    def test_under_a_key_that_is_not_listed(self, settings: Settings) -> None:
        stored = encrypt(b"secret", CONTEXT)
        settings.ENCRYPTION_KEYS = [key()]
        with pytest.raises(UndecryptableValue, match=r"no key of ENCRYPTION_KEYS decrypts this value of table\.column"):
            decrypt(stored, CONTEXT)


class TestRotation:
    def test_the_first_key_encrypts_and_every_key_decrypts(self, settings: Settings) -> None:
        old, new = key(), key()
        settings.ENCRYPTION_KEYS = [old]
        under_old = encrypt(b"secret", CONTEXT)
        settings.ENCRYPTION_KEYS = [new, old]
        under_new = encrypt(b"secret", CONTEXT)
        assert decrypt(under_old, CONTEXT) == decrypt(under_new, CONTEXT) == b"secret"
        assert (is_current(under_old), is_current(under_new)) == (False, True)
        settings.ENCRYPTION_KEYS = [old, new]
        assert (is_current(under_old), is_current(under_new)) == (True, False)
        settings.ENCRYPTION_KEYS = [new]
        assert decrypt(under_new, CONTEXT) == b"secret"
        with pytest.raises(UndecryptableValue):
            decrypt(under_old, CONTEXT)


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
        assert b"the signing secret" in decrypt(stored, "endpoints_endpoint.secrets")
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
        Endpoint.objects.update(authentication={"type": "basic_auth", "basic_auth": {"password": "the password"}})
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
