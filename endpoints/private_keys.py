"""Read the private key of a client certificate without the work that a hostile key asks for.

A library that is given a key of RSA checks that its numbers are prime, with the interpreter's lock held: 0.2 seconds
for 4,096 bits, over 5 for 8,192. So the numbers are read here, their sizes are bounded, and all is checked but that.
"""

import base64
import binascii
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

MIN_RSA_BITS, MAX_RSA_BITS = 2048, 4096
MAX_RSA_EXPONENT = 2**32
#: The most bytes of a key. One of RSA with MAX_RSA_BITS takes 2,375.
MAX_KEY_BYTES = 3_072
#: The most characters of the text, in which a program may have written other things before the key.
MAX_KEY_CHARACTERS = 16_384

ALLOWED = f"the key must be RSA of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, EC of a named curve, or Ed25519"
NOT_DER = "the private key is not DER"
NOT_TOGETHER = "the private key's numbers do not belong together"

PKCS8, RSA, EC = "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"
ENCRYPTED = "ENCRYPTED PRIVATE KEY"

# Tags of DER (X.690)
_INTEGER, _OCTETS, _OID, _SEQUENCE, _FIRST_OPTION = 0x02, 0x04, 0x06, 0x30, 0xA0
_RSA_OID = bytes.fromhex("2a864886f70d010101")
_EC_OID = bytes.fromhex("2a8648ce3d0201")
_ED25519_OID = bytes.fromhex("2b6570")
#: The integers of an RSA key: version, n, e, d, p, q, d mod (p - 1), d mod (q - 1), the inverse of q.
_RSA_NUMBERS = 9

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class _Part(NamedTuple):
    tag: int
    value: bytes


def read_private_key(text: str) -> Key:
    """Return the first private key of a PEM text. Raises ValueError, UnsupportedAlgorithm."""
    if len(text) > MAX_KEY_CHARACTERS:
        raise ValueError(f"the private key has more than {MAX_KEY_CHARACTERS} characters")
    label, der = _first_key(text)
    if len(der) > MAX_KEY_BYTES:
        raise ValueError(ALLOWED)
    check = {RSA: _check_rsa, EC: _check_named_curve, PKCS8: _check_pkcs8}[label]
    check(der)
    found: Any = load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(found, Key):
        raise ValueError(ALLOWED)
    return found


def _first_key(text: str) -> tuple[str, bytes]:
    """Return the label and the bytes of the first block that holds a private key."""
    rest = text
    while rest:
        rest = rest.partition("-----BEGIN ")[2]
        label, _, rest = rest.partition("-----")
        body, end, rest = rest.partition(f"-----END {label}-----")
        if label == ENCRYPTED or "ENCRYPTED" in body[:200]:
            raise ValueError("Password was not given but private key is encrypted")
        if label in (PKCS8, RSA, EC) and end:
            try:
                return label, base64.b64decode("".join(body.split()), validate=True)
            except (binascii.Error, ValueError):
                raise ValueError("the private key is not PEM") from None
    raise ValueError("there is no private key in PEM")


def _check_pkcs8(der: bytes) -> None:
    members = _members(der)
    if len(members) < 3:
        raise ValueError(NOT_DER)
    algorithm, key = members[1:3]
    parts = _inner(algorithm, _SEQUENCE)
    kind = parts[0].value if parts and parts[0].tag == _OID else b""
    if kind == _RSA_OID:
        if key.tag != _OCTETS:
            raise ValueError(NOT_DER)
        _check_rsa(key.value)
    elif kind == _EC_OID:
        if len(parts) != 2 or parts[1].tag != _OID:
            raise ValueError(ALLOWED)
        _check_named_curve(key.value)
    elif kind != _ED25519_OID:
        raise ValueError(ALLOWED)


def _check_named_curve(der: bytes) -> None:
    """Refuse a curve of the caller's own, whose numbers may be of any size."""
    parameters = [part.value for part in _members(der) if part.tag == _FIRST_OPTION]
    if any(not value.startswith(bytes([_OID])) for value in parameters):
        raise ValueError(ALLOWED)


def _check_rsa(der: bytes) -> None:
    """Refuse numbers out of bounds, and such as do not belong together; whether p and q are prime is not looked at."""
    parts = _members(der)
    if len(parts) != _RSA_NUMBERS or any(part.tag != _INTEGER or not part.value for part in parts):
        raise ValueError("the private key has not the numbers of RSA")
    version, n, e, d, p, q, d_p, d_q, inverse = (int.from_bytes(part.value, "big", signed=True) for part in parts)
    if not MIN_RSA_BITS <= n.bit_length() <= MAX_RSA_BITS:
        raise ValueError(ALLOWED)
    if version or not 3 <= e < MAX_RSA_EXPONENT or not 0 < d < n or min(p, q) < 3 or p * q != n:
        raise ValueError(NOT_TOGETHER)
    if d * e % (p - 1) != 1 or d * e % (q - 1) != 1 or (d_p, d_q) != (d % (p - 1), d % (q - 1)):
        raise ValueError(NOT_TOGETHER)
    if not 0 < inverse < p or inverse * q % p != 1:
        raise ValueError(NOT_TOGETHER)


# DER, as far as keys need it


def _members(der: bytes) -> list[_Part]:
    """Return the members of the one sequence that DER holds."""
    parts = _parts(der)
    if len(parts) != 1:
        raise ValueError(NOT_DER)
    return _inner(parts[0], _SEQUENCE)


def _inner(part: _Part, tag: int) -> list[_Part]:
    if part.tag != tag:
        raise ValueError(NOT_DER)
    return _parts(part.value)


def _parts(data: bytes) -> list[_Part]:
    """Return the parts that stand one after the other. Raises ValueError where a length is not one of DER."""
    found = []
    at = 0
    while at < len(data):
        size = data[at + 1] if at + 1 < len(data) else 0x80
        start = at + 2
        if size >= 0x80:
            width = size & 0x7F
            if not 1 <= width <= 3 or start + width > len(data):
                raise ValueError(NOT_DER)
            size, start = int.from_bytes(data[start : start + width], "big"), start + width
        if start + size > len(data):
            raise ValueError(NOT_DER)
        found.append(_Part(data[at], data[start : start + size]))
        at = start + size
    return found
