"""Random credentials, and the digests that are stored in their place.

Every credential made here has well over 128 bits of entropy, so one keyed SHA-256 is enough: a slow
hash protects guessable passwords, and would only slow each request down.
"""

import hmac
import secrets
import string

from django.conf import settings

ALPHANUMERIC = string.ascii_letters + string.digits
SECRET_ALPHABET = ALPHANUMERIC + "_-"


def random_text(length: int, alphabet: str = ALPHANUMERIC) -> str:
    """`length` characters drawn from `alphabet` by the system's random source."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


def digest(credential: str) -> bytes:
    """HMAC-SHA256 of a credential under API_KEY_PEPPER: 32 bytes."""
    return hmac.digest(settings.API_KEY_PEPPER, credential.encode(), "sha256")


def matches(credential: str, stored: bytes | memoryview) -> bool:
    """Whether `stored` is the digest of `credential`, in constant time."""
    return hmac.compare_digest(digest(credential), bytes(stored))
