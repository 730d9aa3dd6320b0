"""Make an example payload from the JSON Schema of an event type, and list the schema's fields.

Both are bounded, whatever the schema says: a schema within itself ends, and no example is larger than MAX_BYTES.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeGuard
from uuid import UUID

from core.json_text import json_text
from core.tokens import SECRET_ALPHABET
from subscriptions.schema_reading import Level, Schema, read_level

MAX_DEPTH = 10
MAX_VALUES = 500
MAX_BYTES = 65_536
MAX_ROWS = 300
#: The items of a list in an example, where the schema does not ask for more.
ITEMS, MAX_ITEMS = 1, 5
MAX_TEXT = 200
#: The digits of an invented id.
ID_DIGITS = 8

_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "indigo", "juniper")
_FIRST_DAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class SchemaRow:
    """A field of a payload: its place, and what the schema says of it."""

    #: The names from the outermost field to this one.
    path: tuple[str, ...]
    types: tuple[str, ...]
    #: The types of a list's items.
    item_types: tuple[str, ...]
    is_required: bool
    description: str
    #: The values it may have; none given where it may have any.
    choices: tuple[Any, ...]
    #: Keywords that bound it, such as {"minimum": 0}.
    bounds: dict[str, Any]

    @property
    def name(self) -> str:
        """Return the name of the field within its object."""
        return self.path[-1]

    @property
    def depth(self) -> int:
        """Return the number of fields that it stands in."""
        return len(self.path) - 1


def make_example(schema: Schema | None, *, number: int = 0) -> Any:
    """Return a payload that fits the schema; `number` chooses among those that it can make.

    An example of the schema takes precedence over its default, the default over the first of its `enum`, and these
    over a value that is made up from `type` and `format`. Without a schema the payload is an object with a text.
    """
    if not schema:
        return {"message": "This is a test event."}
    made = _Maker(schema, Random(number), number).value(schema, name="", depth=0, followed=frozenset())  # noqa: S311
    return made if len(json_text(made).encode()) <= MAX_BYTES else {}


def schema_rows(schema: Schema | None) -> list[SchemaRow]:
    """Return the fields of a schema, each followed by those in it, at most MAX_ROWS."""
    rows: list[SchemaRow] = []
    if schema:
        level = read_level(schema, schema)
        _list_fields(rows, schema, _within(schema, level), ())
    return rows


_BOUNDS = (
    *("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"),
    *("minItems", "maxItems", "minLength", "maxLength", "pattern", "format", "default"),
)


def _list_fields(rows: list[SchemaRow], document: Schema, level: Level, path: tuple[str, ...]) -> None:
    required = level.required
    for name, schema in level.properties():
        if len(rows) >= MAX_ROWS:
            return
        field = read_level(document, schema, level.followed)
        within = _within(document, field)
        keywords = field.keywords
        choices = [keywords["const"]] if "const" in keywords else keywords.get("enum")
        description = keywords.get("description")
        rows.append(
            SchemaRow(
                path=(*path, name),
                types=field.types,
                item_types=within.types if field.type == "array" else (),
                is_required=name in required,
                description=description.strip() if isinstance(description, str) else "",
                choices=tuple(choices) if isinstance(choices, list) else (),
                bounds={word: keywords[word] for word in _BOUNDS if word in keywords},
            )
        )
        if len(path) + 1 < MAX_DEPTH:
            _list_fields(rows, document, within, (*path, name))


def _within(document: Schema, level: Level) -> Level:
    """Return the level that holds the fields: that of the items of a list, else this one."""
    return read_level(document, level.items(), level.followed) if level.type == "array" else level


class _Maker:
    """Makes the values of one example, until its bounds are used up."""

    def __init__(self, document: Schema, random: Random, number: int) -> None:
        self.document, self.random, self.number = document, random, number
        self.values_left, self.bytes_left = MAX_VALUES, MAX_BYTES

    def value(self, schema: Any, *, name: str, depth: int, followed: frozenset[str]) -> Any:
        level = read_level(self.document, schema, followed)
        self.values_left -= 1
        given = self._given(level.keywords)
        if given is not _NOTHING:
            return given
        match level.type:
            case "object":
                return self._object(level, depth)
            case "array":
                return self._list(level, name, depth)
            case "string":
                return self._text(level.keywords, name)
            case "integer" | "number":
                return self._number(level.keywords, whole=level.type == "integer")
            case "boolean":
                return bool(self.random.getrandbits(1))
            case "null":
                return None
        return f"{name or 'value'} {self._word()}"

    def _given(self, keywords: Schema) -> Any:
        """Return a value that the schema itself gives, if it is not too large; else _NOTHING."""
        candidates = [keywords["const"]] if "const" in keywords else []
        examples = keywords.get("examples")
        if isinstance(examples, list) and examples:
            candidates.append(examples[self.number % len(examples)])
        candidates += [keywords[word] for word in ("example", "default") if word in keywords]
        choices = keywords.get("enum")
        if isinstance(choices, list) and choices:
            candidates.append(choices[self.number % len(choices)])
        for candidate in candidates:
            size = len(json_text(candidate).encode())
            if size <= self.bytes_left:
                self.bytes_left -= size
                return candidate
        return _NOTHING

    def _object(self, level: Level, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, schema in level.properties():
            within_itself, is_deep = _reference(schema) in level.followed, depth >= MAX_DEPTH
            # An object that would hold itself again leaves that member out, and the innermost all that it may.
            if self.values_left <= 0 or within_itself or (is_deep and name not in level.required):
                continue
            if is_deep:
                self.values_left -= 1
                made[name] = None
            else:
                made[name] = self.value(schema, name=name, depth=depth + 1, followed=level.followed)
        return made

    def _list(self, level: Level, name: str, depth: int) -> list[Any]:
        least = level.keywords.get("minItems", ITEMS)
        items, wanted = level.items(), min(max(least if isinstance(least, int) else ITEMS, ITEMS), MAX_ITEMS)
        most = level.keywords.get("maxItems")
        wanted = min(wanted, most) if isinstance(most, int) else wanted
        if depth >= MAX_DEPTH or self.values_left <= 0 or _reference(items) in level.followed:
            return []
        one = name.removesuffix("s") if len(name) > 3 else name
        return [self.value(items, name=one, depth=depth + 1, followed=level.followed) for _ in range(wanted)]

    def _text(self, keywords: Schema, name: str) -> str:
        text = self._of_format(keywords.get("format"), name)
        least, most = (keywords.get(word) for word in ("minLength", "maxLength"))
        if isinstance(least, int) and len(text) < least:
            text = (text + " " + self._word() * min(least, MAX_TEXT))[: min(least, MAX_TEXT)]
        return text[:most] if isinstance(most, int) and most >= 0 else text

    def _of_format(self, format_: Any, name: str) -> str:
        moment = _FIRST_DAY + timedelta(minutes=self.random.randrange(500_000))
        match format_:
            case "date-time":
                return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            case "date":
                return moment.strftime("%Y-%m-%d")
            case "time":
                return moment.strftime("%H:%M:%SZ")
            case "email" | "idn-email":
                return f"{self._word()}@example.com"
            case "uuid":
                return str(UUID(int=self.random.getrandbits(128), version=4))
            case "uri" | "url" | "iri" | "uri-reference":
                return f"https://example.com/{self._word()}"
            case "hostname" | "idn-hostname":
                return f"{self._word()}.example.com"
            case "ipv4":
                return f"192.0.2.{self.random.randrange(1, 255)}"
            case "ipv6":
                return f"2001:db8::{self.random.randrange(1, 65_535):x}"
        if name.lower() == "id" or name.lower().endswith("_id"):
            return "".join(self.random.choices(SECRET_ALPHABET, k=ID_DIGITS))
        return self._word()

    def _number(self, keywords: Schema, *, whole: bool) -> int | float:
        low, high = _range(keywords, whole=whole)
        step = keywords.get("multipleOf")
        step = min(max(step, 1e-6), 1e15) if _is_number(step) and step > 0 else (1 if whole else 0.01)
        first, last = math.ceil(low / step), math.floor(high / step)
        count = self.random.randint(first, max(first, last))
        # Three times 0.1 is not 0.3 in binary: the decimal that was meant.
        value = count * step if isinstance(step, int) else float(f"{count * step:.10g}")
        return int(value) if whole and value == int(value) else value

    def _word(self) -> str:
        return self.random.choice(_WORDS)


_NOTHING = object()


def _range(keywords: Schema, *, whole: bool) -> tuple[float, float]:
    """Return the least and the greatest number that an example may have."""
    step = 1 if whole else 0.01
    low, high = keywords.get("minimum"), keywords.get("maximum")
    above, below = keywords.get("exclusiveMinimum"), keywords.get("exclusiveMaximum")
    # In OpenAPI 3.0 these two are true or false, and say that the bound itself is left out.
    lows = [_finite(low) if _is_number(low) else None, _finite(above) + step if _is_number(above) else None]
    highs = [_finite(high) if _is_number(high) else None, _finite(below) - step if _is_number(below) else None]
    if above is True and lows[0] is not None:
        lows[0] += step
    if below is True and highs[0] is not None:
        highs[0] -= step
    least = max((bound for bound in lows if bound is not None), default=None)
    most = min((bound for bound in highs if bound is not None), default=None)
    if least is None:
        least = min(1, most) if most is not None else 1
    return least, most if most is not None else least + 99


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(value: float) -> float:
    return min(max(value, -1e15), 1e15)


def _reference(schema: Any) -> str | None:
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    return reference if isinstance(reference, str) else None
