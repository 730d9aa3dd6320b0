"""Declare operations: one declaration answers the request and documents it (schema.py).

An app's openapi.py has a declaration for each operation, which decorates the handler. Request bodies are serializers
(serializers.py), the documents of answers are TypedDicts (documents.py), and refusals are exception classes
(exceptions.py). Names, parameters and types are those of Convoy's published document, so that generated clients keep
theirs.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from http import HTTPStatus
from types import MappingProxyType, NoneType
from typing import Any, Generic, NamedTuple, ParamSpec, TypedDict, TypeVar, Unpack, cast, get_args, get_origin

from django.http import HttpResponse
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiRequest,
    OpenApiResponse,
    extend_schema,
)
from rest_framework import serializers

from core.api.arrays import Array
from core.api.documents import Envelope, PageOf, Pagination, Row, Schema, define, example, schema_of
from core.api.envelope import JSON, bare, success
from core.exceptions import DomainError, FieldError, NotFound

Serializer = type[serializers.Serializer[Any]]
D = TypeVar("D")
P = ParamSpec("P")
#: A refusal that an operation lists: its class, or an instance where the text has values.
Refusal = type[DomainError] | DomainError

#: The components of serializers that are not `models.` and their name.
COMPONENTS: dict[Serializer, str] = {}
#: Additions to the schemas of a request body's fields, by serializer and field.
PROPERTIES: dict[Serializer, dict[str, Schema]] = {}
#: The fields that an operation requires although the serializer does not.
REQUIRED: dict[Serializer, Sequence[str]] = {}
#: The bodies that may be null, which means an object without members.
NULLABLE: set[Serializer] = set()
#: The descriptions of the parameters of paths, by name.
IN_PATHS: dict[str, str] = {}


# Shapes


def text(**keywords: Any) -> Schema:
    """Return the schema of a string."""
    return {"type": "string"} | keywords


def array(items: Schema) -> Schema:
    """Return the schema of a list of `items`."""
    return {"type": "array", "items": items}


#: A parameter that can be repeated.
TEXTS = array(text())
#: A URL that is delivered to or shown. The server checks host and port more closely.
URL_PATTERN = r"^[Hh][Tt][Tt][Pp][Ss]?://[^\x00-\x20\x7F/?#{}][^\x00-\x20\x7F{}]*$"
URL_OR_EMPTY_PATTERN = r"^([Hh][Tt][Tt][Pp][Ss]?://[^\x00-\x20\x7F/?#][^\x00-\x20\x7F]*)?$"
NOT_ONLY_SPACES = r"\S"
_DAY_AND_TIME = (
    r"[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?"
)
#: RFC 3339.
TIME_PATTERN = f"^{_DAY_AND_TIME}(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
TIME_OR_EMPTY_PATTERN = f"^({TIME_PATTERN[1:-1]})?$"
#: startDate and endDate, which have no zone.
DATE_PATTERN = f"^{_DAY_AND_TIME}$"
DATE_OR_EMPTY_PATTERN = f"^({_DAY_AND_TIME})?$"

ENVELOPE = schema_of(Envelope)
NOTHING = schema_of(NoneType)
_FIELD_ERRORS = array(schema_of(FieldError)) | {
    "description": "The fields that are refused, beside the messages that do not name them. Else absent."
}
_REFUSED = {"status": {"type": "boolean", "enum": [False], "description": "Always false."}, "errors": _FIELD_ERRORS}
#: The description of an answer with a refusal.
REFUSED = "Refused; nothing has changed."
REFUSAL = define("util.ErrorResponse", {"allOf": [ENVELOPE, {"type": "object", "properties": _REFUSED}]})


# Parameters


def query(name: str, description: str, schema: Schema | None = None, *, required: bool = False) -> OpenApiParameter:
    """Return a parameter of the query: a text, or as `schema` says."""
    return OpenApiParameter(name, schema or text(), description=description, required=required)


def path_parameter(name: str, description: str) -> OpenApiParameter:
    """Return a parameter of the path, an id, for an operation in which `name_in_path` does not describe it."""
    return OpenApiParameter(name, {"type": "string"}, location=OpenApiParameter.PATH, description=description)


def name_in_path(**descriptions: str) -> None:
    """Describe parameters of paths by their names, for every operation that does not list them itself."""
    IN_PATHS.update(descriptions)


name_in_path(projectID="The id of the project.")
#: Of a plain array (core/api/arrays.py).
REST_CURSOR = query(
    "next_page_cursor",
    "The id at which the answer begins. One of more than 4 MiB ends early, and its `Link` header leads to the rest.",
)
#: In the order of the published document, because some clients take them by position.
PAGE_PARAMETERS = [
    query(
        "direction",
        "`next`: older rows, `prev`: newer ones.",
        {"type": "string", "enum": ["next", "prev"], "default": "next"},
    ),
    query("next_page_cursor", "`pagination.next_page_cursor` of the previous page."),
    query("ownerId", "Return only rows of this owner."),
    query(
        "perPage",
        "Rows in a page. Less than 1 counts as 1, more than 1000 as 1000, and anything that is not a number as 20.",
        {"type": "integer", "default": 20},
    ),
    query("prev_page_cursor", "`pagination.prev_page_cursor` of the next page."),
    query("q", "Return only rows with this text in their name, in upper or lower case."),
    query("sort", "Accepted and ignored: rows come newest first."),
]
#: The same by their names, and those that stand together.
PAGE = {parameter.name: parameter for parameter in PAGE_PARAMETERS}
CURSORS = [PAGE["next_page_cursor"], PAGE["perPage"], PAGE["prev_page_cursor"]]


def page_parameters(*, without: Sequence[str]) -> list[OpenApiParameter]:
    """Return PAGE_PARAMETERS, except those with these names."""
    return [parameter for parameter in PAGE_PARAMETERS if parameter.name not in without]


_DATE = text(pattern=DATE_OR_EMPTY_PATTERN)
START = query(
    "startDate",
    "From this second on, such as `2026-02-03T09:15:02`, in UTC; without it from midnight seven days ago.",
    _DATE,
)
END = query(
    "endDate",
    "To the end of this second, such as `2026-02-03T23:59:59`, in UTC; without it to the end of today.",
    _DATE,
)


def version_parameter(effect: str) -> OpenApiParameter:
    """Return the parameter X-Convoy-Version, which names the API version that a client was written for."""
    return OpenApiParameter(
        "X-Convoy-Version",
        {"type": "string", "enum": ["2024-04-01", "2025-11-24"], "default": "2025-11-24"},
        location=OpenApiParameter.HEADER,
        description=f"The API version that the client was written for. {effect}",
    )


# Requests and operations


def describe(serializer: Serializer, component: str, required: Sequence[str] = (), /, **properties: Schema) -> None:
    """Make `serializer` the component `component`, and add `properties` to the schemas of its fields.

    A serializer that is not described is the component `models.` and its name, as in the published document.
    `required` lists the fields that the operation requires although the serializer does not.
    """
    COMPONENTS[serializer] = component
    PROPERTIES[serializer] = properties
    REQUIRED[serializer] = required


def takes_null(*bodies: Serializer) -> None:
    """Declare that null is accepted as these bodies, as an object without members; their errors are detailed."""
    NULLABLE.update(bodies)


def body(
    serializer: Serializer | serializers.BaseSerializer[Any], examples: Mapping[str, Any]
) -> dict[str, OpenApiRequest]:
    """Return the request body that `serializer` reads, with examples by their titles."""
    return {JSON: OpenApiRequest(serializer, examples=_examples(examples))}


class Outcome(NamedTuple, Generic[D]):
    """A success of an operation: its message, the type of its data, and examples of these by their titles.

    A single title stands for the example of the type. `schema` has what the type does not say.
    """

    message: str
    data: type[D]
    examples: Mapping[str, D] | str = MappingProxyType({})
    status: int = HTTPStatus.OK
    schema: Mapping[str, Any] = MappingProxyType({})

    @property
    def shown(self) -> Mapping[str, D]:
        """Return the examples by their titles."""
        return {self.examples: _example(self.data)} if isinstance(self.examples, str) else self.examples


class Declared(TypedDict, total=False):
    """The parts of a declaration that an operation may leave out."""

    request: dict[str, OpenApiRequest]
    parameters: Sequence[OpenApiParameter]
    outcomes: Sequence[Outcome[Any]]
    refused: Sequence[Refusal]
    not_found: type[DomainError]


class Changed(Declared, total=False):
    """The parts of a declaration that a twin may change."""

    description: str
    success: Outcome[Any]
    #: The names of parameters, and the refusals, that the other path does not have.
    without: Sequence[str | Refusal]


class Tag(NamedTuple):
    """A group of operations by its name in the document; without `envelope` they answer with their data alone."""

    name: str
    envelope: bool = True

    def operation(
        self, operation_id: str, summary: str, *, description: str, success: Outcome[D], **declared: Unpack[Declared]
    ) -> "Operation[D]":
        """Declare an operation of this group."""
        return Operation(operation_id, summary, tag=self, description=description, success=success, **declared)


class Operation(Generic[D]):
    """One operation: decorates its handler, answers with the data that the handler returns, and documents both.

    `refused` lists what the operation itself refuses; what every operation refuses is added by schema.py.
    With `not_found`, that refusal takes the place of a NotFound that the handler raises: the original has many words
    for it. With `outcomes` there are more successes, and the handler returns an `answer()`. `parameters` are those of
    the query, and those of the path that `name_in_path` does not describe.
    """

    def __init__(
        self,
        operation_id: str,
        summary: str,
        *,
        tag: Tag,
        description: str,
        success: Outcome[D],
        outcomes: Sequence[Outcome[Any]] = (),
        request: dict[str, OpenApiRequest] | None = None,
        parameters: Sequence[OpenApiParameter] = (),
        refused: Sequence[Refusal] = (),
        not_found: type[DomainError] | None = None,
    ) -> None:
        self._declared = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        self.description = description
        self.success = success
        self.not_found = not_found
        self._envelope = tag.envelope
        refusals = [*refused, *([not_found] if not_found else [])]
        self._document = extend_schema(
            operation_id=operation_id,
            summary=summary,
            tags=[tag.name],
            description=description,
            request=request,
            parameters=list(parameters),
            responses=_successes([success, *outcomes], tag.envelope) | _refusals(refusals),
        )

    def __call__(self, handler: Callable[P, D | HttpResponse]) -> Callable[P, HttpResponse]:
        """Wrap a handler, so that it answers with the data that it returns.

        This declaration takes the place of another one that decorates the handler already, as in a portal's view.
        """
        handler = getattr(handler, "__wrapped__", handler)

        @wraps(handler)
        def answering(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                data = handler(*args, **kwargs)
            except NotFound as error:
                if self.not_found is None:
                    raise
                raise self.not_found() from error
            return data if isinstance(data, HttpResponse) else self.answer(data)

        return cast(Callable[P, HttpResponse], self._document(answering))

    def answer(self, data: D, outcome: Outcome[Any] | None = None) -> HttpResponse:
        """Return the answer that carries `data`: that of the first success, or of another `outcome`."""
        said = outcome or self.success
        answer = success(said.message, data, said.status) if self._envelope else bare(data, said.status)
        if isinstance(data, Array) and data.rest:
            answer["Link"] = data.link
        return answer

    def twin(
        self, operation_id: str, summary: str, *, tag: Tag | None = None, **changed: Unpack[Changed]
    ) -> "Operation[D]":
        """Declare this operation again under another path, with the differences that are `changed`."""
        named = {"operation_id": operation_id, "summary": summary, "tag": tag or self._declared["tag"]}
        without = changed.pop("without", ())
        declared: dict[str, Any] = self._declared | named | {**changed}
        parameters = [parameter for parameter in declared["parameters"] if parameter.name not in without]
        refused = [refusal for refusal in declared["refused"] if refusal not in without]
        return Operation(**declared | {"parameters": parameters, "refused": refused})


def _successes(outcomes: Sequence[Outcome[Any]], envelope: bool) -> dict[int, OpenApiResponse]:
    """Describe the successes of an operation by status; those of one status are examples of one answer."""
    responses = {}
    for status in dict.fromkeys(outcome.status for outcome in outcomes):
        these = [outcome for outcome in outcomes if outcome.status == status]
        first = these[0]
        answers = {
            title: {"status": True, "message": outcome.message, "data": value} if envelope else value
            for outcome in these
            for title, value in outcome.shown.items()
        }
        body: Schema | None
        if envelope:
            shown = {**schema_of(first.data), **first.schema}
            if shown.get("type") == "array":
                shown |= {"description": "All of them, without pages."}
            data_member = {"type": "object", "properties": {"data": shown}, "required": ["data"]}
            body = {"allOf": [ENVELOPE, data_member]}
        else:
            body = None if first.data is NoneType else {**schema_of(first.data), **first.schema}
        responses[int(status)] = OpenApiResponse(body, first.message, _examples(answers))
    return responses


def _example(data: Any) -> Any:
    """Return the example of a document, of a page or a list of one, or of nothing."""
    if data is NoneType:
        return None
    if not get_args(data):
        return example(data)
    row = example(get_args(data)[0])
    return [row] if get_origin(data) is list else page_example(row)


def _refusals(refused: Sequence[Refusal]) -> dict[int, OpenApiResponse]:
    """Describe the refusals of an operation by status."""
    by_status: dict[int, dict[str, Any]] = {}
    for one in refused:
        cases = by_status.setdefault(one.status, {})
        if one.title() in cases:
            raise ValueError(f"two refusals of one operation are titled {one.title()!r}")
        cases[one.title()] = refusal(one.message)
        if one.example_errors:
            cases[one.title()]["errors"] = list(one.example_errors)
    return {status: OpenApiResponse(REFUSAL, REFUSED, _examples(cases)) for status, cases in by_status.items()}


def page_example(*rows: Row) -> PageOf[Row]:
    """Return an example of a page that holds `rows`."""
    return {"content": list(rows), "pagination": example(Pagination)}


def refusal(message: str) -> dict[str, Any]:
    """Return the envelope of an error."""
    return {"status": False, "message": message}


def example_key(title: str) -> str:
    """Return the key of the example with this title."""
    return "".join(word[0].upper() + word[1:] for word in re.findall(r"\w+", title))


def _examples(values: Mapping[str, Any]) -> list[OpenApiExample]:
    return [OpenApiExample(example_key(title), value, summary=title) for title, value in values.items()]
