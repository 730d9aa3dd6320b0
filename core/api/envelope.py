"""Wrap answers in Convoy's envelope: `{status, message, data}`; an error has no `data`.

Contract: docs/contract/conventions.md#envelope.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from django.http import HttpResponse

from core.exceptions import FieldError

JSON = "application/json"


def success(message: str, data: Any = None, status: int = 200) -> HttpResponse:
    """Return the answer to an operation that was carried out. `data` may hold orjson fragments."""
    body = orjson.dumps({"status": True, "message": message, "data": data})
    return HttpResponse(body, status=status, content_type=JSON)


def bare(data: Any, status: int = 200) -> HttpResponse:
    """Return an answer without the envelope, for the contract of another product; for None, one without a body."""
    if data is None:
        return HttpResponse(status=status)
    return HttpResponse(orjson.dumps(data), status=status, content_type=JSON)


def error(message: str, status: int, errors: Sequence[FieldError] = ()) -> HttpResponse:
    """Return the answer to an operation that was refused and has changed nothing.

    `errors` are beside a message that does not tell the field and the reason.
    """
    said: dict[str, Any] = {"status": False, "message": message}
    if errors:
        said["errors"] = list(errors)
    body = orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)
    return HttpResponse(body, status=status, content_type=JSON)
