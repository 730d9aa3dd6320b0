"""Describe the documents of answers: JSON schemas and examples, made of their TypedDicts.

A document is a TypedDict that the function which builds it returns, so mypy reports a missing or an extra key. A field
says more of itself in its annotation: `Annotated[str, "A description.", Example("acme"), Keywords(pattern="…")]`.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NotRequired,
    Required,
    TypedDict,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import orjson

Schema = dict[str, Any]
D = TypeVar("D")
Row = TypeVar("Row")

#: The components that no serializer has, by name.
SCHEMAS: dict[str, Schema] = {}
#: The schema that stands for each of their TypedDicts.
_SHOWN: dict[Any, Schema] = {}
_SCALARS: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Any: {},
    object: {},
}
_EMPTY: dict[Any, Any] = {str: "", int: 0, float: 0, bool: False, Any: None, object: None}


class Example:
    """The value of a field in examples. A scalar is the example of the field's schema as well."""

    def __init__(self, value: object) -> None:
        self.value = value


class Keywords:
    """Further keywords of a field's schema, such as `enum` and `pattern`."""

    def __init__(self, **keywords: object) -> None:
        self.keywords = keywords


class Component:
    """Register the schema of the annotated type as the component `name`."""

    def __init__(self, name: str) -> None:
        self.name = name


#: The id of a row.
Uid = Annotated[str, Example("01JZ8QK3V7M2N4P6R8T0W2Y4A6")]
#: RFC 3339. Not `format: date-time`: the published document has plain strings, and so have its clients.
Time = Annotated[str, Example("2026-07-03T09:15:42.081516Z")]
#: The descriptions of members by name, for documents that do not describe them more closely.
_MEMBERS = {
    "uid": "The id of this object.",
    "project_id": "The project to which it belongs.",
    "endpoint_id": "The id of the endpoint.",
    "event_type": "The type of the event, such as `invoice.paid`.",
    "created_at": "When it was created.",
    "updated_at": "When it was last changed.",
    "pagination": "Where this page lies.",
    "status": "Whether the operation was carried out.",
    "content": "The rows of the page.",
}
DeletedAt = Annotated[str | None, "Null: a deleted object is not shown."]


def ref(name: str) -> Schema:
    """Return a reference to the component `name`."""
    return {"$ref": f"#/components/schemas/{name}"}


def define(name: str, schema: Schema) -> Schema:
    """Make `schema` the component `name`, and return the reference to it."""
    SCHEMAS[name] = schema
    return ref(name)


def nullable(schema: Schema) -> Schema:
    """Return `schema`, extended by null. A reference is wrapped: clients cannot name a component that may be null."""
    # Beside a reference other keywords are ignored.
    wide: Schema = ({"allOf": [schema]} if "$ref" in schema else schema) | {"nullable": True}
    if None not in wide.get("enum", [None]):
        wide["enum"] = [*wide["enum"], None]
    return wide


def component(name: str, description: str = "", *, is_partial: bool = False) -> Callable[[type[D]], type[D]]:
    """Make a TypedDict the component `name` of the API document.

    Set `is_partial` where other answers have a part of the component: it requires no member then, and each answer
    that has the whole document requires them.
    """

    def register(document: type[D]) -> type[D]:
        schema = _record(document) | ({"description": description} if description else {})
        _SHOWN[document] = ref(name)
        if is_partial:
            _SHOWN[document] = {"allOf": [_SHOWN[document]], "required": schema.pop("required")}
        SCHEMAS[name] = schema
        return document

    return register


def schema_of(hint: Any) -> Schema:
    """Return the schema of a type: a TypedDict, a scalar, a list, a mapping, a Literal, or one of these or null."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _SCALARS:
        return dict(_SCALARS[hint])
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:])
    if origin in (Required, NotRequired):
        return schema_of(arguments[0])
    if origin is PageOf:
        content = {"type": "array", "items": schema_of(arguments[0]), "description": "The rows, newest first."}
        rows = {"type": "object", "properties": {"content": content}}
        return {"allOf": [schema_of(AnyPage), rows]}
    if origin in (Union, UnionType):
        return _union(arguments)
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is dict:
        values = schema_of(arguments[1])
        return {"type": "object"} | ({"additionalProperties": values} if values else {})
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if hint is NoneType:
        return nullable(ref("handlers.Stub"))
    if is_typeddict(origin):
        return _record(origin, arguments)
    if not is_typeddict(hint):
        raise TypeError(f"{hint!r} has no schema")
    return dict(_SHOWN[hint]) if hint in _SHOWN else _record(hint)


def example(document: type[D], values: Mapping[str, Any] | None = None, /, **more: Any) -> D:
    """Return an example of a TypedDict: `values` over the examples of its fields, and the rest empty."""
    values = {**(values or {}), **more}
    hints = get_type_hints(document, include_extras=True)
    if unknown := values.keys() - hints.keys():
        raise TypeError(f"{document.__name__} has no {', '.join(sorted(unknown))}")
    required = document.__required_keys__  # type: ignore[attr-defined]
    made = {name: _example(hint) for name, hint in hints.items() if name in required and name not in values}
    return {name: (made | values)[name] for name in hints if name in made or name in values}  # type: ignore[return-value]


@cache
def described(document: Any) -> Mapping[str, str]:
    """Return the descriptions of a document's members by their names."""
    properties = _record(document)["properties"]
    return {name: schema["description"] for name, schema in properties.items() if "description" in schema}


def _record(document: Any, arguments: tuple[Any, ...] = ()) -> Schema:
    """Return the schema of a TypedDict; `arguments` are the types in the place of a generic one's variable."""
    hints = get_type_hints(document, include_extras=True)
    if arguments:
        hints = {name: hint[arguments] if getattr(hint, "__parameters__", ()) else hint for name, hint in hints.items()}
    schema: Schema = {"type": "object"} | _description(inspect.getdoc(document))
    schema["properties"] = {name: _described(name, schema_of(hint)) for name, hint in hints.items()}
    required = [name for name in hints if name in document.__required_keys__]
    return schema | ({"required": required} if required else {})


def _description(text: str | None) -> Schema:
    """Return the keyword that describes a schema by the first paragraph of a docstring."""
    return {"description": " ".join(text.partition("\n\n")[0].split())} if text else {}


def _described(name: str, schema: Schema) -> Schema:
    """Return the schema of a member, with the description of its name where it has none of its own."""
    if name not in _MEMBERS or "description" in schema or "$ref" in schema or "allOf" in schema:
        return schema
    return schema | {"description": _MEMBERS[name]}


def _annotated(hint: Any, notes: tuple[Any, ...]) -> Schema:
    schema = schema_of(hint)
    more: Schema = {}
    for note in notes:
        match note:
            case str():
                more["description"] = note
            case Example(value=str() | int() | float() as value):
                more["example"] = value
            case Keywords(keywords=keywords):
                more |= keywords
            case Component(name=name):
                defined = schema | more
                is_nullable = defined.pop("nullable", False)
                schema, more = define(name, defined), {}
                if is_nullable:
                    schema = nullable(schema)
    if "$ref" not in schema:
        # An enum of a value that may be null has null too.
        return nullable(schema | more) if schema.get("nullable") else schema | more
    # Beside a reference other keywords are ignored, and the component has an example of its own.
    more.pop("example", None)
    return {"allOf": [schema]} | more if more else schema


def _union(members: tuple[Any, ...]) -> Schema:
    # A rendered fragment stands for the value that it holds.
    [hint] = [member for member in members if member not in (NoneType, orjson.Fragment)]
    schema = schema_of(hint)
    return nullable(schema) if NoneType in members else schema


def _example(hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        given = [note.value for note in arguments[1:] if isinstance(note, Example)]
        return given[-1] if given else _example(arguments[0])
    if origin in (Union, UnionType):
        return None if NoneType in arguments else _example(arguments[0])
    if origin is Literal:
        return arguments[0]
    if origin in (list, dict):
        return origin()
    if origin in (Required, NotRequired):
        return _example(arguments[0])
    return _EMPTY[hint] if hint in _EMPTY else example(hint)


define("handlers.Stub", {"type": "object", "description": "Nothing; the value is null."})


@component("util.ServerResponse")
class Envelope(TypedDict):
    """The members of every answer but its data."""

    status: Annotated[bool, "Whether the operation was carried out."]
    message: Annotated[str, "A text for people."]


@component("datastore.PaginationData")
class Pagination(TypedDict):
    """The position of a page among the others."""

    per_page: Annotated[int, "Rows in a full page.", Example(20)]
    has_next_page: Annotated[bool, "Stop when this is false."]
    has_prev_page: Annotated[bool, "Whether there are newer rows."]
    prev_page_cursor: Annotated[
        str, "Send it as prev_page_cursor, with direction=prev.", Example("01JZ8QM5X9C1D3F5G7H9J1K3M5")
    ]
    next_page_cursor: Annotated[str, "Send it as next_page_cursor, with direction=next."]


class PageOf(TypedDict, Generic[Row]):
    """A page of rows."""

    content: list[Row]
    pagination: Pagination | None


@component("models.PagedResponse")
class AnyPage(TypedDict):
    """A page of rows of any kind."""

    content: Annotated[object, "The rows, newest first."]
    pagination: Pagination | None


@component("models.CountResponse")
class CountDocument(TypedDict):
    """A number of rows."""

    num: Annotated[int, "The number of rows.", Example(12)]
