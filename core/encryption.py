"""Encrypt secrets at rest: AES-256-GCM under a key from the environment, bound to their column.

A stored value is `key id (4 bytes) | nonce (12) | ciphertext and tag`. The first key of
ENCRYPTION_KEYS encrypts, every listed key decrypts; `manage.py reencrypt` moves rows to the first
(docs/operations.md). Why not Fernet: docs/adr/0004.
"""

import base64
import hashlib
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

KEY_BYTES = 32
ID_BYTES = 4
NONCE_BYTES = 12


class UndecryptableValue(Exception):
    """A stored value was encrypted under a key that is not in ENCRYPTION_KEYS, or was tampered with."""


def parse_keys(text: str) -> list[bytes]:
    """Read the keys of ENCRYPTION_KEYS: url-safe base64 of 32 bytes each, separated by commas.

    Raises ImproperlyConfigured.
    """
    keys = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            key = base64.b64decode(part.translate({45: "+", 95: "/"}), validate=True)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise ImproperlyConfigured("ENCRYPTION_KEYS must be base64 of 32 bytes each, separated by commas")
        keys.append(key)
    if not keys:
        raise ImproperlyConfigured("ENCRYPTION_KEYS must be set")
    return keys


@cache
def _ciphers(keys: tuple[bytes, ...]) -> dict[bytes, AESGCM]:
    return {hashlib.sha256(key).digest()[:ID_BYTES]: AESGCM(key) for key in keys}


def _current() -> dict[bytes, AESGCM]:
    return _ciphers(tuple(settings.ENCRYPTION_KEYS))


def encrypt(plain: bytes, context: str) -> bytes:
    """Encrypt `plain` for the place named by `context` ("table.column")."""
    key_id, cipher = next(iter(_current().items()))
    nonce = os.urandom(NONCE_BYTES)
    return key_id + nonce + cipher.encrypt(nonce, plain, context.encode())


def decrypt(stored: bytes | memoryview, context: str) -> bytes:
    """Decrypt a value that `encrypt` made for the same `context`. Raises UndecryptableValue."""
    return decrypter(context)(bytes(stored))


def decrypter(context: str) -> Callable[[bytes], bytes]:
    """Return a function that decrypts values of one `context`, and looks up once what all of them share.

    The look-ups are more than half the time of a short value: an endpoint's secret takes 0.8 µs instead of 2.
    """
    ciphers = _current()
    bound_to = context.encode()
    ciphertext_at = ID_BYTES + NONCE_BYTES

    def open_value(stored: bytes) -> bytes:
        try:
            cipher = ciphers[stored[:ID_BYTES]]
            return cipher.decrypt(stored[ID_BYTES:ciphertext_at], stored[ciphertext_at:], bound_to)
        except KeyError:
            raise UndecryptableValue(f"no key of ENCRYPTION_KEYS decrypts this value of {context}") from None
        except (InvalidTag, ValueError):
            raise UndecryptableValue(f"a value of {context} was changed after it was encrypted") from None

    return open_value


def is_current(stored: bytes | memoryview) -> bool:
    """Tell whether a stored value is encrypted under the first key."""
    return bytes(stored)[:ID_BYTES] == next(iter(_current()))


def context_of(model: type[models.Model], name: str) -> str:
    """Return the context that binds the values of a model's encrypted field, for code that reads the column itself.

    Raises TypeError where the field is not encrypted.
    """
    field = model._meta.get_field(name)
    if not isinstance(field, EncryptedJSONField):
        raise TypeError(f"{model.__name__}.{name} is not encrypted")
    return field.context


class EncryptedJSONField(models.BinaryField):  # type: ignore[type-arg]  # not generic at run time
    """A JSON value that is encrypted in the database and plain in Python. It cannot be searched."""

    @property
    def context(self) -> str:
        """Return the place that a value is bound to: "table.column"."""
        return f"{self.model._meta.db_table}.{self.column}"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Decrypt a value that was read from the database."""
        return None if value is None else orjson.loads(decrypt(value, self.context))

    def to_python(self, value: Any) -> Any:
        """Decrypt a text that `value_to_string` wrote; return any other value as it is."""
        return orjson.loads(decrypt(base64.b64decode(value), self.context)) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> bytes | None:
        """Encrypt a value that is to be written."""
        return None if value is None else encrypt(orjson.dumps(value), self.context)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Return the encrypted bytes for the driver."""
        return value if prepared else self.get_prep_value(value)

    def value_to_string(self, obj: models.Model) -> str:
        """Return the value encrypted, so that dumps hold no secret."""
        stored = self.get_prep_value(self.value_from_object(obj))
        return "" if stored is None else base64.b64encode(stored).decode()
