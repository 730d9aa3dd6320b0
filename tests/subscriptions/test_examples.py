"""Examples from JSON schemas, and the fields that a schema lists: pure functions, bounded whatever the schema says."""

import time
from typing import Any

import orjson
import pytest
from jsonschema import Draft7Validator

from subscriptions.examples import MAX_BYTES, MAX_ROWS, MAX_VALUES, make_example, schema_rows

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "total", "items", "customer"],
    "properties": {
        "id": {"type": "string", "description": " The order's ID. "},
        "total": {"type": "number", "minimum": 0},
        "currency": {"enum": ["EUR", "USD"]},
        "customer": {"$ref": "#/definitions/customer"},
        "items": {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "object",
                "required": ["sku"],
                "properties": {"sku": {"type": "string"}, "quantity": {"type": "integer", "minimum": 1}},
            },
        },
        "gift": {"type": "boolean", "default": False},
    },
    "definitions": {
        "customer": {
            "type": "object",
            "required": ["email"],
            "properties": {"email": {"type": ["string", "null"], "format": "email"}, "id": {"type": "string"}},
        }
    },
}
#: Each has values of one kind; what is made must be valid by the schema itself.
SCHEMAS: dict[str, dict[str, Any]] = {
    "order": ORDER,
    "integer with bounds": {"type": "integer", "minimum": 7, "maximum": 7},
    "number below zero": {"type": "number", "maximum": -5},
    "exclusive bounds": {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
    "multiple": {"type": "integer", "minimum": 11, "multipleOf": 5},
    "decimal multiple": {"type": "number", "multipleOf": 0.25},
    "short text": {"type": "string", "maxLength": 2},
    "long text": {"type": "string", "minLength": 30},
    "no text": {"type": "string", "maxLength": 0},
    "date and time": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "email": {"type": "string", "format": "email"},
    "uuid": {"type": "string", "format": "uuid"},
    "ipv4": {"type": "string", "format": "ipv4"},
    "ipv6": {"type": "string", "format": "ipv6"},
    "const": {"const": {"a": 1}},
    "list of at most none": {"type": "array", "maxItems": 0, "items": {"type": "string"}},
    "tuple": {"type": "array", "items": [{"type": "integer"}]},
    "all of": {
        "allOf": [
            {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}},
            {"required": ["b"], "properties": {"b": {"type": "boolean"}}},
        ]
    },
    "one of with null": {"oneOf": [{"type": "null"}, {"type": "integer"}]},
    "any of": {"anyOf": [{"type": "string", "format": "email"}, {"type": "integer"}]},
    "null first": {"type": ["null", "integer"]},
    "only null": {"type": "null"},
    "nothing said": {"description": "anything"},
    "implied object": {"properties": {"a": {"minLength": 1}}, "required": ["a"]},
    "tree": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    },
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_is_valid_by_its_schema(name: str) -> None:
    validator = Draft7Validator(SCHEMAS[name], format_checker=Draft7Validator.FORMAT_CHECKER)
    for number in range(5):
        validator.validate(make_example(SCHEMAS[name], number=number))


GIVEN: dict[str, tuple[dict[str, Any], Any]] = {
    "a const": ({"const": 5, "examples": [6]}, 5),
    "the first example": ({"examples": [6, 7], "default": 8}, 6),
    "OpenAPI's example": ({"example": 6, "default": 8}, 6),
    "a default": ({"default": 8, "enum": [1, 8]}, 8),
    "the first of an enum": ({"type": "string", "enum": ["web", "app"]}, "web"),
    "an example of the whole": ({**ORDER, "examples": [{"id": "ord_90413"}]}, {"id": "ord_90413"}),
    "an example that is false": ({"type": "boolean", "examples": [False]}, False),
    "an example that is null": ({"type": ["string", "null"], "examples": [None]}, None),
    "an example beside a reference": (
        {"properties": {"a": {"$ref": "#/definitions/a", "examples": [2]}}, "definitions": {"a": {"examples": [1]}}},
        {"a": 2},
    ),
    "an escaped reference": ({"$ref": "#/definitions/a~1b%20c", "definitions": {"a/b c": {"const": 3}}}, 3),
    "a reference into a list": ({"$ref": "#/x/1", "x": [{}, {"const": 4}]}, 4),
}


@pytest.mark.parametrize("name", GIVEN)
def test_given_values_take_precedence(name: str) -> None:
    schema, expected = GIVEN[name]
    assert make_example(schema) == expected


def test_an_example_is_the_same_for_a_number_and_another_for_the_next() -> None:
    assert make_example(ORDER, number=3) == make_example(ORDER, number=3)
    assert make_example(ORDER, number=3) != make_example(ORDER, number=4)
    assert [make_example({"examples": ["a", "b"]}, number=number) for number in range(3)] == ["a", "b", "a"]


def test_no_schema() -> None:
    assert make_example(None) == make_example({}) == {"message": "This is a test event."}


HOSTILE: dict[str, dict[str, Any]] = {
    "itself": {"$ref": "#"},
    "two that point at each other": {
        "$ref": "#/definitions/a",
        "definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}},
    },
    "required within itself": {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
    "all of itself": {"allOf": [{"$ref": "#"}, {"$ref": "#"}], "properties": {"a": {"$ref": "#"}}},
    "doubling": {
        "$ref": "#/definitions/n0",
        "definitions": {
            **{
                f"n{level}": {
                    "type": "object",
                    "required": ["a", "b"],
                    "properties": {
                        "a": {"$ref": f"#/definitions/n{level + 1}"},
                        "b": {"$ref": f"#/definitions/n{level + 1}"},
                    },
                }
                for level in range(40)
            },
            "n40": {"type": "string", "examples": ["x" * 10_000]},
        },
    },
    "long lists": {"type": "array", "minItems": 10**9, "items": {"type": "array", "minItems": 10**9, "items": {}}},
    "a long text": {"type": "string", "minLength": 10**9},
    "huge numbers": {"type": "number", "minimum": 1e308, "multipleOf": 1e-300},
    "wrong kinds": {
        "type": 5,
        "properties": [],
        "required": "a",
        "items": 4,
        "allOf": {},
        "anyOf": [],
        "enum": {},
        "examples": {},
        "format": [],
    },
    "members of wrong kinds": {
        "properties": {"a": True, "b": None, "c": {"type": ["x", 3]}, "d": {"$ref": 7}, "e": {"description": 4}}
    },
    "a reference to another document": {"$ref": "https://example.com/schema.json#/a"},
    "a reference to nothing": {"$ref": "#/definitions/none/of/it"},
    "bounds that leave nothing": {"type": "integer", "minimum": 5, "maximum": 1},
    "many fields": {"properties": {f"f{number}": {"type": "object", "required": ["x"]} for number in range(5_000)}},
    "a large example": {"properties": {"a": {"examples": ["x" * 200_000]}}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_ends_small_and_soon(name: str) -> None:
    schema, began = HOSTILE[name], time.process_time()
    made, rows = make_example(schema), schema_rows(schema)
    assert time.process_time() - began < 1
    assert len(orjson.dumps(made)) <= MAX_BYTES
    assert _values(made) <= 2 * MAX_VALUES
    assert len(rows) <= MAX_ROWS


def _values(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_values, inner))


def test_fields() -> None:
    rows = schema_rows(ORDER)
    # Required members come first, in the order in which the schema requires them.
    assert [(row.path, row.types, row.item_types, row.is_required) for row in rows] == [
        (("id",), ("string",), (), True),
        (("total",), ("number",), (), True),
        (("items",), ("array",), ("object",), True),
        (("items", "sku"), ("string",), (), True),
        (("items", "quantity"), ("integer",), (), False),
        (("customer",), ("object",), (), True),
        (("customer", "email"), ("string", "null"), (), True),
        (("customer", "id"), ("string",), (), False),
        (("currency",), (), (), False),
        (("gift",), ("boolean",), (), False),
    ]
    by_path = {row.path: row for row in rows}
    assert by_path["id",].description == "The order's ID."
    assert by_path["currency",].choices == ("EUR", "USD")
    assert by_path["total",].bounds == {"minimum": 0}
    assert by_path["gift",].bounds == {"default": False}
    assert (by_path["customer", "email"].name, by_path["customer", "email"].depth) == ("email", 1)


def test_fields_of_a_tree_end() -> None:
    rows = schema_rows(SCHEMAS["tree"])
    assert [row.path for row in rows] == [("name",), ("children",), ("children", "name"), ("children", "children")]


def test_fields_of_a_list_of_objects() -> None:
    assert [row.path for row in schema_rows({"type": "array", "items": ORDER["definitions"]["customer"]})] == [
        ("email",),
        ("id",),
    ]
