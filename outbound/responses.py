"""Read a response up to a limit, and make its texts storable."""

import re
import zlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from core.storable_text import storable
from outbound.failures import Malformed

if TYPE_CHECKING:
    import aiohttp

MAX_HEADERS_BYTES = 65_536
#: Of a longer body the beginning is kept.
MAX_BODY_BYTES = 51_200
#: Allowed for a gzip body beyond its content, where the content cannot be made smaller; generous.
GZIP_OVERHEAD = 16_384
GZIP_BROKEN = "the response's gzip body is broken"
GZIP_ENDS_EARLY = "the response's gzip body ends early"
#: Accepts more spellings than RFC 9112: another version, several blanks, a stray CR.
_STATUS_LINE = re.compile(rb"[\r\n]*HTTP/[0-9](?:\.[0-9])? +([1-9][0-9]{2})(?:[ \r]([^\n]{0,8000}))?\n")
_END_OF_HEADERS = re.compile(rb"\n\r?\n")


def status_of(head: bytes) -> tuple[int, str] | None:
    """Return the status of the final response, and the text beside it, out of headers that cannot be read.

    The status line decides, even where the lines after it are malformed: the receiver has given its answer.
    """
    at = 0
    while found := _STATUS_LINE.match(head, at):
        status = int(found[1])
        if status >= 200 or status == HTTPStatus.SWITCHING_PROTOCOLS:
            return status, storable((found[2] or b"").strip())
        # The empty line may follow the status line at once.
        if not (end := _END_OF_HEADERS.search(head, found.end() - 1)):
            break
        at = end.end()
    return None


def storable_headers(raw: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return a response's headers as texts. Raises Malformed where they are larger than MAX_HEADERS_BYTES."""
    if sum(len(name) + len(value) for name, value in raw) > MAX_HEADERS_BYTES:
        raise Malformed(f"its headers are larger than {MAX_HEADERS_BYTES} bytes")
    return [(storable(name), storable(value)) for name, value in raw]


def needs_certificate(status: int, body: bytes) -> bool:
    """Return whether a response says, in nginx's words, that no client certificate was shown.

    nginx completes the handshake without one, and answers the request.
    """
    return status == HTTPStatus.BAD_REQUEST and b"No required SSL certificate was sent" in body


async def read_body(content: "aiohttp.StreamReader", encoding: str, into: bytearray, limit: int) -> str:
    """Append a response's body to `into`, unpacked, up to `limit` bytes. Returns why it is unreadable, or "".

    `encoding` is its Content-Encoding.
    """
    if encoding.strip().lower() in ("gzip", "x-gzip"):
        return await _gunzip(content, into, limit)
    while chunk := await content.readany():
        if len(into) + len(chunk) > limit:
            into += chunk[: limit - len(into)]
            break
        into += chunk
    return ""


async def _gunzip(content: "aiohttp.StreamReader", into: bytearray, limit: int) -> str:
    member = zlib.decompressobj(wbits=31)
    compressed = 0
    while data := await content.readany():
        compressed += len(data)
        while data:
            if member.eof:
                if not data.startswith(b"\x1f"):
                    return ""  # padding
                member = zlib.decompressobj(wbits=31)
            try:
                # `limit` is not reached here: a maximum of 0 would mean no limit.
                into += member.decompress(data, limit - len(into))
            except zlib.error:
                return GZIP_BROKEN
            data = member.unused_data if member.eof else member.unconsumed_tail
            if len(into) >= limit:
                return ""
        if compressed > limit + GZIP_OVERHEAD:
            return ""
    return "" if member.eof or not compressed else GZIP_ENDS_EARLY
