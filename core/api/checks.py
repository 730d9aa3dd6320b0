"""Refuse requests before their body is read."""

from django.conf import settings
from rest_framework.request import Request

from core.api.envelope import JSON
from core.api.errors import TOO_LARGE
from core.exceptions import DomainError, InvalidInput

NOT_JSON = "the request body must be application/json"
IN_CHUNKS = "send the request body with a Content-Length"
NUL_IN_URL = "the request URL contains a NUL character"
ENCODED = "send the request body without a Content-Encoding: {encoding} is not supported"
#: The characters of a Content-Encoding that its refusal quotes.
MAX_ENCODING_LENGTH = 40
READS = ("GET", "HEAD")


class UnreadBody(DomainError):
    """The body is refused before it is read. The connection is closed, because the unread body still follows on it."""

    headers = {"Connection": "close"}


class UnsupportedBody(UnreadBody):
    """The body is not JSON by its Content-Type, or is compressed by its Content-Encoding."""

    status = 415


class BodyTooLarge(UnreadBody):
    """The body is longer than MAX_REQUEST_BODY_BYTES."""

    status = 413


class LengthRequired(UnreadBody):
    """The body comes in chunks, without a Content-Length."""

    status = 411


def check_body(request: Request, content_types: tuple[str, ...] = (JSON,)) -> None:
    """Refuse a body by its Content-Type and its length, before it is read. Raises DomainError."""
    content_type = request.META.get("CONTENT_TYPE", "")
    if content_type and not content_type.lower().startswith(content_types):
        raise UnsupportedBody(NOT_JSON)
    check_size(request)


def check_size(request: Request) -> None:
    """Refuse a body that is too long, has no length or is compressed, and a URL with NUL. Raises DomainError."""
    if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
        raise LengthRequired(IN_CHUNKS)
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise InvalidInput("the Content-Length is not a number") from None
    if length > settings.MAX_REQUEST_BODY_BYTES:
        raise BodyTooLarge(TOO_LARGE)
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "").strip()
    if length and encoding.lower() not in ("", "identity"):
        raise UnsupportedBody(ENCODED.format(encoding=encoding[:MAX_ENCODING_LENGTH]))
    if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
        raise InvalidInput(NUL_IN_URL)
