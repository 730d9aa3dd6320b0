"""Make random credentials, and the digests that are stored instead of them.

Every credential made here has well over 128 bits of entropy, so one keyed SHA-256 is enough. A slow hash protects
passwords that can be guessed; here it would only slow down each request.
"""

import hmac
import secrets
import string
from functools import cache

from django.conf import settings

ALPHANUMERIC = string.ascii_letters + string.digits
SECRET_ALPHABET = ALPHANUMERIC + "_-"


def random_text(length: int, alphabet: str = ALPHANUMERIC) -> str:
    """Return `length` characters of `alphabet`, drawn by the system's random source.

    Bytes are drawn together, as each draw asks the system. Those at or above the greatest multiple of the alphabet's
    size stand for no character: with them, the first characters would come more often than the others.
    """
    size = len(alphabet)
    usable = 256 - 256 % size
    text = ""
    while len(text) < length:
        text += "".join([alphabet[byte % size] for byte in secrets.token_bytes(2 * length) if byte < usable])
    return text[:length]


def digest(credential: str) -> bytes:
    """Return the HMAC-SHA256 of a credential under API_KEY_PEPPER, in 32 bytes."""
    code = _keyed(settings.API_KEY_PEPPER).copy()
    code.update(credential.encode())
    return code.digest()


@cache
def _keyed(pepper: bytes) -> hmac.HMAC:
    """Return the keyed code of which each digest is a copy: to look up the algorithm takes longer than a digest."""
    return hmac.new(pepper, digestmod="sha256")


def matches(credential: str, stored: bytes | memoryview) -> bool:
    """Tell, in constant time, whether `stored` is the digest of `credential`."""
    return hmac.compare_digest(digest(credential), bytes(stored))
