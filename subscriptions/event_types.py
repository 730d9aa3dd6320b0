"""Create, update and deprecate event types. Each function owns its transaction.

Contract: docs/contract/event-types.md#rules. Event types are a list for people: they decide neither
which events are accepted nor which subscription gets them.
"""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from jsonschema import Draft7Validator, ValidationError, validators

from core.waiting import the_place_to_compute
from projects.exceptions import ProjectNotFound
from projects.models import EVERY_TYPE, EventType, Project
from subscriptions.exceptions import EventTypeNameBlank, EventTypeNameTaken, EventTypeNotFound, JsonSchemaRefused
from subscriptions.openapi_import import event_types_of

# Bounds of a JSON schema. It is checked against the schema of draft 7, and its references are never followed.
MAX_SCHEMA_BYTES = 131_072
MAX_SCHEMA_DEPTH = 64
#: Checking a larger schema takes tens of milliseconds, so only one such is checked at a time.
LARGE_SCHEMA_BYTES = 16_384


def event_types(project_id: str) -> QuerySet[EventType]:
    """Return the event types of a project, newest first, the deprecated ones too."""
    return EventType.objects.filter(project_id=project_id).order_by("-pk")


def create_event_type(
    project_id: str,
    *,
    name: str,
    category: str = "",
    description: str = "",
    json_schema: dict[str, Any] | None = None,
) -> EventType:
    """Create an event type. `json_schema` is a JSON Schema of draft 7.

    Raises InvalidInput, ProjectNotFound, StillComputing.
    """
    if not name.strip():
        raise EventTypeNameBlank
    check_schema(json_schema)
    if not Project.objects.live().filter(pk=project_id).exists():
        raise ProjectNotFound
    try:
        with transaction.atomic():
            return EventType.objects.create(
                project_id=project_id, name=name, category=category, description=description, json_schema=json_schema
            )
    except IntegrityError:
        raise EventTypeNameTaken from None


def update_event_type(
    project_id: str,
    event_type_id: str,
    *,
    category: str = "",
    description: str = "",
    json_schema: dict[str, Any] | None = None,
) -> EventType:
    """Change what is given, and not empty, of an event type.

    Raises InvalidInput, EventTypeNotFound, StillComputing.
    """
    check_schema(json_schema)
    changes: dict[str, Any] = {"category": category, "description": description}
    changes = {name: text for name, text in changes.items() if text}
    if json_schema is not None:
        changes["json_schema"] = json_schema
    return _change(project_id, event_type_id, changes)


def find_event_type(project_id: str, text: str) -> EventType:
    """Return the event type of a project that is not deprecated, by its id or its name. Raises EventTypeNotFound."""
    live = EventType.objects.filter(project_id=project_id, deprecated_at=None)
    found = live.filter(Q(pk=text) | Q(name=text)).order_by("pk").first()
    if found is None:
        raise EventTypeNotFound
    return found


def create_or_restore_event_type(project_id: str, *, name: str, description: str = "") -> EventType:
    """Create an event type, or bring back a deprecated one of this name, with its schema and a new description.

    Raises InvalidInput, ProjectNotFound.
    """
    gone = EventType.objects.filter(project_id=project_id, name=name, deprecated_at__isnull=False)
    if gone.update(deprecated_at=None, description=description, updated_at=timezone.now()):
        return find_event_type(project_id, name)
    return create_event_type(project_id, name=name, description=description)


def deprecate_event_type(project_id: str, event_type_id: str) -> EventType:
    """Deprecate an event type: its events are sent and matched as before. Raises EventTypeNotFound."""
    return _change(project_id, event_type_id, {"deprecated_at": timezone.now()})


def import_event_types(project_id: str, spec: str, *, archives_others: bool = False) -> list[EventType]:
    """Create or update the event types that an OpenAPI document describes, all or none.

    With `archives_others`, those that it does not describe are archived; one that it describes never stays archived.

    `spec` is its text, YAML or JSON. Where it has no description, the stored one is kept. Returns the
    event types in the document's order. Their schemas are OpenAPI's, and need not be of draft 7.
    Raises InvalidInput, StillComputing.
    """
    return store_event_types(project_id, read_event_types(spec), archives_others=archives_others)


def read_event_types(spec: str) -> list[dict[str, Any]]:
    """Return what an OpenAPI document describes (openapi_import.py). Raises InvalidInput, StillComputing."""
    with the_place_to_compute():
        return event_types_of(spec)


def store_event_types(
    project_id: str, described: Iterable[dict[str, Any]], *, archives_others: bool = False
) -> list[EventType]:
    """Create or update event types, all or none, and return them in the same order. No name occurs twice."""
    found = {each["name"]: each for each in described}
    now = timezone.now()
    with transaction.atomic():
        register(project_id, found)
        rows = EventType.objects.filter(project_id=project_id, name__in=found).order_by("pk").select_for_update()
        by_name = {row.name: row for row in rows}
        for name, each in found.items():
            row = by_name[name]
            row.description = each["description"] or row.description
            row.json_schema = each["json_schema"]
            row.updated_at = now
            set_archived(row, None)
        written = ["description", "json_schema", "updated_at", "archived_at", "deprecated_at"]
        # As an insert of rows that are there: bulk_update() builds a condition for each value, in twenty times the CPU.
        EventType.objects.bulk_create(
            by_name.values(), batch_size=500, update_conflicts=True, unique_fields=["uid"], update_fields=written
        )
        if archives_others:
            others = EventType.objects.filter(project_id=project_id, archived_at=None).exclude(name=EVERY_TYPE)
            others.exclude(name__in=found).update(
                archived_at=now, deprecated_at=Coalesce("deprecated_at", Value(now)), updated_at=now
            )
    return [by_name[name] for name in found]


def put_event_type(project_id: str, name: str, *, creates: bool = False, **changes: Any) -> tuple[EventType, bool]:
    """Set the given `changes` of an event type, which is created where `creates`. Return whether it is new.

    `changes` may hold `description`, `category`, `json_schema`, `is_deprecated` and `is_archived`. Raises InvalidInput,
    EventTypeNotFound.
    """
    check_schema(changes.get("json_schema"))
    now = timezone.now()
    rows = EventType.objects.filter(project_id=project_id, name=name)
    with transaction.atomic():
        is_new = creates and bool(unknown(project_id, [name]))
        if is_new:
            register(project_id, [name])
        row = rows.select_for_update().first()
        if row is None:
            raise EventTypeNotFound
        for field in ("description", "category", "json_schema"):
            setattr(row, field, changes.get(field, getattr(row, field)))
        if "is_deprecated" in changes:
            is_deprecated = row.deprecated_at is not None and row.deprecated_at != row.archived_at
            if changes["is_deprecated"] != is_deprecated:
                # The time of a deprecation must differ from `archived_at`, which tells the two apart.
                row.deprecated_at = now - timedelta(microseconds=1) if changes["is_deprecated"] else row.archived_at
        if "is_archived" in changes:
            set_archived(row, (row.archived_at or now) if changes["is_archived"] else None)
        row.updated_at = row.created_at if is_new else now
        row.save()
    return row, is_new


def set_archived(row: EventType, moment: datetime | None) -> None:
    """Archive an event type from `moment` on, or take it out of the archive. An archived one is deprecated as well."""
    if row.deprecated_at in (None, row.archived_at):
        row.deprecated_at = moment
    row.archived_at = moment


def delete_event_type(project_id: str, name: str) -> None:
    """Delete an event type; events of its name are sent and matched as before. Raises EventTypeNotFound."""
    deleted, _ = EventType.objects.filter(project_id=project_id, name=name).delete()
    if not deleted:
        raise EventTypeNotFound


def register(project_id: str, names: Iterable[str]) -> None:
    """Create the event types that a project does not have yet, within the caller's transaction."""
    # Sorted, so that two transactions cannot block each other.
    rows = [EventType(project_id=project_id, name=name) for name in sorted(unknown(project_id, names))]
    EventType.objects.bulk_create(rows, ignore_conflicts=True)


def unknown(project_id: str, names: Iterable[str]) -> set[str]:
    """Return those of `names` that are not event types of the project."""
    wanted = set(names)
    rows = EventType.objects.filter(project_id=project_id, name__in=wanted)
    return wanted.difference(rows.values_list("name", flat=True))


def _change(project_id: str, event_type_id: str, changes: dict[str, Any]) -> EventType:
    rows = EventType.objects.filter(project_id=project_id, pk=event_type_id)
    with transaction.atomic():
        if not rows.update(**changes, updated_at=timezone.now()):
            raise EventTypeNotFound
        return rows.get()


def _unique_items(_: Any, wanted: Any, value: Any, __: Any) -> Iterator[ValidationError]:
    """Check `uniqueItems` in linear time: the library compares every pair, which takes minutes for a hostile list."""
    if wanted and isinstance(value, list):
        items = {orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in value}
        if len(items) < len(value):
            yield ValidationError("the items of a list are not unique")


_schemas = validators.extend(Draft7Validator, {"uniqueItems": _unique_items})(Draft7Validator.META_SCHEMA)


def check_schema(schema: dict[str, Any] | None) -> None:
    """Raise JsonSchemaRefused for what is not a JSON Schema of draft 7, and for one that is too large to check."""
    if schema is None:
        return
    level: list[Any] = [schema]
    for _ in range(MAX_SCHEMA_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += [*value, *value.values()]
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str) and "\0" in value:
                raise JsonSchemaRefused(reason="it contains a NUL character")
        level = below
    if level:
        raise JsonSchemaRefused(reason=f"it is deeper than {MAX_SCHEMA_DEPTH} levels")
    size = len(orjson.dumps(schema))
    if size > MAX_SCHEMA_BYTES:
        raise JsonSchemaRefused(reason=f"it is longer than {MAX_SCHEMA_BYTES} bytes")
    with the_place_to_compute() if size > LARGE_SCHEMA_BYTES else nullcontext():
        error = next(_schemas.iter_errors(schema), None)
    if error is not None:
        where = "/".join(str(part) for part in error.absolute_path)
        raise JsonSchemaRefused(reason=f"{where[:100]}: {error.message[:200]}")
