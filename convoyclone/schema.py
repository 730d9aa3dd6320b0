"""Serve the OpenAPI document that is committed beside the code.

Each of its forms is read once in a process, when somebody asks for it.
Making it takes over a second of CPU, which anybody could ask for. `script/lint` keeps the file in step with the code.
"""

from functools import cache
from threading import Lock

import orjson
import yaml
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.api import envelope
from core.content import Content, answer_content, make_content

DOCUMENT = settings.BASE_DIR / "openapi.yaml"
YAML, JSON = "application/vnd.oai.openapi", "application/vnd.oai.openapi+json"
#: The content types that a caller may ask for, each with the form that it gets.
_FORMS = {YAML: YAML, "application/yaml": YAML, JSON: JSON, "application/json": JSON}

_making = Lock()


@cache
def form(kind: str) -> Content:
    """Return the document in one form, by its content type."""
    written = DOCUMENT.read_bytes()
    if kind == JSON:
        written = orjson.dumps(yaml.load(written, Loader=yaml.CSafeLoader))
    return make_content(written, kind)


def schema(request: HttpRequest) -> HttpResponseBase:
    """Answer the document: YAML, or JSON where the caller prefers it."""
    if request.method not in ("GET", "HEAD"):
        refused = envelope.error("method not allowed", 405)
        refused["Allow"] = "GET, HEAD"
        return refused
    kind = _kind(request)
    # First requests side by side make it once.
    with _making:
        found = form(kind)
    name = f"ConvoyClone API.{'json' if kind == JSON else 'yaml'}"
    headers = {
        "Content-Disposition": f'inline; filename="{name}"',
        "Cache-Control": "no-cache",
        "Vary": "Accept, Accept-Encoding",
    }
    return answer_content(request, found, headers)


def _kind(request: HttpRequest) -> str:
    if asked := request.GET.get("format", ""):
        return JSON if "json" in asked else YAML
    return _FORMS[request.get_preferred_type(list(_FORMS)) or YAML]
