"""Serve the script with which a company shows the portal in a page of its own (docs/portal.md#embed)."""

import hashlib
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_safe

SCRIPT = (Path(__file__).parent / "static" / "portal" / "embed.js").read_bytes()
ETAG = f'"{hashlib.sha256(SCRIPT).hexdigest()[:32]}"'
CACHED_SECONDS = 300


@require_safe
@condition(etag_func=lambda request: ETAG)
def embed_script(request: HttpRequest) -> HttpResponse:
    """Answer the script, for pages on any site. It holds no secret, and its address does not change."""
    response = HttpResponse(SCRIPT, content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={CACHED_SECONDS}"
    # A module is loaded with CORS.
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["X-Content-Type-Options"] = "nosniff"
    return response
