"""Read and make the secrets of Svix's endpoints: `whsec_` and a key in base64.

Contract: docs/contract/svix.md#secrets.
"""

import binascii
import secrets
from base64 import b64decode, b64encode

from rest_framework import serializers

from outbound.signatures import STANDARD_PREFIX

SECRET_PATTERN = r"^(whsec_)?[a-zA-Z0-9+/]{32,100}={0,2}$"
LEAST_BYTES, MOST_BYTES = 24, 75


def stored_secret(sent: str) -> str:
    """Return a secret with its prefix. Raises ValidationError where it is not the base64 of 24 to 75 bytes."""
    text = sent.removeprefix(STANDARD_PREFIX)
    try:
        length = len(b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        length = 0
    if not LEAST_BYTES <= length <= MOST_BYTES:
        raise serializers.ValidationError(
            f"a secret is the base64 of {LEAST_BYTES} to {MOST_BYTES} bytes, after {STANDARD_PREFIX} or without it"
        )
    return STANDARD_PREFIX + text


def new_secret() -> str:
    """Return a new secret."""
    return STANDARD_PREFIX + b64encode(secrets.token_bytes(LEAST_BYTES)).decode()
