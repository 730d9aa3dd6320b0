"""Write the rows of an owner as JSON lines, without secrets, before they are deleted."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import BinaryField, Model

from activity.models import Activity
from core.encryption import EncryptedJSONField
from endpoints.models import AlertSettings, Endpoint, Notification
from engine.forgetting.owner import Owner
from engine.forgetting.rows import DELETED, KEPT, LEADING, PIECE
from engine.forgetting.run import stripped
from events.models import Event
from projects.models import APIKey

#: Columns that are secret by themselves, beside all encrypted ones and all digests. Whoever has a chat's URL may write
#: to the chat, and the text of a mail may hold a link that confirms an address.
_SECRET = {
    Endpoint: {"slack_webhook_url", "teams_webhook_url"},
    Notification: {"text"},
    APIKey: {"mask"},
}
#: The members of encrypted columns that are data of the owner's and no secret.
_OPEN: dict[type[Model], Callable[[Any], dict[str, Any]]] = {
    AlertSettings: lambda row: {name: row.chosen[name] for name in ("on", "email") if name in row.chosen},
}


def export_rows(owner: Owner, path: Path) -> int:
    """Write one JSON object a row to a new file that only its user can read. Returns the number of rows.

    Raises FileExistsError. The file is on the disk when this returns.
    """
    number = 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        for line in _lines(owner):
            file.write(json.dumps(line, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n")
            number += 1
        file.flush()
        os.fsync(file.fileno())
    return number


def _lines(owner: Owner) -> Iterator[dict[str, Any]]:
    for kind in (each for each in (*DELETED, *LEADING) if each.is_exported):
        for row in kind.rows(owner).order_by("pk").iterator(PIECE):
            yield _line(kind.noun, row)
        for part in kind.parts:
            ids = kind.rows(owner).values("pk")
            rows = part.model._base_manager.filter(**{f"{part.column}__in": ids}).order_by("pk")
            for row in rows.iterator(PIECE):
                yield _line(part.noun, row)
    [shared] = [kind for kind in KEPT if kind.noun == "events"]
    for event in stripped(owner, shared):
        # The export does not tell to which other owners it went.
        yield _line("events", event) | {"endpoints": _own_endpoints(owner, event), "is_shared": True}


def _own_endpoints(owner: Owner, event: Event) -> list[str]:
    [before] = Event.objects.filter(pk=event.pk).values_list("endpoints", flat=True)
    return [uid for uid in before if owner.names(event.pk, uid)]


def _line(noun: str, row: Model) -> dict[str, Any]:
    if isinstance(row, Activity):
        # It names the owner before or after.
        row.changes.pop("owner_id", None)
    left_out = _SECRET.get(type(row), set())
    fields = [
        field
        for field in row._meta.local_concrete_fields
        if not isinstance(field, (EncryptedJSONField, BinaryField)) and field.name not in left_out
    ]
    values = {field.attname: field.value_from_object(row) for field in fields}
    return {"rows": noun} | values | _OPEN.get(type(row), lambda row: {})(row)
