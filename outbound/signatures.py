"""Sign requests, so that receivers can verify them: Convoy's signature, and that of Standard Webhooks.

Contract: docs/contract/signatures.md#project-settings, docs/contract/signatures.md#standard-webhooks
(https://www.standardwebhooks.com). The body of the request is signed, byte for byte. A secret is used as it
is: in UTF-8, not decoded.
"""

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence

#: The hashes that a project may choose from, with their names in hashlib.
HASHES = {
    "MD5": "md5",
    "SHA1": "sha1",
    "SHA224": "sha224",
    "SHA256": "sha256",
    "SHA384": "sha384",
    "SHA512": "sha512",
    "SHA3_224": "sha3_224",
    "SHA3_256": "sha3_256",
    "SHA3_384": "sha3_384",
    "SHA3_512": "sha3_512",
    "SHA512_224": "sha512_224",
    "SHA512_256": "sha512_256",
}
ENCODINGS = {"hex": bytes.hex, "base64": lambda digest: b64encode(digest).decode()}
STANDARD_PREFIX = "whsec_"
NO_SECRET = "the endpoint has no secret to sign with"


class NothingToSignWith(ValueError):
    """The secret or the way to sign is missing, so nothing may be sent."""


def convoy_signature(
    payload: bytes, *, secrets: Sequence[str], versions: Sequence[Mapping[str, str]], advanced: bool, timestamp: int
) -> str:
    """Return the value of the project's signature header.

    Contract: docs/contract/signatures.md#simple, docs/contract/signatures.md#advanced.

    `payload` is the body as it is sent, `secrets` are the endpoint's live ones, oldest first, `versions` those of the
    project's configuration, and `timestamp` is the Unix time of this attempt. Unless `advanced`, the body is signed
    with the last secret and the last version only. Raises NothingToSignWith.
    """
    keys = _keys(secrets)
    if not versions:
        raise NothingToSignWith("the project has no signature version to sign with")
    if not advanced:
        return _signed(payload, keys[-1], versions[-1])
    message = b"%d,%b" % (timestamp, payload)
    signatures = (
        f"v{number}={_signed(message, key, version)}" for number, version in enumerate(versions, 1) for key in keys
    )
    return f"t={timestamp},{','.join(signatures)}"


def standard_headers(payload: bytes, *, message_id: str, timestamp: int, secrets: Sequence[str]) -> dict[str, str]:
    """Return the headers of Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

    `message_id` is the same at each attempt of a delivery; it holds no dot. Raises NothingToSignWith.
    """
    message = f"{message_id}.{timestamp}.".encode() + payload
    signatures = (b64encode(hmac.digest(_standard_key(key), message, "sha256")).decode() for key in _keys(secrets))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def svix_headers(payload: bytes, *, message_id: str, timestamp: int, secrets: Sequence[str]) -> dict[str, str]:
    """Return the same headers by their older names, which Svix's libraries verify: `svix-id` and others."""
    standard = standard_headers(payload, message_id=message_id, timestamp=timestamp, secrets=secrets)
    return {name.replace("webhook-", "svix-"): value for name, value in standard.items()}


def standard_secret(secret: str) -> str:
    """Return an endpoint's secret as the libraries of Standard Webhooks want it: `whsec_` and base64."""
    return STANDARD_PREFIX + b64encode(_standard_key(secret.encode())).decode()


def _keys(secrets: Sequence[str]) -> list[bytes]:
    # Anybody can sign with an empty key.
    keys = [secret.encode() for secret in secrets if secret]
    if not keys:
        raise NothingToSignWith(NO_SECRET)
    return keys


def _signed(message: bytes, key: bytes, version: Mapping[str, str]) -> str:
    hash_name, encode = HASHES.get(version["hash"]), ENCODINGS.get(version["encoding"])
    if hash_name is None or encode is None:
        raise NothingToSignWith("the project's signature has a hash or an encoding that is not known")
    return encode(hmac.digest(key, message, hash_name))


def _standard_key(secret: bytes) -> bytes:
    """Return the key that a secret of `whsec_` and base64, padded or not, encodes; else the whole secret."""
    prefix, rest = secret[: len(STANDARD_PREFIX)], secret[len(STANDARD_PREFIX) :]
    if prefix == STANDARD_PREFIX.encode():
        try:
            return b64decode(rest + b"=" * (-len(rest) % 4), validate=True) or secret
        except binascii.Error:
            pass
    return secret
