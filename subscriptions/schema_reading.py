"""Read a JSON Schema of an event type one level at a time, within bounds.

Schemas come from projects and their OpenAPI documents: references may point at themselves, and a short text can
expand to a large one. Nothing outside of the document is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

Schema = dict[str, Any]

#: The references and combinations that are followed to read one level.
MAX_HOPS = 16
#: The words for a type, in the order in which a schema without `type` is taken for one of them.
_IMPLIED = {
    "object": ("properties", "required", "additionalProperties", "patternProperties"),
    "array": ("items", "minItems", "maxItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "multipleOf"),
}


@dataclass
class Level:
    """A schema with its references and combinations resolved: one flat set of keywords."""

    keywords: Schema
    #: The references that were followed to here, so that a schema within itself is noticed.
    followed: frozenset[str] = frozenset()
    types: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.types = _types(self.keywords)

    @property
    def type(self) -> str:
        """Return the first type that is not null; blank where any value is allowed."""
        return next((name for name in self.types if name != "null"), self.types[0] if self.types else "")

    @property
    def required(self) -> list[str]:
        """Return the names of the members that an object must have."""
        names = self.keywords.get("required")
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []

    def properties(self) -> Iterator[tuple[str, Any]]:
        """Yield the name and the schema of each member of an object, those that are required first.

        The database keeps the order of a list, and not that of an object's members.
        """
        members = self.keywords.get("properties")
        if isinstance(members, dict):
            first = [name for name in self.required if name in members]
            yield from ((name, members[name]) for name in dict.fromkeys([*first, *members]))

    def items(self) -> Any:
        """Return the schema of a list's items; an empty one where it is not given."""
        items = self.keywords.get("items", {})
        return (items[0] if items else {}) if isinstance(items, list) else items


def read_level(document: Schema, schema: Any, followed: frozenset[str] = frozenset()) -> Level:
    """Resolve `$ref`, `allOf` and the first choice of `anyOf` and `oneOf` of a schema within `document`.

    A reference that cannot be followed, or that was followed before (`followed`), counts as an empty schema.
    """
    merged: Schema = {}
    waiting, hops = [schema], 0
    while waiting and hops < MAX_HOPS:
        hops += 1
        current = waiting.pop(0)
        if not isinstance(current, dict):
            continue
        reference = current.get("$ref")
        if isinstance(reference, str):
            if reference in followed:
                continue
            followed |= {reference}
            # Keywords beside a reference take precedence over those of its target.
            current = {name: value for name, value in current.items() if name != "$ref"}
            waiting.insert(0, find(document, reference))
        merged = _merge(merged, current)
        combined = current.get("allOf")
        waiting += combined if isinstance(combined, list) else []
        for name in ("anyOf", "oneOf"):
            choices = current.get(name)
            if isinstance(choices, list) and choices:
                waiting.append(next((one for one in choices if _is_something(one)), choices[0]))
                if any(isinstance(one, dict) and one.get("type") == "null" for one in choices):
                    merged["nullable"] = True
    return Level(merged, followed)


def find(document: Schema, reference: str) -> Any:
    """Return the part of the document to which a reference such as `#/definitions/order` points; {} for none."""
    if reference.partition("#")[0]:
        return {}
    found: Any = document
    for part in reference.partition("#")[2].split("/")[1:]:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(name, {})
        elif isinstance(found, list) and name.isascii() and name.isdigit() and int(name[:6]) < len(found):
            found = found[int(name[:6])]
        else:
            return {}
    return found


def _merge(first: Schema, second: Schema) -> Schema:
    """Return the keywords of both: members and required names of an object add up, else the first one's stay."""
    merged = second | first
    both = [schema["properties"] for schema in (second, first) if isinstance(schema.get("properties"), dict)]
    if len(both) == 2:
        merged["properties"] = both[1] | {name: value for name, value in both[0].items() if name not in both[1]}
    names = [schema["required"] for schema in (first, second) if isinstance(schema.get("required"), list)]
    if len(names) == 2:
        merged["required"] = [*names[0], *names[1]]
    return merged


def _types(keywords: Schema) -> tuple[str, ...]:
    given = keywords.get("type")
    names = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    types = [name for name in names if isinstance(name, str)]
    if not types:
        types = [name for name, implying in _IMPLIED.items() if any(word in keywords for word in implying)][:1]
    if keywords.get("nullable") is True and types and "null" not in types:
        types.append("null")
    return tuple(dict.fromkeys(types))


def _is_something(choice: Any) -> bool:
    return isinstance(choice, dict) and choice.get("type") != "null"
