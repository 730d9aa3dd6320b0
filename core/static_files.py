"""Serve static files under names that tell their content, compressed: a browser keeps them for a year.

There is no build step. A name is `portal/portal.0123456789ab.css`: a digest of the content, computed once in a process.
Files under their own names are WhiteNoise's, with a short cache.
"""

import gzip
import hashlib
import mimetypes
import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags

DIGITS = 12
YEAR_SECONDS = 365 * 24 * 60 * 60
#: A name of another content than the present one, as a page asks for that was made before an upgrade.
STALE_SECONDS = 60
#: A file that is shorter is not compressed: it would hardly need fewer packets.
SHORTEST_COMPRESSED = 500

_HASHED = re.compile(rf"(.+)\.([0-9a-f]{{{DIGITS}}})(\.[A-Za-z0-9]+)\Z")
_TEXTS = ("text/", "application/json", "application/javascript", "image/svg+xml")


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file, as it is sent."""

    content: bytes
    #: Empty where compressing is no gain.
    compressed: bytes
    content_type: str
    digest: str


#: The files that were asked for, by name.
_FILES: dict[str, StaticFile] = {}


class HashedStorage(StaticFilesStorage):
    """Lead `{% static %}` to names that tell the content."""

    def url(self, name: str | None) -> str:
        """Return the URL of a file; of a folder, or of what does not exist, that of the name itself."""
        found = static_file(name) if name else None
        if name is None or found is None:
            return super().url(name)
        stem, dot, ending = name.rpartition(".")
        return super().url(f"{stem}.{found.digest}{dot}{ending}")


class HashedFiles:
    """Middleware that answers requests for names that tell the content, before WhiteNoise sees them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the file, or pass the request on."""
        prefix = settings.STATIC_URL
        if request.method in ("GET", "HEAD") and request.path_info.startswith(prefix):
            match = _HASHED.match(request.path_info.removeprefix(prefix))
            found = static_file(match[1] + match[3]) if match else None
            if match and found:
                return _answer(request, found, is_current=match[2] == found.digest)
        return self.get_response(request)


def static_file(name: str) -> StaticFile | None:
    """Return the static file with this name, which has an ending; None where there is none."""
    if name in _FILES:
        return _FILES[name]
    # One name for each file, so that requests cannot fill the memory with copies.
    if "." not in name or "\x00" in name or name.startswith(("/", "..")) or posixpath.normpath(name) != name:
        return None
    path = finders.find(name)
    if not isinstance(path, str) or not Path(path).is_file():
        return None
    return _FILES.setdefault(name, _read(name, path))


def _read(name: str, path: str) -> StaticFile:
    content = Path(path).read_bytes()
    content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    is_text = content_type.startswith(_TEXTS)
    compressed = gzip.compress(content, 9, mtime=0) if is_text and len(content) >= SHORTEST_COMPRESSED else b""
    return StaticFile(
        content,
        compressed if len(compressed) < len(content) else b"",
        f"{content_type}; charset=utf-8" if is_text else content_type,
        hashlib.sha256(content).hexdigest()[:DIGITS],
    )


def _answer(request: HttpRequest, found: StaticFile, *, is_current: bool) -> HttpResponse:
    is_compressed = bool(found.compressed) and _takes_gzip(request.headers.get("Accept-Encoding", ""))
    etag = f'"{found.digest}{"-gzip" if is_compressed else ""}"'
    response: HttpResponse
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        response = HttpResponseNotModified()
    else:
        response = HttpResponse(found.compressed if is_compressed else found.content, content_type=found.content_type)
        if is_compressed:
            response["Content-Encoding"] = "gzip"
        response["Content-Length"] = str(len(response.content))
    response["ETag"] = etag
    seconds, also = (YEAR_SECONDS, ", immutable") if is_current else (STALE_SECONDS, "")
    response["Cache-Control"] = f"public, max-age={seconds}{also}"
    response["Access-Control-Allow-Origin"] = "*"
    if found.compressed:
        patch_vary_headers(response, ["Accept-Encoding"])
    return response


def _takes_gzip(accepted: str) -> bool:
    """Return whether an Accept-Encoding header allows gzip."""
    for part in accepted.lower().split(","):
        coding, _, quality = part.replace(" ", "").partition(";q=")
        if coding in ("gzip", "*"):
            return quality.strip("0.") != "" if quality else True
    return False
