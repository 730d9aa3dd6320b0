"""Read the event catalogue for a customer: the project's event types, and the endpoints that listen to them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core.highlight import Shown, highlighted
from deliveries.health import endpoint_health
from deliveries.reads import COUNTED_AT_MOST
from endpoints.models import Endpoint
from portal import operations
from portal.exceptions import NoSuchEventType
from portal.filter_words import filter_words
from portal.trials import payload_text
from portal.words import Pill, counted, endpoint_pill, group_of, number
from portal_links.access import Access
from projects.models import EVERY_TYPE, EventType
from subscriptions.choice import filters_of
from subscriptions.examples import SchemaRow, make_example, schema_rows
from subscriptions.models import Filter

#: Where there are more types than this, a page shows one group at a time. It never shows more rows.
MOST_ROWS = 150
MOST_GROUPS = 200
#: Stands for the types without a prefix in the address.
UNGROUPED = "*"
#: The most endpoints that an event type's page lists.
MOST_ENDPOINTS = 50
#: The endpoints that are moved at once: each takes some ten milliseconds and statements, in one transaction.
MOST_MOVED = 25
#: The members of a JSON schema that say what takes the place of a deprecated type, and the last day it is sent.
REPLACED_BY, SENT_UNTIL = "x-replaced-by", "x-sent-until"


@dataclass(frozen=True, slots=True)
class Row:
    """An event type in the catalogue."""

    name: str
    description: str
    is_deprecated: bool
    #: The customer's endpoints that listen to it.
    listening: int

    @property
    def listening_words(self) -> str:
        """Return the number of endpoints in words; blank for none."""
        if not self.listening:
            return ""
        words = ngettext("%(count)s endpoint", "%(count)s endpoints", self.listening)
        return words % {"count": number(self.listening)}


@dataclass(frozen=True, slots=True)
class Group:
    """The event types with one prefix."""

    #: The prefix; "" for the types that have none.
    key: str
    count: int
    rows: list[Row]

    @property
    def title(self) -> str:
        """Return the heading."""
        return self.key.replace("_", " ").replace("-", " ").capitalize() if self.key else gettext("Other events")


def catalogue(access: Access, *, q: str = "", is_mine: bool = False, group: str = "") -> dict[str, Any]:
    """Return the context of the catalogue. Three statements.

    `q` is searched for in types, descriptions and schemas, `is_mine` leaves out what no endpoint listens to, and
    `group` is the one group that is shown where there are many types, UNGROUPED for the types without a prefix.
    The first COUNTED_AT_MOST by name are read.
    """
    types = _types(access).defer("json_schema")
    if q:
        schema = Cast("json_schema", TextField())
        types = types.annotate(schema_text=schema).filter(
            Q(name__icontains=q) | Q(description__icontains=q) | Q(schema_text__icontains=q)
        )
    listening = _listening(access)
    if is_mine and not listening[""]:
        types = types.filter(name__in=listening.keys())
    found = [
        Row(row.name, row.description.strip(), row.deprecated_at is not None, listening.get(row.name, listening[""]))
        for row in types[: COUNTED_AT_MOST + 1]
    ]
    if is_mine:
        found = [row for row in found if row.listening]
    counts = Counter(group_of(row.name) for row in found)
    keys = sorted(counts, key=lambda key: (not key, key))[:MOST_GROUPS]
    is_large = len(found) > MOST_ROWS and not q
    asked = "" if group == UNGROUPED else group or None
    shown = ([asked] if asked is not None and asked in counts else keys[:1]) if is_large else keys
    groups, left = [], MOST_ROWS
    for key in shown:
        rows = [row for row in found if group_of(row.name) == key][:left]
        left -= len(rows)
        groups.append(Group(key, counts[key], rows))
    return {
        "q": q,
        "is_mine": is_mine,
        "index": [Group(key, counts[key], []) for key in keys],
        "groups": [group for group in groups if group.rows],
        "current": shown[0] if shown else "",
        "is_large": is_large,
        "is_cut": len(found) > COUNTED_AT_MOST
        or sum(len(group.rows) for group in groups) < sum(counts[key] for key in shown),
        "hits": _hits(len(found)),
    }


def _hits(count: int) -> str:
    return ngettext("%(count)s event type", "%(count)s event types", count) % {"count": counted(count)}


def _types(access: Access) -> "QuerySet[EventType]":
    return EventType.objects.filter(project=access.project).exclude(name=EVERY_TYPE).order_by("name")


def _filters(access: Access) -> "QuerySet[Filter]":
    """Return the enabled filters of the customer's endpoints."""
    return Filter.objects.filter(
        enabled_at__isnull=False,
        subscription__deleted_at=None,
        subscription__endpoint__in=access.endpoints().order_by(),
    )


def _listening(access: Access) -> Counter[str]:
    """Return the number of the customer's endpoints that listen to each type; at "" that of those that hear all."""
    hearing_all = _filters(access).filter(event_type=EVERY_TYPE).values("subscription__endpoint")
    every = hearing_all.distinct().count()
    named = _filters(access).exclude(event_type=EVERY_TYPE).exclude(subscription__endpoint__in=hearing_all)
    counts = named.values_list("event_type").annotate(Count("subscription__endpoint", distinct=True)).order_by()
    return Counter({"": every} | {name: every + count for name, count in counts})


# One event type


@dataclass(frozen=True, slots=True)
class Listener:
    """An endpoint that listens to the type: why it does, and how it is."""

    uid: str
    name: str
    how: Any
    pill: Pill


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the payload in words."""

    name: str
    indent: int
    type: str
    is_optional: bool
    description: str
    notes: list[str]
    #: The values it may have, for a short list of texts.
    choices: list[str]


def find_event_type(access: Access, name: str) -> EventType:
    """Return an event type of the project. Raises NoSuchEventType."""
    found = _types(access).filter(name=name).first()
    if found is None:
        raise NoSuchEventType
    return found


def event_type_context(access: Access, found: EventType) -> dict[str, Any]:
    """Return the context of the page of one event type. Four statements."""
    listeners, named = _listeners(access, found.name)
    offered = []
    if operations.may_choose(access) and found.deprecated_at is None:
        heard = [listener.uid for listener in listeners]
        offered = list(access.endpoints().exclude(pk__in=heard).only("uid", "name", "url")[:MOST_ENDPOINTS])
    schema = found.json_schema
    group = group_of(found.name)
    return {
        "type": found,
        "group": Group(group, 0, []),
        "fields": [_field(row) for row in schema_rows(schema)],
        "example": highlighted(payload_text(make_example(schema))) if schema else None,
        "schema": _schema_text(schema) if schema else None,
        "listeners": listeners,
        "offered": offered,
        **_deprecation(access, found, named),
    }


def _schema_text(schema: Any) -> Shown:
    return highlighted(payload_text(schema))


def _listeners(access: Access, name: str) -> tuple[list[Listener], list[str]]:
    """Return the endpoints that listen to a type, and the ids of those that would not without its name."""
    rows = _filters(access).filter(event_type__in=[name, EVERY_TYPE]).select_related("subscription__endpoint")
    rows = rows.only("event_type", "conditions", "subscription__endpoint__uid", "subscription__endpoint__name")
    by_endpoint: dict[str, dict[str, Filter]] = {}
    names: dict[str, str] = {}
    for row in rows.order_by("subscription__endpoint__name", "pk"):
        endpoint = row.subscription.endpoint
        by_endpoint.setdefault(endpoint.pk, {})[row.event_type] = row
        names[endpoint.pk] = endpoint.name
    shown = list(by_endpoint)[:MOST_ENDPOINTS]
    health = endpoint_health(shown) if shown else {}
    listeners = [
        Listener(uid, names[uid], _how(by_endpoint[uid], name), endpoint_pill(health[uid].status))
        for uid in shown
        if uid in health
    ]
    return listeners, [uid for uid, found in by_endpoint.items() if EVERY_TYPE not in found]


def _how(found: dict[str, Filter], name: str) -> Any:
    deciding = found.get(name) or found[EVERY_TYPE]
    if deciding.conditions:
        words = filter_words(deciding.conditions)
        return format_html(gettext("if {conditions}"), conditions=words)
    return "" if name in found else gettext("All events")


def _deprecation(access: Access, found: EventType, named: Sequence[str]) -> dict[str, Any]:
    """Return the context of the notice about a deprecated type."""
    if found.deprecated_at is None:
        return {}
    schema = found.json_schema or {}
    replacement = schema.get(REPLACED_BY)
    is_known = isinstance(replacement, str) and _types(access).filter(name=replacement, deprecated_at=None).exists()
    still = ngettext(
        "%(count)s of your endpoints still listens to it.",
        "%(count)s of your endpoints still listen to it.",
        len(named),
    )
    return {
        "since": found.deprecated_at,
        "until": _day(schema.get(SENT_UNTIL)),
        "replacement": replacement if is_known else "",
        "still": still % {"count": number(len(named))} if named else "",
        "to_move": min(len(named), MOST_MOVED) if is_known and operations.may_choose(access) else 0,
    }


def _day(value: Any) -> str:
    try:
        return date_format(date.fromisoformat(value[:10]), "DATE_FORMAT")
    except (TypeError, ValueError):
        return ""


TYPES = {
    "string": _("string"),
    "number": _("number"),
    "integer": _("integer"),
    "boolean": _("boolean"),
    "object": _("object"),
    "array": _("list"),
    "null": _("null"),
}
LISTS = {
    "string": _("list of strings"),
    "number": _("list of numbers"),
    "integer": _("list of integers"),
    "boolean": _("list of booleans"),
    "object": _("list of objects"),
    "array": _("list of lists"),
}
#: Values that a field names itself, where they are few.
MOST_CHOICES = 6


def _field(row: SchemaRow) -> Field:
    texts = [value for value in row.choices if isinstance(value, str) and len(value) <= 40]
    is_short = 0 < len(row.choices) == len(texts) <= MOST_CHOICES
    return Field(
        name=row.name,
        indent=min(row.depth, 2),
        type=_type_words(row),
        is_optional=not row.is_required,
        description=row.description,
        notes=[note for note in map(_note, row.bounds.items()) if note],
        choices=texts if is_short else [],
    )


def _type_words(row: SchemaRow) -> str:
    if row.choices:
        count = len(row.choices)
        return ngettext("one of %(count)s", "one of %(count)s", count) % {"count": number(count)}
    names = [
        str(
            LISTS.get(row.item_types[0], TYPES["array"])
            if name == "array" and row.item_types
            else TYPES.get(name, name)
        )
        for name in row.types
    ]
    if len(names) == 2:
        return gettext("%(first)s or %(second)s") % {"first": names[0], "second": names[1]}
    return ", ".join(names) or gettext("any")


def _note(bound: tuple[str, Any]) -> str:
    """Put a bound of a field in words; blank for those that help nobody."""
    word, value = bound
    if word == "default" and isinstance(value, bool | int | float | str):
        shown = str(value).lower() if isinstance(value, bool) else str(value)[:40]
        return gettext("%(value)s if absent.") % {"value": shown}
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:
        return gettext("Format: %(value)s.") % {"value": value[:40]} if word == "format" and value else ""
    match word:
        case "minimum":
            return gettext("At least %(value)s.") % {"value": number(value)}
        case "maximum":
            return gettext("At most %(value)s.") % {"value": number(value)}
        case "exclusiveMinimum":
            return gettext("More than %(value)s.") % {"value": number(value)}
        case "exclusiveMaximum":
            return gettext("Less than %(value)s.") % {"value": number(value)}
        case "minItems":
            return ngettext("At least %(value)s item.", "At least %(value)s items.", int(value)) % {
                "value": number(value)
            }
        case "maxItems":
            return ngettext("At most %(value)s item.", "At most %(value)s items.", int(value)) % {
                "value": number(value)
            }
        case "maxLength":
            return ngettext("At most %(value)s character.", "At most %(value)s characters.", int(value)) % {
                "value": number(value)
            }
    return ""


# Changes


def listen(access: Access, endpoint_id: str, event_type: str) -> Endpoint:
    """Let an endpoint of the customer listen to one more event type. Raises DomainError."""
    found = operations.find_endpoint(access, endpoint_id)
    heard = {row.event_type for row in filters_of(access.project.pk, endpoint_id, scope=access.endpoints())}
    operations.update_event_types(access, endpoint_id, sorted({*heard, event_type}))
    return found


def move_listeners(access: Access, old: EventType) -> int:
    """Let endpoints that name a deprecated type listen to its replacement in its place, with its conditions.

    Those that hear all events are left alone: they hear the replacement, and no choice of types ends the old one.
    Return the number of endpoints: the first MOST_MOVED, all or none. Raises DomainError.
    """
    replacement = (old.json_schema or {}).get(REPLACED_BY)
    if not isinstance(replacement, str):
        raise NoSuchEventType
    hearing_all = _filters(access).filter(event_type=EVERY_TYPE).values("subscription__endpoint")
    rows = _filters(access).filter(event_type=old.name).exclude(subscription__endpoint__in=hearing_all)
    with transaction.atomic():
        endpoint_ids = sorted(set(rows.values_list("subscription__endpoint", flat=True)))[:MOST_MOVED]
        moved = 0
        for uid in endpoint_ids:
            filters = {row.event_type: row for row in filters_of(access.project.pk, uid, scope=access.endpoints())}
            if old.name not in filters:
                # Somebody else has changed it in the meantime.
                continue
            moved += 1
            types = sorted({*filters, replacement} - {old.name})
            operations.update_event_types(access, uid, types)
            if replacement not in filters and filters[old.name].conditions:
                operations.update_conditions(access, uid, replacement, filters[old.name].conditions)
    return moved
