"""Serve static files, compressed, under names that change with their content: a browser keeps them for a year.

There is no build step. A name is `portal/portal.0123456789ab.css`: a digest of the content, computed once in a process.
Files under their own names are WhiteNoise's, with a short cache.
"""

import mimetypes
import posixpath
import re
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.content import Content, answer_content, make_content

DIGITS = 12
YEAR_SECONDS = 365 * 24 * 60 * 60
#: How long a browser keeps a file whose name has an old digest: a page from before an upgrade asks for it.
STALE_SECONDS = 60

_HASHED = re.compile(rf"(.+)\.([0-9a-f]{{{DIGITS}}})(\.[A-Za-z0-9]+)\Z")
#: The files that were asked for, by name.
_FILES: dict[str, Content] = {}


class HashedStorage(StaticFilesStorage):
    """Make `{% static %}` return names that change with the content."""

    def url(self, name: str | None) -> str:
        """Return the URL of a file; of a folder, or of what does not exist, that of the name itself."""
        found = static_file(name) if name else None
        if name is None or found is None:
            return super().url(name)
        stem, dot, ending = name.rpartition(".")
        return super().url(f"{stem}.{found.digest[:DIGITS]}{dot}{ending}")


class HashedFiles:
    """Middleware that answers requests for such names before WhiteNoise sees them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the file, or pass the request on."""
        prefix = settings.STATIC_URL
        if request.method in ("GET", "HEAD") and request.path_info.startswith(prefix):
            match = _HASHED.match(request.path_info.removeprefix(prefix))
            found = static_file(match[1] + match[3]) if match else None
            if match and found:
                is_current = match[2] == found.digest[:DIGITS]
                seconds, also = (YEAR_SECONDS, ", immutable") if is_current else (STALE_SECONDS, "")
                cached = {"Cache-Control": f"public, max-age={seconds}{also}", "Access-Control-Allow-Origin": "*"}
                return answer_content(request, found, cached)
        return self.get_response(request)


def static_file(name: str) -> Content | None:
    """Return the static file with this name, which has an ending; None where there is none."""
    if name in _FILES:
        return _FILES[name]
    # One name for each file, so that requests cannot fill the memory with copies.
    if "." not in name or "\x00" in name or name.startswith(("/", "..")) or posixpath.normpath(name) != name:
        return None
    path = finders.find(name)
    if not isinstance(path, str) or not Path(path).is_file():
        return None
    content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return _FILES.setdefault(name, make_content(Path(path).read_bytes(), content_type))
