"""Describe the Convoy API by drf-spectacular: the answers that all operations share, and our own fields."""

import json
from typing import Any, Literal

from django.conf import settings
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from core.api.checks import ENCODED, IN_CHUNKS, NOT_JSON, NUL_IN_URL, READS
from core.api.documents import SCHEMAS, Schema, described, nullable
from core.api.envelope import JSON
from core.api.errors import TOO_LARGE, UNAVAILABLE
from core.api.fields import Choice, Integer
from core.api.openapi import (
    COMPONENTS,
    IN_PATHS,
    NULLABLE,
    PROPERTIES,
    REFUSAL,
    REFUSED,
    REQUIRED,
    Serializer,
    example_key,
    refusal,
)
from core.exceptions import DomainError
from core.share import TooBusy

API_DESCRIPTION = """\
A webhooks gateway whose HTTP API is compatible with Convoy's.

**Authentication.** Send an API key in each request: `Authorization: Bearer CO.…`. A project's key acts on
its project; an instance key acts on every project and is the one that creates projects.

**Answers.** Every answer is JSON: `status`, `message`, and on success `data`, which is null where there is
nothing to return. An error has no `data`, and has changed nothing.

**Bodies.** JSON. A member that is null counts as not sent, an unknown one is ignored, and a text cannot
hold the character U+0000.

**Ids** are ULIDs, **times** are RFC 3339 in UTC, durations are whole seconds unless stated otherwise.

**Pages** run from the newest row to the oldest; cursors are opaque. Stop when `has_next_page` is false.

**The contract.** Every rule behind these operations, with its status codes and messages, is in `docs/contract/` of the
server's repository, a page for each noun.
"""

#: The refusals that operations share, by status: component, description, and messages by their titles.
_REFUSALS: dict[str, tuple[str, str, dict[str, str]]] = {
    "400": (
        "BadRequest",
        "The request cannot be carried out as it stands.",
        {"NUL in the URL": NUL_IN_URL},
    ),
    "401": (
        "Unauthorized",
        "There is no API key, or it is not valid.",
        {},
    ),
    "403": ("Forbidden", "The key may not do this.", {}),
    "404": ("NotFound", "The path names an object that does not exist, or that the key may not see.", {}),
    "411": (
        "LengthRequired",
        "The body comes in chunks.",
        {"Chunked": IN_CHUNKS},
    ),
    "413": (
        "ContentTooLarge",
        "The body is longer than MAX_REQUEST_BODY_BYTES (1 MiB by default).",
        {"Too large": TOO_LARGE},
    ),
    "415": (
        "UnsupportedMediaType",
        "The Content-Type is not JSON, which is checked with every method, or the body is compressed.",
        {"Not JSON": NOT_JSON, "Compressed": ENCODED.format(encoding="gzip")},
    ),
    "429": (
        "TooManyRequests",
        "The caller has used up its requests of this minute, where the server has a limit, or has too many slow "
        "requests at once.",
        {TooBusy.title(): TooBusy.message},
    ),
    "503": (
        "ServiceUnavailable",
        "The database cannot be reached. The request may or may not have been stored.",
        {"Database": UNAVAILABLE},
    ),
}
#: The codes whose messages differ from one contract to another: its operations list them.
_OWN_WORDS = {"400", "401", "403", "404"}
_WHOLE_NUMBER: Schema = {"type": "string", "pattern": "^[0-9]+$"}
_HEADERS: dict[str, dict[str, str]] = {
    "429": {
        "Retry-After": "Seconds to wait.",
        "X-RateLimit-Limit": "Requests in a window.",
        "X-RateLimit-Remaining": "Requests left in this window: 0.",
        "X-RateLimit-Reset": "Seconds until the next window.",
    },
    "503": {"Retry-After": "Seconds to wait."},
}


def _component(serializer: Serializer) -> str:
    """Return the component name of a serializer."""
    return COMPONENTS.get(serializer, f"models.{serializer.__name__}")


def refused_by_all(*refusals: type[DomainError]) -> None:
    """Add refusals that all operations share. An app adds its own, as the HTTP layer knows none of its nouns."""
    for one in refusals:
        _REFUSALS[str(one.status)][2][one.title()] = one.message


class ConvoyAutoSchema(AutoSchema):
    """Describe a handler of a ConvoyView by its decorator (openapi.py) and its serializer."""

    def get_auth(self) -> list[dict[str, list[str]]]:
        """Return the security schemes: those that the view states, where it takes the credential of another API."""
        stated: list[dict[str, list[str]]] | None = getattr(self.view, "documented_security", None)
        return stated or super().get_auth()

    def _resolve_path_parameters(self, variables: list[str]) -> list[Schema]:
        """Describe the parameters of the path that the operation does not list."""
        schema = {"type": "string"}
        return [
            {"in": "path", "name": name, "schema": schema, "description": IN_PATHS[name], "required": True}
            for name in variables
        ]

    def get_serializer_name(self, serializer: serializers.Serializer[Any], direction: str) -> str:
        """Return the name of the component that a serializer is."""
        return _component(type(serializer))

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> Schema:
        """Add the refusals of every operation to the answers of this one."""
        if hasattr(self.view, "error_schema"):
            return self._foreign_responses(super()._get_response_bodies(direction))
        shared = getattr(self.view, "shared_refusals", _REFUSALS.keys())
        shared = shared - ({"404"} if "{projectID}" not in self.path else set())
        if self.method in getattr(self.view, "reads", READS):
            shared -= {"403"}
        own = super()._get_response_bodies(direction)
        if "404" in shared & own.keys():
            # Whatever the operation itself does not find, there may be no such project.
            content = own["404"]["content"][JSON]
            content["examples"] = _cases(_REFUSALS["404"][2]) | content["examples"]
        responses = {code: {"$ref": f"#/components/responses/{_REFUSALS[code][0]}"} for code in shared}
        return dict(sorted((responses | own).items()))

    def _foreign_responses(self, responses: Schema) -> Schema:
        """Show refusals, the shared ones too, in the shape of a view whose contract is not Convoy's."""
        view: Any = self.view
        refused = {code: _REFUSALS[code][2] for code in _REFUSALS.keys() - _OWN_WORDS}
        for code, response in responses.items():
            content = response.get("content", {}).get(JSON, {})
            if content.get("schema") == REFUSAL:
                refused[code] = {one["summary"]: one["value"]["message"] for one in content["examples"].values()}
        for code, messages in refused.items():
            _, description, _ = _REFUSALS.get(code, ("", REFUSED, {}))
            examples = {
                example_key(title): {"summary": title, "value": json.loads(view.error(message, int(code)).content)}
                for title, message in messages.items()
            }
            responses[code] = {
                **({"headers": _headers(code)} if code in _HEADERS else {}),
                "description": description,
                "content": {JSON: {"schema": view.error_schema, "examples": examples}},
            }
        return dict(sorted(responses.items()))

    def _get_request_body(self, direction: Literal["request", "response"] = "request") -> Schema | None:
        """Declare a body that is read as required, even where none of its members is."""
        body: Schema | None = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        for content in (body or {}).get("content", {}).values():
            if content["schema"].get("$ref", "").rpartition("/")[2] in {_component(one) for one in NULLABLE}:
                content["schema"] = nullable(content["schema"])
        return body and body | {"required": not getattr(self.view, "is_body_optional", False)}

    def _map_serializer_field(self, field: Any, direction: str, bypass_extensions: bool = False) -> Any:
        """Describe our own fields, and declare optional ones as nullable, because null means "not sent"."""
        schema = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if isinstance(field, Choice):
            schema["enum"] = field.choices + [""] * field.allow_blank
        elif isinstance(field, Integer):
            schema["minimum"] = field.lowest
        elif isinstance(field, serializers.ListSerializer) and (longest := getattr(field, "max_length", None)):
            schema["maxItems"] = longest
        if not field.required:
            schema["nullable"] = True
            if "enum" in schema:
                schema["enum"].append(None)
        return schema

    def _get_serializer_field_meta(self, field: Any, direction: str) -> Schema:
        """Describe a field without help_text as its serializer's `document` describes the member of this name."""
        meta: Schema = super()._get_serializer_field_meta(field, direction)  # type: ignore[no-untyped-call]
        document = getattr(field.parent, "document", None)
        text = described(document).get(field.field_name) if document and not field.help_text else None
        return meta | {"description": text} if text else meta

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Schema:
        """Add what describe() has stated about the serializer and its bases."""
        schema: Schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        for stated in schema["properties"].values():
            if "enum" in stated:
                stated.pop("maxLength")
        for base in reversed(type(serializer).__mro__):
            for name, more in PROPERTIES.get(base, {}).items():
                stated = schema["properties"][name]
                if "$ref" in more:
                    stated = {key: value for key, value in stated.items() if key in ("nullable", "description")}
                    more = {"allOf": [more]} if stated else more
                schema["properties"][name] = stated | more
            for name in REQUIRED.get(base, ()):
                schema["properties"][name].pop("nullable")
                schema.setdefault("required", []).append(name)
        return schema

    def _unwrap_list_serializer(self, serializer: Any, direction: Literal["request", "response"]) -> Schema | None:
        """Add the number of objects that an array may hold."""
        schema: Schema | None = super()._unwrap_list_serializer(serializer, direction)
        bounds = {"minItems": "min_length", "maxItems": "max_length"}
        found = {name: getattr(serializer, attribute, None) for name, attribute in bounds.items()}
        return schema and schema | {name: bound for name, bound in found.items() if bound is not None}


def convoy_operations(endpoints: list[tuple[str, str, str, Any]], **_: Any) -> list[tuple[str, str, str, Any]]:
    """Keep the paths of the APIs, as a preprocessing hook, and drop the slash at the end of collections."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints if path.startswith(settings.API_PATHS)]


def complete(result: Schema, **_: Any) -> Schema:
    """Add, as a postprocessing hook, the shapes that no serializer has and the answers that all operations share."""
    result["info"]["description"] = API_DESCRIPTION
    for path, item in result["paths"].items():
        if path.startswith(settings.ROOT_API_PATHS):
            for operation in item.values():
                operation["servers"] = [{"url": "/"}]
    components = result["components"]
    components["schemas"] = dict(sorted((SCHEMAS | components["schemas"]).items()))
    components["responses"] = {
        name: {
            "description": description,
            **({"headers": _headers(code)} if code in _HEADERS else {}),
            "content": {
                JSON: {
                    "schema": REFUSAL,
                    "examples": _cases(cases),
                }
            },
        }
        for code, (name, description, cases) in _REFUSALS.items()
    }
    return result


def _cases(messages: dict[str, str]) -> Schema:
    """Return the examples of refusals, of messages by their titles."""
    return {example_key(title): {"value": refusal(message), "summary": title} for title, message in messages.items()}


def _headers(code: str) -> Schema:
    return {
        name: {"description": description, "schema": dict(_WHOLE_NUMBER)}
        for name, description in _HEADERS[code].items()
    }
