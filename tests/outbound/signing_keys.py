"""Keys that sign client assertions, as JSON Web Keys."""

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa


def number(value: int, size: int = 0) -> str:
    raw = value.to_bytes(size or (value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def ec_key(curve: ec.EllipticCurve, name: str) -> tuple[dict[str, Any], ec.EllipticCurvePublicKey]:
    numbers = ec.generate_private_key(curve).private_numbers()
    size = (curve.key_size + 7) // 8
    public = numbers.public_numbers
    coordinates = {"x": number(public.x, size), "y": number(public.y, size), "d": number(numbers.private_value, size)}
    return {"kty": "EC", "crv": name, "kid": "key-1"} | coordinates, public.public_key()


def rsa_key(bits: int = 2048) -> tuple[dict[str, Any], rsa.RSAPublicKey]:
    private = rsa.generate_private_key(65537, bits)
    numbers = private.private_numbers()
    public = numbers.public_numbers
    values = {"n": public.n, "e": public.e, "d": numbers.d, "p": numbers.p, "q": numbers.q}
    return {"kty": "RSA", "kid": "key-1"} | {
        name: number(value) for name, value in values.items()
    }, private.public_key()


def client_assertion(key: dict[str, Any], algorithm: str = "", url: str = "https://id.example/token") -> dict[str, Any]:
    config = {
        "url": url,
        "client_id": "client",
        "authentication_type": "client_assertion",
        "signing_key": key,
        "issuer": "issuer",
        "subject": "subject",
    }
    return config | ({"signing_algorithm": algorithm} if algorithm else {})
