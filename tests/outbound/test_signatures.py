"""Convoy's and Standard Webhooks' signatures, against the contract's vectors and the receivers' own libraries."""

import base64
import hashlib
import hmac
import importlib.util
import re
import time
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from convoy.utils.webhook import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from outbound.payload import form_encode
from outbound.signatures import HASHES, NothingToSignWith, convoy_signature, standard_headers, standard_secret
from projects.serializers import SignatureVersion
from tests.outbound.vectors import (
    META_IDEMPOTENCY,
    META_PAYLOAD,
    META_SIGNATURE,
    META_UID,
    PAYLOAD,
    RECEIVED,
    ROTATED,
    ROTATED_SIMPLE,
    ROTATED_VERSIONS,
    SECRET,
    SENT,
    SENT_AT,
    TEXTS,
    Received,
    Sent,
    Text,
)
from tests.portal.snippet_cases import Settings, signature

FOREVER = 3_153_600_000
VERSION = {"hash": "SHA256", "encoding": "hex"}
#: Secrets as a customer may have typed them.
SECRETS = [
    "convoy-webhook-secret",
    "[REDACTED]",
    "pä$$ wörd 😀",
    " ",
    "with\nlines",
    "x" * 10_000,
    "whsec_",
    "whsec_not base64!",
    "whsec_A",
    "whsec_QUJDRA==",
    "whsec_QUJDRA",
    "WHSEC_QUJDRA==",
    "whsec_whsec_QUJDRA==",
    "QUJDRA==",
]
PAYLOADS = [PAYLOAD, b"null", b"", b'{"a":1.50}', '{"u":"é😀"}'.encode(), b'a=1&b=%0A&c="']


def old_webhook() -> Any:
    """The class of convoy-python 0.2.0, which is installed apart: its package has the new one's name."""
    path = Path(".venv/clients/convoy-python-0.2.0/convoy/utils/webhook.py")
    spec = importlib.util.spec_from_file_location("old_convoy_webhook", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Webhook


def sign(payload: bytes = PAYLOAD, **given: Any) -> str:
    defaults: dict[str, Any] = {"secrets": [SECRET], "versions": [VERSION], "advanced": True, "timestamp": SENT_AT}
    return convoy_signature(payload, **defaults | given)


def is_accepted(
    payload: bytes, header: str, secret: str, version: dict[str, str] = VERSION, age: int = FOREVER
) -> bool:
    """Whether convoy-python 1.0.0a1 accepts."""
    webhook = Webhook(secret=secret, encoding=version["encoding"], tolerance=age, hash=version["hash"])
    accepted: bool = webhook.verify_signature(payload.decode(), header)
    return accepted


class TestConvoyVectors:
    @pytest.mark.parametrize("vector", SENT, ids=lambda vector: vector.name)
    def test_sent(self, vector: Sent) -> None:
        version = {"hash": vector.hash, "encoding": vector.encoding}
        made = sign(versions=[version], advanced=vector.advanced)
        assert made == vector.header
        assert is_accepted(PAYLOAD, made, SECRET, version) is True
        assert is_accepted(PAYLOAD + b" ", made, SECRET, version) is False
        assert is_accepted(PAYLOAD, made, "another", version) is False

    @pytest.mark.parametrize("vector", RECEIVED, ids=lambda vector: vector.name)
    def test_received(self, vector: Received) -> None:
        assert is_accepted(PAYLOAD, vector.header, SECRET, age=vector.tolerance) is vector.is_genuine

    @pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.name)
    def test_texts(self, text: Text) -> None:
        assert sign(text.canonical, secrets=["s1"], advanced=False) == text.simple
        assert sign(text.canonical, secrets=["s1"]) == f"t=1700000000,v1={text.advanced}"

    def test_two_secrets_and_two_versions(self) -> None:
        secrets = ["secret-old", "secret-new"]
        made = sign(secrets=secrets, versions=ROTATED_VERSIONS)
        assert made == ROTATED
        for secret in secrets:
            for version in ROTATED_VERSIONS:
                assert is_accepted(PAYLOAD, made, secret, version) is True

    def test_the_simple_form_has_the_last_of_each(self) -> None:
        made = sign(secrets=["secret-old", "secret-new"], versions=ROTATED_VERSIONS, advanced=False)
        assert made == ROTATED_SIMPLE

    def test_meta_events(self) -> None:
        assert sign(META_PAYLOAD, secrets=["meta-secret"], advanced=False) == META_SIGNATURE

    def test_the_idempotency_key_of_meta_events(self) -> None:
        assert hashlib.sha256(META_UID.encode()).hexdigest() == META_IDEMPOTENCY


class TestConvoy:
    def test_the_forms_of_the_header(self) -> None:
        assert re.fullmatch("t=[0-9]{10},v1=[0-9a-f]{64}", sign())
        assert re.fullmatch("[0-9a-f]{64}", sign(advanced=False))
        assert re.fullmatch("t=[0-9]{10},v1=[0-9a-f]{64},v2=[0-9A-Za-z+/]{86}==", sign(versions=ROTATED_VERSIONS))

    def test_another_time_is_another_signature(self) -> None:
        first, second = (sign(timestamp=SENT_AT + later).partition(",") for later in (0, 1))
        assert first[0] == "t=1700000000"
        assert second[0] == "t=1700000001"
        assert first[2] != second[2]

    @pytest.mark.parametrize("advanced", [True, False])
    @pytest.mark.parametrize("encoding", ["hex", "base64"])
    @pytest.mark.parametrize("hash_name", list(HASHES))
    def test_everything_that_the_api_accepts_can_be_signed_with(
        self, hash_name: str, encoding: str, advanced: bool
    ) -> None:
        version = {"hash": hash_name, "encoding": encoding}
        assert SignatureVersion(data=version).is_valid()
        settings = Settings(advanced, "X-Convoy-Signature", hash_name, encoding)
        message = f"{SENT_AT},".encode() + PAYLOAD if advanced else PAYLOAD
        expected = signature(settings, SECRET, message)
        made = sign(versions=[version], advanced=advanced)
        assert made == (f"t={SENT_AT},v1={expected}" if advanced else expected)

    def test_the_api_accepts_no_other_encoding(self) -> None:
        accepted = SignatureVersion().fields["encoding"].choices  # type: ignore[attr-defined]
        assert sorted(accepted) == ["base64", "hex"]

    @pytest.mark.parametrize("secret", SECRETS)
    @pytest.mark.parametrize("payload", PAYLOADS)
    def test_a_secret_is_used_as_it_is(self, secret: str, payload: bytes) -> None:
        expected = hmac.digest(secret.encode(), b"%d," % SENT_AT + payload, "sha256").hex()
        made = sign(payload, secrets=[secret])
        assert made == f"t={SENT_AT},v1={expected}"
        assert is_accepted(payload, made, secret) is True

    @pytest.mark.parametrize("hash_name", ["MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3_256"])
    def test_convoy_python_0_2_0_accepts_simple_signatures(self, hash_name: str) -> None:
        # Its advanced verification leaves out the time, and so accepts no server's signatures.
        made = sign(versions=[{"hash": hash_name, "encoding": "hex"}], advanced=False)
        webhook = old_webhook()(secret=SECRET, encoding="hex", hash=hash_name)
        assert webhook.verify_signature(PAYLOAD.decode(), made) is True
        assert webhook.verify_signature(PAYLOAD.decode() + " ", made) is not True

    @pytest.mark.parametrize("advanced", [True, False])
    @pytest.mark.parametrize("given", [{"secrets": []}, {"secrets": [""]}, {"versions": []}])
    def test_without_a_secret_or_a_version_nothing_is_signed(self, given: dict[str, Any], advanced: bool) -> None:
        with pytest.raises(NothingToSignWith, match="no"):
            sign(**given, advanced=advanced)

    @pytest.mark.parametrize("version", [VERSION | {"hash": "CRC32"}, VERSION | {"encoding": "base32"}])
    def test_an_unknown_version_fails_closed(self, version: dict[str, str]) -> None:
        for advanced in (True, False):
            with pytest.raises(NothingToSignWith, match="not known"):
                sign(versions=[version], advanced=advanced)

    def test_an_empty_secret_beside_another_does_not_sign(self) -> None:
        assert sign(secrets=["", SECRET, ""]) == sign()
        assert sign(secrets=[SECRET, ""], advanced=False) == sign(advanced=False)


class TestStandard:
    def headers(self, payload: bytes = PAYLOAD, **given: Any) -> dict[str, str]:
        defaults: dict[str, Any] = {
            "message_id": "01K4T0ZA7Q3X9W5V1T7R3P9N5M",
            "timestamp": int(time.time()),
            "secrets": [SECRET],
        }
        return standard_headers(payload, **defaults | given)

    def test_by_its_definition(self) -> None:
        secret = base64.b64encode(b"standard").decode()
        expected = base64.b64encode(hmac.digest(b"standard", b"m1.1700000000." + PAYLOAD, "sha256")).decode()
        assert self.headers(message_id="m1", timestamp=SENT_AT, secrets=[f"whsec_{secret}", "s2"]) == {
            "webhook-id": "m1",
            "webhook-timestamp": "1700000000",
            "webhook-signature": "v1,"
            + expected
            + " v1,"
            + base64.b64encode(hmac.digest(b"s2", b"m1.1700000000." + PAYLOAD, "sha256")).decode(),
        }

    @pytest.mark.parametrize("library", [standardwebhooks.Webhook, svix.webhooks.Webhook])
    @pytest.mark.parametrize("payload", PAYLOADS)
    @pytest.mark.parametrize("secret", SECRETS)
    def test_the_libraries_accept(self, secret: str, payload: bytes, library: Any) -> None:
        headers = self.headers(payload, secrets=["another", secret, "one more"])
        for known in (secret, "another"):
            self.verify(library, standard_secret(known), payload, headers)
        with pytest.raises(WebhookVerificationError):
            self.verify(library, standard_secret(secret), payload + b" ", headers)
        with pytest.raises(WebhookVerificationError):
            self.verify(library, standard_secret("never given"), payload, headers)

    @pytest.mark.parametrize(
        "secret", ["whsec_QUJDRA==", "whsec_QUJDRA", "whsec_" + base64.b64encode(b"k" * 64).decode()]
    )
    def test_a_secret_of_their_own_form_needs_no_change(self, secret: str) -> None:
        self.verify(standardwebhooks.Webhook, secret, PAYLOAD, self.headers(secrets=[secret]))

    @pytest.mark.parametrize(
        ("secret", "expected"),
        [
            ("s1", "whsec_czE="),
            ("é", "whsec_w6k="),
            ("whsec_QUJDRA==", "whsec_QUJDRA=="),
            ("whsec_QUJDRA", "whsec_QUJDRA=="),
            ("whsec_", "whsec_d2hzZWNf"),
            ("whsec_A", "whsec_d2hzZWNfQQ=="),
            ("whsec_QUJD RA==", "whsec_d2hzZWNfUVVKRCBSQT09"),
            ("whsec_QUJD-_==", "whsec_d2hzZWNfUVVKRC1fPT0="),
            ("whsec_é", "whsec_d2hzZWNfw6k="),
        ],
    )
    def test_the_secret_for_the_libraries(self, secret: str, expected: str) -> None:
        assert standard_secret(secret) == expected

    def test_a_time_that_has_passed_is_refused(self) -> None:
        with pytest.raises(WebhookVerificationError, match="too old"):
            self.verify(standardwebhooks.Webhook, standard_secret(SECRET), PAYLOAD, self.headers(timestamp=SENT_AT))

    def test_a_form_can_be_verified(self) -> None:
        form = form_encode(PAYLOAD)
        assert form == b"amount=1000&currency=NGN&event=charge.success"
        self.verify(standardwebhooks.Webhook, standard_secret(SECRET), form, self.headers(form))
        assert is_accepted(form, sign(form), SECRET) is True

    @pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
    def test_without_a_secret_nothing_is_signed(self, secrets: list[str]) -> None:
        with pytest.raises(NothingToSignWith, match="no secret"):
            self.headers(secrets=secrets)

    def verify(self, library: Any, secret: str, payload: bytes, headers: dict[str, str]) -> None:
        """Raise what the library raises."""
        if library is standardwebhooks.Webhook:
            library(secret).verify(payload, headers, json_parse=False)
        else:
            library(secret).verify(payload, headers)
