"""Encrypt secrets at rest: AES-256-GCM under a key from the environment, bound to their column and their row.

A stored value is `key id (4 bytes) | nonce (12) | ciphertext and tag`. The first key of
ENCRYPTION_KEYS encrypts, every listed key decrypts; `manage.py reencrypt` moves rows to the first
(docs/operations.md). Why not Fernet: docs/adr/0004. How a value is bound to its row, and how older values are read,
which are bound to their column only: docs/adr/0013.
"""

import base64
import hashlib
import os
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.query_utils import DeferredAttribute

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


class _Cipher(NamedTuple):
    """A key, and whether the values under this id of it are bound to their row."""

    opens: AESGCM
    is_bound: bool


@cache
def _ciphers(keys: tuple[bytes, ...]) -> dict[bytes, _Cipher]:
    """Return the ciphers by the ids that values begin with: each key has one id for values that are bound to a row,
    and another for those that were encrypted before there were such.
    """
    bound = {hashlib.sha256(b"row" + key).digest()[:ID_BYTES]: _Cipher(AESGCM(key), True) for key in keys}
    return bound | {hashlib.sha256(key).digest()[:ID_BYTES]: _Cipher(AESGCM(key), False) for key in keys}


def _current() -> dict[bytes, _Cipher]:
    return _ciphers(tuple(settings.ENCRYPTION_KEYS))


def encrypt(plain: bytes, context: str, row: str) -> bytes:
    """Encrypt `plain` for the place named by `context` ("table.column") and the primary key of the row."""
    key_id, cipher = next(iter(_current().items()))
    nonce = os.urandom(NONCE_BYTES)
    return key_id + nonce + cipher.opens.encrypt(nonce, plain, f"{context}\0{row}".encode())


def decrypt(stored: bytes | memoryview, context: str, row: str) -> bytes:
    """Decrypt a value that `encrypt` made for the same `context` and `row`. Raises UndecryptableValue."""
    return decrypter(context)(bytes(stored), row)


def decrypter(context: str) -> Callable[[bytes, str], bytes]:
    """Return a function that decrypts values of one `context`, and looks up once what all of them share.

    The look-ups are more than half the time of a short value: an endpoint's secret takes 0.8 µs instead of 2.
    """
    ciphers = _current()
    column = context.encode()
    beginning = column + b"\0"
    ciphertext_at = ID_BYTES + NONCE_BYTES

    def open_value(stored: bytes, row: str) -> bytes:
        try:
            cipher, is_bound = ciphers[stored[:ID_BYTES]]
            place = beginning + row.encode() if is_bound else column
            return cipher.decrypt(stored[ID_BYTES:ciphertext_at], stored[ciphertext_at:], place)
        except KeyError:
            raise UndecryptableValue(f"no key of ENCRYPTION_KEYS decrypts this value of {context}") from None
        except (InvalidTag, ValueError):
            raise UndecryptableValue(f"a value of {context} was changed or moved after it was encrypted") from None

    return open_value


def is_current(stored: bytes | memoryview) -> bool:
    """Return whether a stored value is encrypted under the first key, and bound to its row."""
    return bytes(stored)[:ID_BYTES] == next(iter(_current()))


@cache
def context_of(model: type[models.Model], name: str) -> str:
    """Return the context that binds the values of a model's encrypted field, for code that reads the column itself.

    Raises TypeError where the field is not encrypted.
    """
    field = model._meta.get_field(name)
    if not isinstance(field, EncryptedJSONField):
        raise TypeError(f"{model.__name__}.{name} is not encrypted")
    return field.context


class Stored(bytes):
    """The bytes of a value as the database has them. They are opened, or written, together with their row."""


class Dumped(Stored):
    """The bytes of a value in a dump. Loading writes them as they are: Django asks no field before it loads a row."""


class _Opened(DeferredAttribute):
    """The attribute of a field: decrypts its value when it is first read, as the row is known by then."""

    field: "EncryptedJSONField"

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if type(value) is Stored:
            value = orjson.loads(decrypt(value, self.field.context, str(instance.pk)))
            instance.__dict__[self.field.attname] = value
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        # With this, Python asks __get__ for values that are set, too.
        instance.__dict__[self.field.attname] = value


class EncryptedJSONField(models.BinaryField):  # type: ignore[type-arg]  # not generic at run time
    """A JSON value that is encrypted in the database and plain in Python. It cannot be searched.

    It belongs to its row, so it is written by save(): a query that updates rows at once has no row to bind it to.
    """

    descriptor_class = _Opened

    @property
    def context(self) -> str:
        """Return the column that a value is bound to: "table.column"."""
        return f"{self.model._meta.db_table}.{self.column}"

    def sealed(self, value: Any, row: str) -> Stored | None:
        """Return a value as the row of this primary key stores it."""
        return None if value is None else Stored(encrypt(orjson.dumps(value), self.context, row))

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Stored | None:
        """Keep the bytes that were read from the database: the row is not known here."""
        return None if value is None else Stored(value)

    def to_python(self, value: Any) -> Any:
        """Return the bytes of a text that `value_to_string` wrote, and any other value as it is."""
        return Dumped(base64.b64decode(value)) if isinstance(value, str) else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Stored | None:
        """Encrypt the value of a row that is to be written."""
        return self.sealed(getattr(model_instance, self.attname), str(model_instance.pk))

    def get_prep_value(self, value: Any) -> Any:
        """Return encrypted bytes. Raises TypeError for a value that has no row."""
        if value is not None and not isinstance(value, Stored):
            raise TypeError(f"{self.context} is encrypted for its row: write it with save()")
        return value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Return the encrypted bytes for the driver."""
        value = value if prepared else self.get_prep_value(value)
        return bytes(value) if isinstance(value, Stored) else value

    def value_to_string(self, obj: models.Model) -> str:
        """Return the value encrypted, so that dumps hold no secret."""
        stored = self.sealed(self.value_from_object(obj), str(obj.pk))
        return "" if stored is None else base64.b64encode(stored).decode()
