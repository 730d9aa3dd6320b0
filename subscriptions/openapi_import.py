"""Read event types from an OpenAPI document. Contract: docs/contract/event-types.md#import.

The document comes from a stranger: its size, its depth and what its references expand to are bounded,
and nothing outside of it is read.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import unquote

import orjson
import yaml

from core.waiting import Breaks
from subscriptions.exceptions import NoWebhooks, SpecRefused
from subscriptions.yaml_reading import read_yaml

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 64
MAX_NAME = 255


class Bounds(NamedTuple):
    """The most that a document may have."""

    values: int
    #: Fewer in YAML, with its aliases expanded: a value takes 40 times as long to read there as in JSON.
    yaml_values: int
    event_types: int
    #: The size of all schemas with their references resolved: a value or 20 characters count as 1.
    expanded: int
    #: The end of a refusal for more than these.
    hint: str = ""


#: The bounds of a request, which keeps others waiting, and of a job (import_jobs.py), which a worker does.
OF_REQUEST = Bounds(200_000, 50_000, 1_000, 100_000, ": POST …/event-types/import/jobs takes more")
OF_JOB = Bounds(500_000, 200_000, 10_000, 500_000)

NOT_AN_OBJECT = "it is not an object"
#: A document that describes one event type.
EXAMPLE_SPEC = """openapi: 3.1.0
info: {title: Orders, version: "1"}
webhooks:
  order.created:
    post:
      description: An order was placed
      requestBody:
        content:
          application/json:
            schema: {type: object, properties: {id: {type: string}}, required: [id]}
"""

METHODS = ("post", "put", "patch", "get", "delete")
#: Members of a schema whose keys are names, and members that are data, not schemas.
NAMED = ("properties", "patternProperties", "definitions", "$defs")
DATA = ("const", "default", "enum", "example", "examples")


def event_types_of(spec: str, bounds: Bounds = OF_REQUEST) -> list[dict[str, Any]]:
    """Return the event types that an OpenAPI document, as YAML or JSON, describes.

    Each is `{"name", "description", "json_schema"}`; the schema, of the JSON request body, has `type`,
    `properties` and `required` and no references, or is None where there is no such body. Operations
    count only in a document without webhooks. A name that is there twice counts once.
    Raises SpecRefused, NoWebhooks.
    """
    if not spec.strip():
        raise NoWebhooks
    document = _Document(_load(spec, bounds), bounds)
    found: dict[str, dict[str, Any]] = {}
    for name, item, operation in document.webhooks() or document.operations():
        if not 1 <= len(name) <= MAX_NAME:
            raise SpecRefused(reason=f"the name of a webhook must have 1 to {MAX_NAME} characters")
        if name not in found:
            found[name] = {
                "name": name,
                "description": _text(operation, "description", "summary") or _text(item, "description", "summary"),
                "json_schema": document.body_schema(operation),
            }
        if len(found) > bounds.event_types:
            raise SpecRefused(reason=f"it has more than {bounds.event_types} webhooks{bounds.hint}")
    if not found:
        raise NoWebhooks
    return list(found.values())


def check_beginning(spec: str) -> None:
    """Refuse a document that is blank, too long, or does not begin as an object, at no cost. The rest is not read.

    Raises NoWebhooks, SpecRefused.
    """
    if not spec.strip():
        raise NoWebhooks
    _check_length(spec)
    if spec.lstrip().startswith("{"):
        return
    try:
        # A stream, a document, and its value begin.
        *_, value = islice(yaml.parse(spec, Loader=yaml.CSafeLoader), 3)
    except yaml.YAMLError as error:
        raise _unreadable(error) from None
    if not isinstance(value, yaml.MappingStartEvent):
        raise SpecRefused(reason=NOT_AN_OBJECT)


def _text(value: dict[str, Any], *keys: str) -> str:
    """Return the first of some members that is a text and not empty."""
    return next((value[key] for key in keys if isinstance(value.get(key), str) and value[key]), "")


# From text to a document


def _load(spec: str, bounds: Bounds) -> dict[str, Any]:
    _check_length(spec)
    try:
        document = orjson.loads(spec)
    except orjson.JSONDecodeError:
        document = _load_yaml(spec, bounds)
    if not isinstance(document, dict):
        raise SpecRefused(reason=NOT_AN_OBJECT)
    _check(document, bounds)
    return document


def _load_yaml(spec: str, bounds: Bounds) -> Any:
    try:
        return read_yaml(spec, most_values=bounds.yaml_values, most_levels=MAX_DEPTH, hint=bounds.hint)
    except yaml.YAMLError as error:
        raise _unreadable(error) from None


def _check_length(spec: str) -> None:
    if len(spec) > MAX_CHARACTERS:
        raise SpecRefused(reason=f"it has more than {MAX_CHARACTERS} characters")


def _unreadable(error: yaml.YAMLError) -> SpecRefused:
    return SpecRefused(reason=" ".join(str(error).split())[:200])


def _check(document: Any, bounds: Bounds) -> None:
    """Refuse values that JSON cannot hold, and any reference to another document."""
    seen = 0
    breaks = Breaks()
    level = [document]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for value in level:
            breaks.step()
            if isinstance(value, dict):
                reference = value.get("$ref")
                if isinstance(reference, str) and not reference.startswith("#"):
                    raise SpecRefused(reason=f"the external reference {reference[:100]} is not read")
                below.extend(value)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif isinstance(value, str) and "\0" in value:
                raise SpecRefused(reason="it contains the character NUL")
            elif isinstance(value, float) and value in (float("inf"), float("-inf")):
                raise SpecRefused(reason="a number is too large")
        seen += len(below)
        if seen > bounds.values * 2:
            raise SpecRefused(reason=f"it has more than {bounds.values} values{bounds.hint}")
        if not below:
            return
        level = below
    raise SpecRefused(reason=f"it is more than {MAX_DEPTH} levels deep")


# From a document to its webhooks


class _Document:
    """An OpenAPI document. References are followed within it only, under one bound for all of them."""

    def __init__(self, root: dict[str, Any], bounds: Bounds) -> None:
        self.root = root
        self.left = bounds.expanded
        self.hint = bounds.hint
        self._breaks = Breaks()

    def webhooks(self) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Return the name, path item and operation of each webhook."""
        found = []
        for section in ("webhooks", "x-webhooks"):
            for name, item in self._members(self.root.get(section)):
                operation: dict[str, Any] = next(
                    (item[method] for method in METHODS if isinstance(item.get(method), dict)), {}
                )
                found.append((name, item, operation))
        return found

    def operations(self) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Return the same for each POST operation that is called a webhook; its path's last fixed segment names it."""
        found = []
        for path, item in self._members(self.root.get("paths")):
            operation = item.get("post")
            if not isinstance(operation, dict):
                continue
            tags = operation.get("tags")
            texts = [path, *(tags if isinstance(tags, list) else [])]
            texts += [operation.get("operationId"), operation.get("summary")]
            segments = [segment for segment in path.split("/") if segment and "{" not in segment]
            if segments and any(isinstance(text, str) and "webhook" in text.lower() for text in texts):
                found.append((segments[-1], item, operation))
        return found

    def body_schema(self, operation: dict[str, Any]) -> dict[str, Any] | None:
        """Return the schema of an operation's JSON request body."""
        content = self._follow(self._follow(operation.get("requestBody")).get("content"))
        for media_type, media in content.items():
            kind = media_type.partition(";")[0].strip().lower()
            if (kind == "application/json" or kind.endswith("+json")) and isinstance(media, dict):
                schema = self._expand(media.get("schema"), (), 0)
                properties: dict[str, Any] = {}
                required: list[str] = []
                for part in _parts(schema):
                    if isinstance(part.get("properties"), dict):
                        properties.update(part["properties"])
                    names = part.get("required")
                    required += [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
                return {"type": "object", "properties": properties, "required": list(dict.fromkeys(required))}
        return None

    def _members(self, section: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, item in self._follow(section).items():
            yield name, self._follow(item)

    def _follow(self, value: Any) -> dict[str, Any]:
        """Return an object, or the one that its reference leads to; empty where it is not an object."""
        for _ in range(MAX_DEPTH):
            if not isinstance(value, dict):
                return {}
            if not isinstance(value.get("$ref"), str):
                return value
            value = self._target(value["$ref"])
        raise SpecRefused(reason="a reference leads to itself")

    def _target(self, reference: str) -> Any:
        value: Any = self.root
        pointer = unquote(reference[1:])
        if pointer and not pointer.startswith("/"):
            raise SpecRefused(reason=f"the reference {reference[:100]} leads nowhere")
        for segment in pointer.split("/")[1:]:
            key = segment.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict) and key in value:
                value = value[key]
            elif isinstance(value, list) and re.fullmatch("[0-9]{1,6}", key) and int(key) < len(value):
                value = value[int(key)]
            else:
                raise SpecRefused(reason=f"the reference {reference[:100]} leads nowhere")
        return value

    def _expand(self, value: Any, inside: tuple[str, ...], depth: int, *, schema: bool = True) -> Any:
        """Return a copy without references. One that leads back to itself becomes {}, which allows anything.

        `schema=False` stands for an object whose keys are names, of schemas or of anything.
        """
        self._breaks.step()
        self.left -= 1 + (len(value) // 20 if isinstance(value, str) else 0)
        if self.left < 0 or depth > MAX_DEPTH:
            raise SpecRefused(reason=f"its schemas are too large when their references are resolved{self.hint}")
        if isinstance(value, list):
            return [self._expand(item, inside, depth + 1) for item in value]
        if not isinstance(value, dict):
            return value
        reference = value.get("$ref") if schema else None
        if isinstance(reference, str):
            if reference in inside:
                return {}
            target = self._expand(self._target(reference), (*inside, reference), depth + 1)
            beside = {key: item for key, item in value.items() if key != "$ref"}
            if not beside or not isinstance(target, dict):
                return target
            return target | self._expand(beside, inside, depth + 1)
        copy: dict[str, Any] = {}
        for key, item in value.items():
            self.left -= len(key) // 20
            if schema and key in DATA:
                self.left -= len(orjson.dumps(item)) // 20
                copy[key] = item
            else:
                copy[key] = self._expand(item, inside, depth + 1, schema=not (schema and key in NAMED))
        return _as_draft_7(copy) if schema else copy


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield the schemas in a schema's `allOf`, and then the schema."""
    if isinstance(schema, dict):
        every = schema.get("allOf")
        for part in every if isinstance(every, list) else []:
            yield from _parts(part)
        yield schema


def _as_draft_7(schema: dict[str, Any]) -> dict[str, Any]:
    """Convert the exclusive bounds, which are booleans in OpenAPI 3.0 and numbers in draft 7."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        flag = schema.get(exclusive)
        if isinstance(flag, bool):
            del schema[exclusive]
            if flag and bound in schema:
                schema[exclusive] = schema.pop(bound)
    return schema
