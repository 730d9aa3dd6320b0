"""Client certificates of endpoints: what is stored, refused and shown."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from core.exceptions import InvalidInput
from endpoints.certificates import checked, shown
from endpoints.models import Endpoint
from tests.conftest import API
from tests.endpoints.bodies import BODY
from tests.statements import nothing_changes

NOW = datetime.now(UTC)
KINDS: dict[str, Callable[[], Any]] = {
    "EC": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}
FORMATS = [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL]


@cache
def private_key(kind: str = "EC", number: int = 0) -> Any:
    """One of our private keys; the same arguments give the same key."""
    return KINDS[kind]()


def pem(key: Any, private_format: PrivateFormat = PrivateFormat.PKCS8, password: bytes | None = None) -> str:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    text: bytes = key.private_bytes(Encoding.PEM, private_format, encryption)
    return text.decode()


def certificate(key: Any, *, starts: datetime | None = None, ends: datetime | None = None) -> x509.Certificate:
    """A certificate that `key` has signed for itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhooks")])
    builder = x509.CertificateBuilder(
        subject_name=name,
        issuer_name=name,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=starts or NOW - timedelta(days=1),
        not_valid_after=ends or NOW + timedelta(days=1),
    )
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def text_of(signed: x509.Certificate) -> str:
    return signed.public_bytes(Encoding.PEM).decode()


@pytest.fixture(scope="module")
def pair() -> dict[str, str]:
    return {"client_cert": text_of(certificate(private_key())), "client_key": pem(private_key())}


class TestStored:
    @pytest.mark.parametrize("kind", KINDS)
    def test_every_kind_of_key(self, kind: str) -> None:
        key = private_key(kind)
        sent = {"client_cert": text_of(certificate(key)), "client_key": pem(key)}
        assert checked(sent, None) == sent

    @pytest.mark.parametrize("private_format", FORMATS)
    @pytest.mark.parametrize("kind", ["EC", "RSA"])
    def test_every_format_of_a_key(self, kind: str, private_format: PrivateFormat) -> None:
        key = private_key(kind)
        sent = {"client_cert": text_of(certificate(key)), "client_key": pem(key, private_format)}
        assert checked(sent, None) == sent

    def test_a_certificate_with_its_chain(self, pair: dict[str, str]) -> None:
        sent = pair | {"client_cert": pair["client_cert"] + text_of(certificate(private_key("RSA")))}
        assert checked(sent, None) == sent

    def test_a_certificate_that_is_valid_later(self, pair: dict[str, str]) -> None:
        later = certificate(private_key(), starts=NOW + timedelta(hours=1), ends=NOW + timedelta(days=1))
        sent = pair | {"client_cert": text_of(later)}
        assert checked(sent, None) == sent

    @pytest.mark.parametrize("sent", [{}, {"client_cert": "", "client_key": ""}, {"client_cert": ""}])
    def test_two_empty_parts_are_none(self, sent: dict[str, str], pair: dict[str, str]) -> None:
        assert checked(sent, None) is None
        assert checked(sent, pair) is None


class TestRefused:
    def refuse(self, sent: dict[str, str], message: str, stored: dict[str, str] | None = None) -> None:
        with pytest.raises(InvalidInput) as refusal:
            checked(sent, stored)
        assert refusal.value.message == message

    @pytest.mark.parametrize("missing", ["client_cert", "client_key"])
    def test_one_part_without_the_other(self, pair: dict[str, str], missing: str) -> None:
        message = "mtls_client_cert requires both client_cert and client_key"
        self.refuse({name: text for name, text in pair.items() if name != missing}, message)
        self.refuse(pair | {missing: ""}, message)
        self.refuse(pair | {missing: ""}, message, stored=pair)

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_key_of_another_certificate(self, pair: dict[str, str], kind: str) -> None:
        message = "invalid mTLS client certificate: the private key does not belong to the certificate"
        self.refuse(pair | {"client_key": pem(private_key(kind, number=1))}, message)

    def test_an_expired_certificate(self, pair: dict[str, str]) -> None:
        expired = certificate(private_key(), starts=NOW - timedelta(days=2), ends=NOW - timedelta(seconds=1))
        sent = pair | {"client_cert": text_of(expired)}
        self.refuse(sent, "invalid mTLS client certificate: it has expired")

    @pytest.mark.parametrize("field", ["client_cert", "client_key"])
    @pytest.mark.parametrize(
        "damage",
        [
            lambda text: "text",
            lambda text: " ",
            lambda text: "\U0001f984",
            lambda text: text[: len(text) // 2],
            lambda text: text.replace("-----END", "-----FIN"),
            lambda text: text[:60] + "!!!" + text[63:],
            lambda text: text[:60] + "AAAAAAAA" + text[68:],
            lambda text: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            lambda text: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            lambda text: "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        ],
    )
    def test_what_cannot_be_read(self, pair: dict[str, str], field: str, damage: Callable[[str], str]) -> None:
        with pytest.raises(InvalidInput) as refusal:
            checked(pair | {field: damage(pair[field])}, None)
        assert refusal.value.message.startswith("invalid mTLS client certificate: ")
        assert len(refusal.value.message) < 250

    def test_the_two_parts_in_each_others_place(self, pair: dict[str, str]) -> None:
        with pytest.raises(InvalidInput, match="invalid mTLS client certificate: "):
            checked({"client_cert": pair["client_key"], "client_key": pair["client_cert"]}, None)

    def test_a_public_key_in_place_of_the_private_one(self, pair: dict[str, str]) -> None:
        public = private_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        with pytest.raises(InvalidInput, match="invalid mTLS client certificate: "):
            checked(pair | {"client_key": public}, None)

    def test_a_key_behind_a_password(self, pair: dict[str, str]) -> None:
        with pytest.raises(InvalidInput, match="invalid mTLS client certificate: Password was not given"):
            checked(pair | {"client_key": pem(private_key(), password=b"password")}, None)

    @pytest.mark.parametrize("other", [x25519.X25519PrivateKey.generate, lambda: dsa.generate_private_key(2048)])
    def test_a_key_of_a_kind_that_signs_nothing_of_ours(self, pair: dict[str, str], other: Callable[[], Any]) -> None:
        message = "invalid mTLS client certificate: the key must be RSA of 2048 to 4096 bits, EC of a named curve, "
        self.refuse(pair | {"client_key": pem(other())}, f"{message}or Ed25519")

    def test_a_certificate_of_a_version_that_does_not_exist(self, pair: dict[str, str]) -> None:
        der = certificate(private_key()).public_bytes(Encoding.DER)
        version_3 = bytes.fromhex("a003020102")
        assert der.count(version_3) == 1
        body = base64.b64encode(der.replace(version_3, bytes.fromhex("a003020109"))).decode()
        text = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
        with pytest.raises(InvalidInput, match="invalid mTLS client certificate: "):
            checked(pair | {"client_cert": text}, None)

    def test_nothing_of_the_key_is_in_the_text(self, pair: dict[str, str]) -> None:
        key = pair["client_key"]
        with pytest.raises(InvalidInput) as refusal:
            checked(pair | {"client_key": key[:60] + "!!!" + key[63:]}, None)
        for line in key.splitlines()[1:-1]:
            assert line[:20] not in refusal.value.message


class TestMask:
    def test_the_key_is_never_shown(self, pair: dict[str, str]) -> None:
        assert shown(None) is None
        assert shown(pair) == pair | {"client_key": "[REDACTED]"}

    def test_what_was_read_may_be_written_back(self, pair: dict[str, str]) -> None:
        assert checked(shown(pair) or {}, pair) == pair

    def test_a_renewed_certificate_may_keep_its_key(self, pair: dict[str, str]) -> None:
        renewed = text_of(certificate(private_key(), ends=NOW + timedelta(days=2)))
        assert checked({"client_cert": renewed, "client_key": "[REDACTED]"}, pair) == pair | {"client_cert": renewed}

    def test_a_mask_alone_keeps_nothing(self, pair: dict[str, str]) -> None:
        with pytest.raises(InvalidInput, match="requires both"):
            checked({"client_key": "[REDACTED]"}, pair)
        with pytest.raises(InvalidInput, match="requires both"):
            checked(pair | {"client_key": "[REDACTED]"}, None)


class TestOverTheAPI:
    def test_stored_shown_kept_and_removed(self, api: API, viewer: API, collection: str, pair: dict[str, str]) -> None:
        masked = pair | {"client_key": "[REDACTED]"}
        answer = api.post(collection, BODY | {"mtls_client_cert": pair})
        path = f"{collection}/{answer.data['uid']}"
        assert answer.data["mtls_client_cert"] == masked
        assert api.get(path).data["mtls_client_cert"] == viewer.get(path).data["mtls_client_cert"] == masked
        for kept in ({}, {"mtls_client_cert": None}, {"mtls_client_cert": masked}):
            assert api.put(path, BODY | kept).data["mtls_client_cert"] == masked
            assert Endpoint.objects.get().mtls_client_cert == pair
        assert api.put(path, BODY | {"mtls_client_cert": {}}).data["mtls_client_cert"] is None
        assert Endpoint.objects.get().mtls_client_cert is None

    def test_refused_on_update(self, api: API, path: str, pair: dict[str, str]) -> None:
        wrong = pair | {"client_key": pem(private_key("RSA"))}
        with nothing_changes():
            answer = api.put(path, BODY | {"mtls_client_cert": wrong})
        assert answer.error == (
            400,
            "invalid mTLS client certificate: the private key does not belong to the certificate",
        )
