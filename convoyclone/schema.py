"""Serve the OpenAPI document that is committed beside the code, read once for each process.

Making it takes over a second of CPU, which anybody could ask for. `script/lint` keeps the file in step with the code.
"""

import gzip
import hashlib
from functools import cache
from typing import NamedTuple

import orjson
import yaml
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from core.api import envelope

DOCUMENT = settings.BASE_DIR / "openapi.yaml"
YAML, JSON = "application/vnd.oai.openapi", "application/vnd.oai.openapi+json"
#: The content types that a caller may ask for, each with the form that it gets.
_FORMS = {YAML: YAML, "application/yaml": YAML, JSON: JSON, "application/json": JSON}


class Form(NamedTuple):
    """The document in one form."""

    plain: bytes
    zipped: bytes
    digest: str


@cache
def forms() -> dict[str, Form]:
    """Return the document as YAML and as JSON, by their content types."""
    written = DOCUMENT.read_bytes()
    document = yaml.load(written, Loader=yaml.CSafeLoader)
    return {YAML: _form(written), JSON: _form(orjson.dumps(document))}


def schema(request: HttpRequest) -> HttpResponseBase:
    """Answer the document: YAML, or JSON where the caller prefers it."""
    if request.method not in ("GET", "HEAD"):
        refused = envelope.error("method not allowed", 405)
        refused["Allow"] = "GET, HEAD"
        return refused
    kind = _kind(request)
    form = forms()[kind]
    is_zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    etag = f'"{form.digest}{"-gzip" if is_zipped else ""}"'
    response = HttpResponse(form.zipped if is_zipped else form.plain, content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'inline; filename="ConvoyClone API.{"json" if kind == JSON else "yaml"}"'
    if is_zipped:
        response["Content-Encoding"] = "gzip"
    response["ETag"] = etag
    response["Vary"] = "Accept, Accept-Encoding"
    response["Cache-Control"] = "no-cache"
    return get_conditional_response(request, etag=etag, response=response) or response


def _kind(request: HttpRequest) -> str:
    if asked := request.GET.get("format", ""):
        return JSON if "json" in asked else YAML
    return _FORMS[request.get_preferred_type(list(_FORMS)) or YAML]


def _form(text: bytes) -> Form:
    return Form(text, gzip.compress(text, mtime=0), hashlib.sha256(text).hexdigest()[:32])
