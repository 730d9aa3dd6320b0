"""The bounds of a client certificate's private key, and the time that checking one takes."""

import base64
from functools import cache
from math import lcm
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat

from endpoints.private_keys import ALLOWED, MAX_KEY_CHARACTERS, read_private_key
from tests.endpoints.test_certificates import pem, private_key
from tests.interpreter import cpu_seconds

#: The primes of RFC 3526 by their bits, each with its last summand.
PRIMES = {1536: 741804, 2048: 124476, 4096: 240904}


def prime(bits: int) -> int:
    """A prime of RFC 3526, so that a large key need not be searched for; half of it is prime too."""
    digits = bits - 130
    pi = 4 * (4 * arc_tangent(5, digits + 64) - arc_tangent(239, digits + 64)) >> 64
    return int(2**bits - 2 ** (bits - 64) - 1 + 2**64 * (pi + PRIMES[bits]))


def arc_tangent(inverse: int, bits: int) -> int:
    total, term, divisor = 0, (1 << bits) // inverse, 1
    while term:
        total += term // divisor if divisor % 4 == 1 else -(term // divisor)
        term //= inverse * inverse
        divisor += 2
    return total


@cache
def rsa_key(bits: int) -> Any:
    """A key of RSA whose primes have `bits` bits each."""
    p, e = prime(bits), 65537
    q = p // 2
    d = pow(e, -1, lcm(p - 1, q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


class TestAccepted:
    @pytest.mark.parametrize("bits", [1536, 2048])
    @pytest.mark.parametrize("private_format", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
    def test_rsa_at_once(self, bits: int, private_format: PrivateFormat) -> None:
        text = pem(rsa_key(bits), private_format)
        # With the check for primes it takes 0.2 seconds at 4,096 bits.
        assert cpu_seconds(lambda: read_private_key(text)) < 0.1
        assert read_private_key(text).private_numbers() == rsa_key(bits).private_numbers()  # type: ignore[union-attr]

    @pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, ec.SECP521R1])
    def test_named_curves_with_other_blocks_before_them(self, curve: type[ec.EllipticCurve]) -> None:
        text = pem(ec.generate_private_key(curve()), PrivateFormat.TraditionalOpenSSL)
        parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        assert isinstance(read_private_key(f"Bag Attributes: none\n{parameters}{text}"), ec.EllipticCurvePrivateKey)


class TestRefused:
    def refuse(self, text: str, message: str) -> None:
        with pytest.raises(ValueError, match=f"^{message}"):
            read_private_key(text)

    @pytest.mark.parametrize("private_format", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
    def test_rsa_of_8192_bits_without_work(self, private_format: PrivateFormat) -> None:
        text = pem(rsa_key(4096), private_format)
        # The library takes more than 5 seconds to check it.
        assert cpu_seconds(lambda: self.refuse(text, ALLOWED)) < 0.1

    def test_rsa_of_1024_bits(self) -> None:
        self.refuse(pem(rsa.generate_private_key(65537, 1024)), ALLOWED)  # noqa: S505

    def test_other_kinds(self) -> None:
        self.refuse(pem(ed448.Ed448PrivateKey.generate()), ALLOWED)

    @pytest.mark.parametrize("name", ["q", "d", "dmp1", "dmq1", "iqmp"])
    def test_numbers_that_do_not_belong_together(self, name: str) -> None:
        number = getattr(rsa_key(2048).private_numbers(), name)
        size = (number.bit_length() + 7) // 8
        text = with_bytes(pem(rsa_key(2048)), number.to_bytes(size, "big"), (number - 2).to_bytes(size, "big"))
        self.refuse(text, "the private key's numbers do not belong together")

    def test_a_curve_of_the_callers_own(self) -> None:
        named, own = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("30082a8648ce3d030107")
        for private_format in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
            self.refuse(with_bytes(pem(private_key("EC"), private_format), named, own), ALLOWED)

    def test_a_text_of_great_length(self) -> None:
        text = "x" * MAX_KEY_CHARACTERS + pem(private_key("EC"))
        self.refuse(text, "the private key has more than 16384 characters")

    @pytest.mark.parametrize("text", ["-----BEGIN " * 1_000, "-----" * 3_000, "-----BEGIN -----" * 1_000])
    def test_texts_of_many_beginnings_without_work(self, text: str) -> None:
        assert cpu_seconds(lambda: self.refuse(text, "there is no private key")) < 0.1

    def test_every_beginning_of_a_key(self) -> None:
        label, body = "PRIVATE KEY", der_of(pem(rsa_key(1536)))
        for length in range(0, len(body), 7):
            with pytest.raises(ValueError, match=r"^(the|there is|ASN\.1|Could|Invalid)"):
                read_private_key(armoured(label, body[:length]))


def der_of(text: str) -> bytes:
    return base64.b64decode("".join(text.splitlines()[1:-1]))


def armoured(label: str, der: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.b64encode(der).decode()}\n-----END {label}-----\n"


def with_bytes(text: str, old: bytes, new: bytes) -> str:
    """Replace bytes of a key by as many others."""
    der = der_of(text)
    assert old in der
    return armoured(text.split("-----")[1].removeprefix("BEGIN "), der.replace(old, new))
