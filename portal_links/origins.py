"""Let the pages of a project's allowed origins read what a portal credential opens.

Contract: docs/contract/portal-sessions.md#portal-api.
"""

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from projects.models import Project

#: The seconds for which a browser keeps the answer to a preflight.
PREFLIGHT_SECONDS = 600


def preflight() -> HttpResponse:
    """Return the answer to a preflight, which carries no token: an empty body."""
    response = HttpResponse()
    del response["Content-Type"]
    return response


def allow_origin(
    request: HttpRequest, response: HttpResponse, project: Project | None, *, methods: str, headers: Iterable[str]
) -> None:
    """Write the headers of CORS into a response. Cookies are neither read nor allowed.

    `project` is that of the caller; without one, as for a preflight, the origin of any project will do.
    """
    origin = request.META.get("HTTP_ORIGIN", "")
    if origin and _allows(project, origin):
        response["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS":
            response["Access-Control-Allow-Methods"] = methods
            response["Access-Control-Allow-Headers"] = ", ".join(headers)
            response["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    patch_vary_headers(response, ["Origin"])


def _allows(project: Project | None, origin: str) -> bool:
    if project is not None:
        return origin in project.portal_allowed_origins
    return Project.objects.live().filter(portal_allowed_origins__contains=[origin]).exists()
