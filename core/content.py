"""Answer with contents that the process keeps: compressed, and with 304 for a caller that has them already."""

import gzip
import hashlib
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers

#: A shorter content is not compressed: it would hardly need fewer packets.
SHORTEST_COMPRESSED = 500
_TEXTS = ("text/", "application/json", "application/javascript", "application/vnd.oai.openapi", "image/svg+xml")


@dataclass(frozen=True, slots=True)
class Content:
    """The body of an answer in the forms in which it is sent."""

    plain: bytes
    #: Empty where compressing is no gain.
    compressed: bytes
    content_type: str
    digest: str


def make_content(plain: bytes, content_type: str) -> Content:
    """Return the content for the bytes of a body. A text is UTF-8."""
    is_text = content_type.startswith(_TEXTS)
    compressed = gzip.compress(plain, 9, mtime=0) if is_text and len(plain) >= SHORTEST_COMPRESSED else b""
    return Content(
        plain,
        compressed if len(compressed) < len(plain) else b"",
        f"{content_type}; charset=utf-8" if is_text else content_type,
        hashlib.sha256(plain).hexdigest(),
    )


def answer_content(request: HttpRequest, content: Content, headers: dict[str, str]) -> HttpResponseBase:
    """Answer a content with further headers, or 304 where the caller has it."""
    is_compressed = bool(content.compressed) and _takes_gzip(request.headers.get("Accept-Encoding", ""))
    body = content.compressed if is_compressed else content.plain
    response = HttpResponse(body, content_type=content.content_type, headers=headers)
    response["Content-Length"] = str(len(body))
    response["ETag"] = etag = f'"{content.digest[:32]}{"-gzip" if is_compressed else ""}"'
    if is_compressed:
        response["Content-Encoding"] = "gzip"
    if content.compressed:
        patch_vary_headers(response, ["Accept-Encoding"])
    return get_conditional_response(request, etag=etag, response=response) or response


def _takes_gzip(accepted: str) -> bool:
    """Return whether an Accept-Encoding header allows gzip."""
    for part in accepted.lower().split(","):
        coding, _, quality = part.replace(" ", "").partition(";q=")
        if coding in ("gzip", "*"):
            return quality.strip("0.") != "" if quality else True
    return False
