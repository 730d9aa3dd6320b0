"""The operations of every API, read from the route table, so that a test cannot forget a new one."""

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from django.urls import URLPattern, URLResolver, resolve
from django.urls.resolvers import RegexPattern
from rest_framework.views import APIView

import portal.api
from convoyclone import urls
from nahook_api.base import NahookUnknownPath, NahookView
from portal_links import feather
from projects.convoy_view import ConvoyView, UnknownPath
from svix_api.base import SvixView

#: The routes that are no operations of an API. To add one is to say that it shows and changes no tenant's rows,
#: or has tests of its own that it asks for another credential.
NO_OPERATIONS = {
    "healthz": "no credential, no rows",
    "readyz": "no credential, no rows",
    "metrics": "figures of the whole instance, for METRICS_TOKEN (tests/convoyclone/test_metrics.py)",
    "": "links of the demo (tests/convoyclone/test_welcome.py)",
    "README.md": "no rows",
    "admin": "leads to admin/",
    r"^docs/?\Z": "leads to api/docs",
    "admin/": "the operators' pages (tests of each app's admin.py)",
    "api/schema": "no rows",
    "api/docs": "no rows",
    "api/docs/guides/<path:page>": "pages of docs/, no rows",
    "api/docs/": "leads to api/docs",
}


class Surface(StrEnum):
    """The product whose contract an operation follows: its callers and its refusals."""

    CONVOY = "Convoy"
    PORTAL = "portal API"
    NAHOOK = "Nahook"
    FEATHER = "Feather"
    SVIX = "Svix"


#: The most special first.
_BASES: list[tuple[type[APIView], Surface]] = [
    (portal.api.PortalView, Surface.PORTAL),
    (NahookView, Surface.NAHOOK),
    (NahookUnknownPath, Surface.NAHOOK),
    (feather.FeatherPortal, Surface.FEATHER),
    (SvixView, Surface.SVIX),
    (ConvoyView, Surface.CONVOY),
]


class Operation(NamedTuple):
    """One method of one path; `path` has its parameters in braces, and is under /api/v1 where that is Convoy's."""

    method: str
    path: str
    surface: Surface

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def url(self) -> str:
        """The whole path, its parameters in braces."""
        return f"/api/v1{self.path}" if self.surface == Surface.CONVOY else self.path

    @property
    def writes(self) -> bool:
        """Whether it needs the right to write: everything but GET and trials, and the GET that mints a token."""
        is_trial = self.path.endswith(("/test_filter", "/test_function", "/filters/test/{eventType}"))
        return self.path.endswith("/refresh_token") or (self.method != "GET" and not is_trial)

    @property
    def changes(self) -> bool:
        """Whether it changes rows: what writes, but for switches without effect, calls to somebody, and copies."""
        without = ("/toggle_status", "/oauth2/test", "/copy", "/precheck/active", "/visibility")
        return self.writes and not self.path.endswith(without)


def operations() -> list[Operation]:
    """Every operation of the route table. Fails for a route that is neither one nor known to be none."""
    found = []
    for prefix, route in _routes("", urls.urlpatterns):
        assert isinstance(route, URLPattern), f"{route.pattern} is not classified"
        view = getattr(route.callback, "view_class", None)
        assert view is not None, f"{route.pattern} is not classified"
        surface = next((surface for base, surface in _BASES if issubclass(view, base)), None)
        assert surface is not None, f"{route.pattern} is not classified"
        if issubclass(view, UnknownPath):
            continue
        path = _path(prefix, route)
        if surface == Surface.CONVOY:
            assert path.startswith("/api/v1/"), path
            path = path.removeprefix("/api/v1")
        methods = [name for name in view.http_method_names if name not in ("head", "options") and hasattr(view, name)]
        found += [Operation(name.upper(), path, surface) for name in methods]
    return found


def _is_page(route: Any) -> bool:
    """Whether it is one of the portal's pages (tests/portal, tests/browser), which take no API credential."""
    text = str(route.pattern).removeprefix("^")
    return text.removesuffix(r"\Z") == "portal" or text.startswith("portal/")


def _routes(prefix: str, routes: list[Any]) -> Iterator[tuple[str, Any]]:
    """The routes that may be operations, included ones too, each with what stands before its pattern."""
    for route in routes:
        if not prefix and (str(route.pattern) in NO_OPERATIONS or _is_page(route)):
            continue
        if isinstance(route, URLResolver):
            yield from _routes(f"{prefix}{route.pattern}", route.url_patterns)
        else:
            yield prefix, route


def _path(prefix: str, route: URLPattern) -> str:
    text = str(route.pattern)
    if isinstance(route.pattern, RegexPattern):
        text = re.sub(r"^\^|(/\?)?(\$|\\Z)$", "", text)
    text = f"{prefix}{text}"
    text = re.sub("<(?:path:|owner:)?", "{", text).replace(">", "}")
    assert not set(text) & set(r"\^$?*+()[]|"), text
    return f"/{text}"


def _is_second_path(operation: Operation) -> bool:
    """Whether it is a collection's path with a slash at its end, which the view of the path without one answers."""
    if not operation.path.endswith("/"):
        return False
    with_slash, without = (
        resolve(re.sub(r"{\w+}", "x", path)) for path in (operation.url, operation.url.removesuffix("/"))
    )
    view: Any = with_slash.func
    twin: Any = without.func
    assert (view.view_class, view.view_initkwargs, with_slash.kwargs) == (
        twin.view_class,
        twin.view_initkwargs,
        without.kwargs,
    ), f"{operation} is not the view of the path without a slash"
    return True


EVERY_OPERATION = operations()
#: Those that have their code to themselves. The matrices send their thousands of requests to these alone: a request
#: to a second path runs the same view with the same parameters.
WITHOUT_SECOND_PATHS = frozenset(operation for operation in EVERY_OPERATION if not _is_second_path(operation))
#: Those of the Convoy API.
OPERATIONS = [operation for operation in EVERY_OPERATION if operation.surface == Surface.CONVOY]
#: Those of the other APIs.
ELSEWHERE = [operation for operation in EVERY_OPERATION if operation.surface != Surface.CONVOY]


def documented_parameters(operation: Operation) -> set[str]:
    """The names of the parameters that the OpenAPI document gives the operation, of its query and of its path."""
    described = _document()[operation.url.removeprefix("/api").rstrip("/")][operation.method.lower()]
    return {parameter["name"] for parameter in described.get("parameters", ())}


@cache
def _document() -> Any:
    """The operations of the document, by path and method."""
    return yaml.load(Path(__file__).parent.parent.joinpath("openapi.yaml").read_bytes(), yaml.CSafeLoader)["paths"]
