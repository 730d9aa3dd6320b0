"""Client assertions, which take the place of a shared secret."""

import base64
import time
from typing import Any

import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from outbound.oauth2 import TokenUnavailable, assertion
from tests.outbound.signing_keys import client_assertion, ec_key, number, rsa_key


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class TestAssertion:
    def test_claims(self) -> None:
        key, _ = ec_key(ec.SECP256R1(), "P-256")
        before = time.time_ns()
        header, claims, _ = assertion(client_assertion(key)).split(".")
        after = time.time_ns()
        assert orjson.loads(decoded(header)) == {"alg": "ES256", "kid": "key-1", "typ": "JWT"}
        told = orjson.loads(decoded(claims))
        prefix, _, nanoseconds = told.pop("jti").partition("-")
        assert prefix == "client"
        assert before <= int(nanoseconds) <= after
        issued = int(nanoseconds) // 1_000_000_000
        assert told == {
            "iss": "issuer",
            "sub": "subject",
            "aud": "https://id.example/token",
            "iat": issued,
            "exp": issued + 300,
        }

    @pytest.mark.parametrize(
        ("algorithm", "curve", "name", "digest"),
        [
            ("", ec.SECP256R1(), "P-256", hashes.SHA256()),
            ("ES256", ec.SECP256R1(), "P-256", hashes.SHA256()),
            ("ES384", ec.SECP384R1(), "P-384", hashes.SHA384()),
            ("ES512", ec.SECP521R1(), "P-521", hashes.SHA512()),
        ],
    )
    def test_elliptic_curves(
        self, algorithm: str, curve: ec.EllipticCurve, name: str, digest: hashes.HashAlgorithm
    ) -> None:
        key, public = ec_key(curve, name)
        signed, _, signature = assertion(client_assertion(key, algorithm)).rpartition(".")
        raw = decoded(signature)
        half = (curve.key_size + 7) // 8
        assert len(raw) == 2 * half
        der = encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
        public.verify(der, signed.encode(), ec.ECDSA(digest))
        with pytest.raises(InvalidSignature):
            public.verify(der, signed.encode() + b"x", ec.ECDSA(digest))

    def test_numbers_without_their_leading_zeros(self) -> None:
        """RFC 7518 wants them in full length; some libraries leave the zeros out."""
        private = ec.derive_private_key(5, ec.SECP256R1())
        point = private.public_key().public_numbers()
        key = {"kty": "EC", "crv": "P-256", "kid": "k", "x": number(point.x), "y": number(point.y), "d": number(5)}
        assert len(decoded(assertion(client_assertion(key)).rpartition(".")[2])) == 64

    @pytest.mark.parametrize("bits", ["256", "384", "512"])
    @pytest.mark.parametrize("kind", ["RS", "PS"])
    def test_rsa(self, kind: str, bits: str) -> None:
        key, public = rsa_key()
        digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[bits]
        signed, _, signature = assertion(client_assertion(key, kind + bits)).rpartition(".")
        pad: Any = padding.PKCS1v15()
        if kind == "PS":
            pad = padding.PSS(padding.MGF1(digest), digest.digest_size)
        public.verify(decoded(signature), signed.encode(), pad, digest)

    @pytest.mark.parametrize("algorithm", ["none", "HS256", "ES", "ES1", "RS1", "EdDSA", "es256", "x" * 1000])
    def test_an_algorithm_that_is_not_supported(self, algorithm: str) -> None:
        key, _ = ec_key(ec.SECP256R1(), "P-256")
        with pytest.raises(TokenUnavailable, match=r"^oauth2: the signing algorithm is not supported$"):
            assertion(client_assertion(key, algorithm))

    def test_a_key_that_cannot_be_used(self) -> None:
        huge = "9" * 4096
        good, _ = ec_key(ec.SECP256R1(), "P-256")
        other, _ = ec_key(ec.SECP256R1(), "P-256")
        numbers, _ = rsa_key()
        unusable = [
            *((good | {"d": other["d"]}, "ES256"), (good | {"d": "AA"}, "ES256"), (good | {"x": "ü"}, "ES256")),
            *(
                (good | {"crv": "P-384"}, "ES256"),
                (good | {"d": huge}, "ES256"),
                (good, "RS256"),
                (good, "ES384"),
            ),
            *((numbers, "ES256"), (numbers | {"p": "AQ"}, "RS256"), (numbers | {"d": "AQ"}, "RS256")),
            *((numbers | {"p": numbers["n"], "q": "AQ"}, "RS256"), (numbers | {"n": "_" * 4096}, "RS256")),
            *((numbers | {"e": "Ag"}, "RS256"), (numbers | {"e": "_" * 1000}, "RS256")),
            *(
                ({name: value for name, value in numbers.items() if name != "q"}, "RS256"),
                ({"kty": "RSA", "kid": "k"}, "RS256"),
            ),
            (rsa_key(1024)[0], "RS256"),
        ]
        for key, algorithm in unusable:
            with pytest.raises(TokenUnavailable) as refusal:
                assertion(client_assertion(key, algorithm))
            assert str(refusal.value) == "oauth2: the signing key cannot be used"
