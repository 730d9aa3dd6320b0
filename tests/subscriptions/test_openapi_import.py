"""Event types from OpenAPI documents: what is found, and what is refused."""

import time
from typing import Any

import orjson
import pytest

from core.exceptions import InvalidInput
from subscriptions.openapi_import import event_types_of

SPEC = """
openapi: 3.1.0
info: {title: Shop, version: "1"}
webhooks:
  order.created:
    post:
      summary: An order was placed
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Order'}
      responses:
        200: {description: ok}
  order.paid:
    description: An order was paid
    post: {responses: {200: {description: ok}}}
components:
  schemas:
    Order:
      type: object
      required: [id, lines]
      properties:
        id: {type: string, example: 2020-01-01}
        lines:
          type: array
          items: {$ref: '#/components/schemas/Line'}
    Line:
      type: object
      properties:
        sku: {type: string, enum: [yes, 012, 12:30]}
        amount: {type: integer, minimum: 1}
"""


def found(document: Any) -> list[dict[str, Any]]:
    return event_types_of(orjson.dumps(document).decode())


def schema_of(schema: Any, **components: Any) -> Any:
    """The schema that is imported for a request body."""
    body = {"content": {"application/json": {"schema": schema}}}
    document = {"webhooks": {"a": {"post": {"requestBody": body}}}, "components": {"schemas": components}}
    return found(document)[0]["json_schema"]


def refusal(spec: str) -> str:
    with pytest.raises(InvalidInput) as refused:
        event_types_of(spec)
    return refused.value.message


def test_yaml_with_webhooks() -> None:
    line = {
        "type": "object",
        "properties": {
            "sku": {"type": "string", "enum": ["yes", "012", "12:30"]},
            "amount": {"type": "integer", "minimum": 1},
        },
    }
    assert event_types_of(SPEC) == [
        {
            "name": "order.created",
            "description": "An order was placed",
            "json_schema": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "example": "2020-01-01"},
                    "lines": {"type": "array", "items": line},
                },
                "required": ["id", "lines"],
            },
        },
        {"name": "order.paid", "description": "An order was paid", "json_schema": None},
    ]


def test_json() -> None:
    assert found({"webhooks": {"a.b": {"post": {"description": "D", "summary": "S"}}}}) == [
        {"name": "a.b", "description": "D", "json_schema": None}
    ]


def test_x_webhooks_count_too_and_a_name_counts_once() -> None:
    document = {
        "webhooks": {"a": {"post": {"summary": "first"}}},
        "x-webhooks": {"a": {"post": {"summary": "second"}}, "b": {"put": {"summary": "third"}}},
        "paths": {"/webhooks/c": {"post": {}}},
    }
    assert [(item["name"], item["description"]) for item in found(document)] == [("a", "first"), ("b", "third")]


@pytest.mark.parametrize(
    ("path", "operation", "names"),
    [
        ("/webhooks/order.created", {}, ["order.created"]),
        ("/Webhooks/order.created/{id}", {}, ["order.created"]),
        ("/order.created", {"tags": ["Webhook events"]}, ["order.created"]),
        ("/order.created", {"operationId": "orderWebhook"}, ["order.created"]),
        ("/order.created", {"summary": "The webhook of an order"}, ["order.created"]),
        ("/webhook", {}, ["webhook"]),
        ("/orders", {"tags": [1, None], "summary": 5}, []),
        ("/{webhook}", {}, []),
    ],
)
def test_operations_of_a_document_without_webhooks(path: str, operation: Any, names: list[str]) -> None:
    document = {"paths": {path: {"post": operation, "get": {}}, "/other": {"get": {"summary": "webhook"}}}}
    if names:
        assert [item["name"] for item in found(document)] == names
    else:
        assert refusal(orjson.dumps(document).decode()) == "no webhooks found in OpenAPI spec"


@pytest.mark.parametrize(
    ("media_type", "is_json"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("application/vnd.shop+json", True),
        ("text/plain", False),
    ],
)
def test_the_schema_is_that_of_the_json_body(media_type: str, is_json: bool) -> None:
    content = {"image/png": {}, media_type: {"schema": {"required": ["a"], "properties": {"a": True}}}}
    [item] = found({"webhooks": {"a": {"post": {"requestBody": {"content": content}}}}})
    assert item["json_schema"] == (
        {"type": "object", "properties": {"a": True}, "required": ["a"]} if is_json else None
    )


def test_references_are_resolved_wherever_they_stand() -> None:
    document = {
        "webhooks": {"a": {"$ref": "#/components/pathItems/a~1b%20c"}},
        "components": {
            "pathItems": {"a/b c": {"post": {"summary": "S", "requestBody": {"$ref": "#/components/requestBodies/0"}}}},
            "requestBodies": [{"content": {"application/json": {"schema": {"properties": {"x": {}}}}}}],
        },
    }
    assert found(document) == [
        {
            "name": "a",
            "description": "S",
            "json_schema": {"type": "object", "properties": {"x": {}}, "required": []},
        }
    ]


def test_all_of_is_merged_and_members_beside_a_reference_stay() -> None:
    schema = {
        "allOf": [{"$ref": "#/components/schemas/Base"}, {"required": ["b", "id"], "properties": {"b": {}}}],
        "properties": {"c": {"$ref": "#/components/schemas/Id", "description": "own"}},
    }
    base = {"required": ["id"], "properties": {"id": {"$ref": "#/components/schemas/Id"}}}
    assert schema_of(schema, Base=base, Id={"type": "string", "description": "general"}) == {
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "general"},
            "b": {},
            "c": {"type": "string", "description": "own"},
        },
        "required": ["id", "b"],
    }


def test_a_recursive_schema_ends_in_anything() -> None:
    node = {"properties": {"next": {"$ref": "#/components/schemas/Node"}, "value": {"type": "integer"}}}
    assert schema_of({"$ref": "#/components/schemas/Node"}, Node=node)["properties"] == {
        "next": {},
        "value": {"type": "integer"},
    }


def test_properties_may_have_any_name_and_data_is_no_schema() -> None:
    properties = {
        "$ref": {"$ref": "#/components/schemas/Id"},
        "default": {"$ref": "#/components/schemas/Id"},
        "free": {"enum": [{"$ref": "#/nowhere"}]},
    }
    assert schema_of({"properties": properties}, Id={"type": "string"})["properties"] == {
        "$ref": {"type": "string"},
        "default": {"type": "string"},
        "free": {"enum": [{"$ref": "#/nowhere"}]},
    }


def test_exclusive_bounds_of_openapi_3_0_become_those_of_draft_7() -> None:
    properties = {
        "a": {"minimum": 1, "exclusiveMinimum": True, "maximum": 5, "exclusiveMaximum": False},
        "b": {"exclusiveMinimum": 1},
    }
    assert schema_of({"properties": properties})["properties"] == {
        "a": {"exclusiveMinimum": 1, "maximum": 5},
        "b": {"exclusiveMinimum": 1},
    }


def test_yaml_aliases_are_expanded() -> None:
    spec = "x: &a {post: {summary: S}}\nwebhooks: {one: *a, two: {<<: *a, description: D}}"
    assert [(item["name"], item["description"]) for item in event_types_of(spec)] == [("one", "S"), ("two", "S")]


@pytest.mark.parametrize(
    "spec", ["{}", "openapi: 3.1.0", '{"webhooks":{}}', '{"webhooks":5,"paths":[]}', "paths: {/a: 1}"]
)
def test_no_webhooks(spec: str) -> None:
    assert refusal(spec) == "no webhooks found in OpenAPI spec"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("[]", "it is not an object"),
        ("just text", "it is not an object"),
        ("a: b: c", "mapping values are not allowed"),
        ("{", "did not find expected node content"),
        ("\0", "control characters are not allowed"),
        ('{"webhooks":{"\\u0000":{}}}', "it contains the character NUL"),
        ('webhooks: {"a\\0": {}}', "it contains the character NUL"),
        ("--- {}\n--- {}", "expected a single document"),
        ("a: !!binary aaaa", "it has a YAML tag"),
        ("a: !!python/object/apply:os.system [ls]", "it has a YAML tag"),
        ("? [a]\n: b", "found unhashable key"),
        ("a: 1e999", "a number is too large"),
        ("a: &a [*a]", "an alias has no anchor before it"),
        ("a: *b", "an alias has no anchor before it"),
        ("webhooks: {a: {$ref: 'other.yaml#/a'}}", "the external reference other.yaml#/a is not read"),
        ("x: {$ref: 'file:///etc/passwd'}", "the external reference file:///etc/passwd is not read"),
        ("x: [{$ref: 'http://127.0.0.1/'}]", "the external reference http://127.0.0.1/ is not read"),
        ("webhooks: {a: {$ref: '#/b'}}", "the reference #/b leads nowhere"),
        ("webhooks: {a: {$ref: '#webhooks'}}", "the reference #webhooks leads nowhere"),
        ("webhooks: {a: {$ref: '#/webhooks/a'}}", "a reference leads to itself"),
        ("webhooks: {'': {}}", "the name of a webhook must have 1 to 255 characters"),
        (f"webhooks: {{{'a' * 256}: {{}}}}", "the name of a webhook must have 1 to 255 characters"),
    ],
)
def test_what_cannot_be_loaded(spec: str, reason: str) -> None:
    message = refusal(spec)
    assert message.startswith("error loading OpenAPI spec: ")
    assert reason in message
    assert len(message) < 250


def bomb() -> str:
    """Each line nine times the one before: 9 ** 12 values."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 13)]
    return "\n".join(lines)


def merging_bomb() -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 13)]
    return "\n".join(lines)


def referring_bomb() -> str:
    """The same by references, which the document itself keeps small."""
    schemas: dict[str, Any] = {
        f"S{n}": {"properties": {str(k): {"$ref": f"#/components/schemas/S{n + 1}"} for k in range(9)}}
        for n in range(12)
    }
    schemas["S12"] = {"type": "string"}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}
    document = {"webhooks": {"a": {"post": {"requestBody": body}}}, "components": {"schemas": schemas}}
    return orjson.dumps(document).decode()


def repeated_text() -> str:
    """A long text in each of many places: more than a hundred times the size of the document."""
    properties = {str(n): {"$ref": "#/components/schemas/Long"} for n in range(5_000)}
    schemas = {"Long": {"description": "x" * 100_000}}
    body = {"content": {"application/json": {"schema": {"properties": properties}}}}
    document = {"webhooks": {"a": {"post": {"requestBody": body}}}, "components": {"schemas": schemas}}
    return orjson.dumps(document).decode()


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(bomb(), id="bomb"),
        pytest.param(merging_bomb(), id="merging bomb"),
        pytest.param(referring_bomb(), id="referring bomb"),
        pytest.param(repeated_text(), id="repeated text"),
        pytest.param("[" * 400_000, id="deep flow lists"),
        pytest.param("- " * 400_000, id="deep block lists"),
        pytest.param("? " * 400_000, id="deep keys"),
        pytest.param("{a: " * 200_000, id="deep flow objects"),
        pytest.param('{"a":' * 1_000 + "1" + "}" * 1_000, id="deep JSON"),
        pytest.param("[" + "0," * 450_000 + "0]", id="long list"),
        pytest.param('{"a":[' + "0," * 450_000 + "0]}", id="long list in an object"),
        pytest.param("x" * 1_000_001, id="long text"),
        pytest.param(orjson.dumps({"webhooks": {str(n): {} for n in range(1_001)}}).decode(), id="many webhooks"),
        pytest.param("a: " + "9" * 5_000, id="long number"),
        pytest.param("a: '" + "x" * 900_000, id="open quote"),
    ],
)
def test_a_hostile_document_is_refused_in_bounded_time(spec: str) -> None:
    before = time.process_time()
    assert refusal(spec).startswith("error loading OpenAPI spec: ")
    # Without the bounds the bombs do not end at all.
    assert time.process_time() - before < 5


@pytest.mark.slow
@pytest.mark.parametrize("values", ["1," * 51_000, "{}," * 51_000, "[[1],[1]]," * 13_000])
def test_yaml_of_many_values_is_refused_while_it_is_parsed(values: str) -> None:
    before = time.thread_time()
    with pytest.raises(InvalidInput, match="it has more than 50000 values in YAML; write it as JSON"):
        event_types_of(f"webhooks: {{a: {{post: {{}}}}}}\nx: [{values}]")
    assert time.thread_time() - before < 1


def test_json_may_have_more_values() -> None:
    spec = orjson.dumps({"webhooks": {"a": {"post": {}}}, "x": [1] * 100_000}).decode()
    assert [found["name"] for found in event_types_of(spec)] == ["a"]
