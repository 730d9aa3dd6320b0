"""Read request bodies: parse JSON, validate it, and refuse it in one of two families of errors.

Contract: docs/contract/conventions.md#body-errors. The fixed family has two texts, with
the fields and reasons in `errors` beside them; the detailed family has them in the text.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache
from types import NoneType
from typing import Any

import orjson
from rest_framework import serializers
from rest_framework.request import Request

from core.api.fields import INCORRECT_TYPE, MOST_FAILURES
from core.exceptions import InvalidInput
from core.waiting import in_turn

#: A longer body keeps the interpreter for over a millisecond while it is read, and the longest for 22.
LARGE_BYTES = 65_536
WRONG_VALUE = "body contains incorrect JSON type (at character 1)"
WRONG_TYPES = (INCORRECT_TYPE, "not_a_list")


class BadFormat(InvalidInput):
    """Not JSON, or of a wrong type."""

    message = "Invalid request format"
    example_errors = [{"field": "name", "message": "has the wrong JSON type"}]


class BadInput(InvalidInput):
    """A field is missing or not allowed."""

    message = "Invalid input provided"
    example_errors = [{"field": "name", "message": "This field is required."}]


class NoBody(InvalidInput):
    """No body."""

    message = "body must not be empty"


class NotJSON(InvalidInput):
    """Not JSON."""

    message = "body contains badly-formed JSON{where}"


class WrongType(InvalidInput):
    """A field is of a wrong type."""

    message = 'body contains incorrect JSON type for field "{name}"'


class WrongFields(InvalidInput):
    """A field is missing or not allowed."""

    message = "{failures}"


class BlankFields(WrongFields):
    """A field is blank."""


#: The refusals of the fixed family.
HIDDEN = (BadFormat, BadInput)
#: Examples of the detailed refusals that concern a body as a whole.
BAD_JSON = NotJSON(where=" (at character 2)")
MALFORMED = (NoBody, BAD_JSON)


def read_body(
    request: Request,
    serializer: type[serializers.Serializer[Any]],
    *,
    detailed: bool = False,
    body: bytes | None = None,
) -> dict[str, Any]:
    """Return the validated values of a request's JSON body, without the keys that were not sent.

    null counts as not sent, unknown keys are ignored, and a body of null is an object without keys. `detailed` chooses
    the detailed family. `body` takes the place of the request's own. Raises InvalidInput.
    """
    value = _parse(request, (dict, NoneType), detailed=detailed, body=body)
    return _checked(serializer, value or {}, detailed=detailed)


def read_list(request: Request, serializer: type[serializers.Serializer[Any]], *, longest: int) -> list[dict[str, Any]]:
    """Return the validated values of each object in a request's JSON array.

    Raises a detailed InvalidInput, also for an empty array and for more than `longest` objects.
    """
    items = _parse(request, (list,), detailed=True)
    if not 0 < len(items) <= longest:
        raise InvalidInput(f"body must be an array of 1 to {longest} objects")
    if not all(isinstance(item, dict) for item in items):
        raise InvalidInput(WRONG_VALUE)
    return [_checked(serializer, item, detailed=True) for item in items]


def _checked(serializer: type[serializers.Serializer[Any]], value: Any, *, detailed: bool) -> dict[str, Any]:
    values, found = validated(serializer, value)
    if not found:
        return values
    wrong_types = (one for one in found if one[1].code in WRONG_TYPES)
    path, failure = next(wrong_types, found[0])
    if failure.code in WRONG_TYPES:
        if detailed:
            raise WrongType(name=path)
        wrong = [path for path, one in found if one.code in WRONG_TYPES][:MOST_FAILURES]
        raise BadFormat(errors=[{"field": path, "message": "has the wrong JSON type"} for path in wrong])
    if failure.code == "own_text":
        raise InvalidInput(str(failure))
    if not detailed:
        raise BadInput(errors=[{"field": path, "message": str(one)} for path, one in found[:MOST_FAILURES]])
    raise WrongFields(
        failures=", ".join(dict.fromkeys(f"{_last(path)}:{failure}" for path, failure in found[:MOST_FAILURES]))
    )


def failures_of(
    serializer: type[serializers.Serializer[Any]], value: Any
) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    """Return the validated values and the failures, of which one is empty.

    Each failure is the name of a field and a text with a `code`. As in the original, the name of a field inside an
    object is not prefixed by its parent, unless its value is of a wrong type.
    """
    values, found = validated(serializer, value)
    return values, [(_last(path), failure) for path, failure in found]


def validated(
    serializer: type[serializers.Serializer[Any]], value: Any
) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    """Return the validated values, and the failures by the paths of their fields; one of the two is empty."""
    try:
        return _validator(serializer).run_validation(value), []
    except serializers.ValidationError as error:
        return {}, list(_failures(error.detail, ""))


def _last(path: str) -> str:
    return path.rpartition(".")[2]


@cache
def _validator(serializer: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return one instance for all requests, which validation does not change.

    Making an instance copies each field, which is a tenth of the CPU of creating a portal link.
    """
    return serializer()


def parse_object(request: Request, *, detailed: bool, body: bytes | None = None) -> dict[str, Any]:
    """Return the JSON object in a request's body, or in `body`. Raises InvalidInput, in its `detailed` form or not."""
    value: dict[str, Any] = _parse(request, (dict,), detailed=detailed, body=body)
    return value


def _parse(request: Request, kinds: tuple[type, ...], *, detailed: bool, body: bytes | None = None) -> Any:
    """Return the JSON value in a request's body. Raises InvalidInput where it is of none of the types `kinds`."""
    body = request.body if body is None else body
    if len(body) < int(request.META.get("CONTENT_LENGTH") or 0):
        raise InvalidInput("the request body is shorter than its Content-Length")
    if not body.strip():
        raise NoBody if detailed else _hidden(NoBody.message)
    try:
        with in_turn() if len(body) > LARGE_BYTES else nullcontext():
            value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = "" if error.pos >= len(error.doc) else f" (at character {error.pos + 1})"
        problem = NotJSON(where=where)
        raise (problem if detailed else _hidden(problem.message)) from None
    if not isinstance(value, kinds):
        raise InvalidInput(WRONG_VALUE) if detailed else _hidden(WRONG_VALUE)
    return value


def _hidden(reason: str) -> BadFormat:
    """Return the fixed refusal of a body as a whole."""
    return BadFormat(errors=[{"field": "", "message": reason}])


def _failures(errors: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the path of each field that has failed, such as `filter_config.event_types`, and its failure."""
    if isinstance(errors, dict):
        for name, inner in errors.items():
            nameless = not isinstance(name, str) or name == "non_field_errors"
            yield from _failures(inner, path if nameless else f"{path}.{name}".removeprefix("."))
    else:
        for inner in errors:
            if isinstance(inner, (dict, list)):
                yield from _failures(inner, path)
            else:
                yield path, inner
