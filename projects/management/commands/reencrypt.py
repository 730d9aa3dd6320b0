"""`manage.py reencrypt`: encrypt stored values with the first key, a step of a key rotation (docs/operations.md)."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.models import BinaryField, Model, Value
from django.db.models.functions import Cast

from core.encryption import EncryptedJSONField, UndecryptableValue, decrypt, encrypt, is_current

BATCH = 1_000


class Command(BaseCommand):
    """Encrypts every stored value with the first key of ENCRYPTION_KEYS and for its row, unless it is already."""

    help = "Encrypt everything with the first key of ENCRYPTION_KEYS. Safe to run again, and while servers run."

    def handle(self, *args: Any, **options: Any) -> None:
        """Re-encrypt every encrypted column. Raises CommandError where values are left."""
        # Each value is a commit of its own, and commits that do not wait for the disk are six times as fast. A crash
        # can undo the last second of commits; their values are then under the old key, and still readable.
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
        total: Counter[str] = Counter()
        for model in apps.get_models():
            for field in model._meta.local_concrete_fields:
                if isinstance(field, EncryptedJSONField):
                    counts = Counter(self.reencrypt(model, field))
                    self.stdout.write(
                        f"{field.context}: {counts['done']} re-encrypted, {counts['current']} already current, "
                        f"{counts['busy']} changed meanwhile, {counts['lost']} undecryptable"
                    )
                    total += counts
        if total["lost"]:
            raise CommandError("no key of ENCRYPTION_KEYS decrypts some values: add the missing key again")
        if total["busy"]:
            raise CommandError("some values were changed meanwhile: run this command again")

    def reencrypt(self, model: type[Model], field: EncryptedJSONField) -> Iterator[str]:
        """Re-encrypt one column; yields the result of each value."""
        for pk, stored in _values(model, field):
            if is_current(stored):
                yield "current"
                continue
            try:
                value = encrypt(decrypt(stored, field.context, str(pk)), field.context, str(pk))
            except UndecryptableValue as error:
                self.stderr.write(f"{pk}: {error}", str)
                yield "lost"
                continue
            # Only the value that was read is replaced: one that was written since then is newer.
            unchanged = _stored(model, field).filter(pk=pk, stored=stored)
            yield "done" if unchanged.update(**{field.name: Value(value, BinaryField())}) else "busy"


def _stored(model: type[Model], field: EncryptedJSONField) -> Any:
    """Return the model's rows with the column's bytes, as they are stored, in `stored`."""
    return model._base_manager.annotate(stored=Cast(field.name, BinaryField()))


def _values(model: type[Model], field: EncryptedJSONField) -> Iterator[tuple[Any, bytes]]:
    """Yield each value of the column with its row's primary key. BATCH are read at a time, without a lock."""
    rows = _stored(model, field).exclude(stored=None).order_by("pk").values_list("pk", "stored")
    batch = rows[:BATCH]
    while found := list(batch):
        yield from ((pk, bytes(stored)) for pk, stored in found)
        batch = rows.filter(pk__gt=found[-1][0])[:BATCH]
