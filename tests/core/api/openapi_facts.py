"""The facts of an OpenAPI document that a generated client depends on: names, parameters, types.

convoy_openapi_facts.json holds those of the document that Convoy publishes. To renew it:
`python -m tests.core.api.openapi_facts convoy-openapi3.json > tests/core/api/convoy_openapi_facts.json`
"""

import json
import sys
from pathlib import Path
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")

#: A type in short: "string", "[integer]", the name of a component, {"property": type}, or a list of
#: those where an object is put together from several.
Type = Any


def facts(document: dict[str, Any]) -> dict[str, Any]:
    """`operations` by method and path, and `components`: each with the types of its properties.

    What a document says beyond that (required, nullable, enum, descriptions) is left out, and so
    are refusals and components that no operation uses.
    """
    operations = {
        f"{method.upper()} {path}": _operation(item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }
    schemas = document["components"]["schemas"]
    components: dict[str, Any] = {}
    unseen = _names([(operation["request"], operation["answers"]) for operation in operations.values()], schemas)
    while unseen:
        name = unseen.pop()
        schema = schemas[name]
        components[name] = _properties(schema) if schema.get("type") == "object" else type_of(schema)
        unseen |= _names(components[name], schemas) - components.keys()
    return {"operations": operations, "components": dict(sorted(components.items()))}


def type_of(schema: dict[str, Any]) -> Type:
    """The type of a schema in short."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "allOf" in schema:
        types = [type_of(part) for part in schema["allOf"]]
        return types[0] if len(types) == 1 else types
    if schema.get("type") == "array":
        items = type_of(schema["items"])
        return f"[{items}]" if isinstance(items, str) else [items]
    return _properties(schema) or schema.get("type", "any")


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {"content": {}})["content"].get("application/json")
    success = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
    return {
        "operationId": operation.get("operationId"),
        "summary": operation["summary"],
        "tags": operation["tags"],
        "parameters": {
            f"{parameter['in']} {parameter['name']}": type_of(parameter["schema"])
            for parameter in operation.get("parameters", [])
        },
        "request": body and type_of(body["schema"]),
        "answers": type_of(success["content"]["application/json"]["schema"]),
    }


def _properties(schema: dict[str, Any]) -> dict[str, Type]:
    return {name: type_of(inner) for name, inner in sorted(schema.get("properties", {}).items())}


def _names(types: Any, schemas: dict[str, Any]) -> set[str]:
    """The components that are named in `types`."""
    if isinstance(types, str):
        return {types.strip("[]")} & schemas.keys()
    inner = types.values() if isinstance(types, dict) else types or ()
    return set().union(*(_names(one, schemas) for one in inner))


if __name__ == "__main__":
    groups = []
    for group, members in facts(json.loads(Path(sys.argv[1]).read_bytes())).items():
        lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in members.items()]
        groups.append(f' "{group}": {{\n' + ",\n".join(lines) + "\n }")
    sys.stdout.write("{\n" + ",\n".join(groups) + "\n}\n")
