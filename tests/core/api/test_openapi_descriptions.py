"""The OpenAPI document says what each member and parameter is, and where each tag leads."""

import re
from collections.abc import Iterator
from typing import Any

from django.test import Client

from tests.core.api.openapi_document import DOCUMENT
from tests.core.api.openapi_facts import METHODS

COMPONENTS = DOCUMENT["components"]["schemas"]
OPERATIONS = [
    (method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]


#: The beginning of the addresses of guides in descriptions of tags.
GUIDE = "](/api/docs/guides/"


def is_described(schema: dict[str, Any]) -> bool:
    """Whether a schema has a description, of its own or of the component that it is."""
    parts = [schema, *schema.get("allOf", [])]
    named = [COMPONENTS[part["$ref"].rpartition("/")[2]] for part in parts if "$ref" in part]
    return any(part.get("description") for part in [*parts, *named])


def members(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property inside a schema, with its path."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}.{name}", inner
        yield from members(inner, f"{path}.{name}")
    below = [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
    for inner in [*below, *(part for key in ("allOf", "anyOf", "oneOf") for part in schema.get(key, []))]:
        yield from members(inner, path)


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            yield f"{operation['operationId']} {status}", content["schema"]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield f"{operation['operationId']} body", content["schema"]


def test_each_member_of_a_body_is_described() -> None:
    shapes = [*COMPONENTS.items(), *(shape for *_, operation in OPERATIONS for shape in contents(operation))]
    found = [member for name, schema in shapes for member in members(schema, name)]
    assert len(found) > 900
    assert [path for path, schema in found if not is_described(schema)] == []


def test_each_parameter_and_operation_is_described() -> None:
    parameters = [
        (f"{method} {path} {parameter['name']}", parameter.get("description"))
        for method, path, operation in OPERATIONS
        for parameter in operation.get("parameters", [])
    ]
    assert len(parameters) > 200
    assert [name for name, description in parameters if not description] == []
    assert [path for _, path, operation in OPERATIONS if not operation.get("description")] == []


def test_each_tag_is_declared_reads_as_words_and_leads_to_its_guide(db: None) -> None:
    declared = {tag["name"]: tag for tag in DOCUMENT["tags"]}
    assert declared.keys() == {tag for *_, operation in OPERATIONS for tag in operation["tags"]}
    for tag in declared.values():
        # As a sentence is spelt: one capital, but for names.
        assert re.fullmatch(r"[A-Z][a-z]*( (API|[a-z]+))*", tag["x-displayName"])
        address = tag["description"].partition(GUIDE)[2].rstrip(")")
        answer = Client().get(f"/api/docs/guides/{address}")
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; charset=utf-8")
        assert b"".join(answer).startswith(b"# ")


def test_no_other_file_is_a_guide(db: None) -> None:
    for page in ("adr/README.md", "../README.md", "..%2Fopenapi.yaml", "portal", "images/mark.svg"):
        assert Client().get(f"/api/docs/guides/{page}").status_code == 404


def test_one_key_has_one_scheme() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    used = {name for *_, operation in OPERATIONS for one in operation["security"] for name in one}
    assert (
        used
        == schemes.keys()
        == {*("ApiKeyAuth", "FeatherKey", "NahookKey", "NahookToken", "PortalToken", "SvixToken")}
    )
    takers = {operation["operationId"] for *_, operation in OPERATIONS if {"SvixToken": []} in operation["security"]}
    assert takers == {"v1.authentication.logout"}
