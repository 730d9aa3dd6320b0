"""The operations of the API, read from the route table, so that a test cannot forget a new one."""

import re
from typing import Any, NamedTuple

from django.urls import URLPattern
from django.urls.resolvers import RegexPattern

from convoyclone import urls
from convoyclone.api.views import ConvoyView, UnknownPath

#: What is no operation of the API. Whoever adds to this says that the route shows and changes no tenant's rows,
#: or has tests of its own that it asks for another credential.
NO_OPERATIONS = {
    "healthz": "no credential, no rows",
    "admin/": "the operators' pages (tests of each app's admin.py)",
    "portal": "the customers' page, for tokens of portal links (tests/portal)",
    "api/schema": "no rows",
    "api/docs": "no rows",
}


class Operation(NamedTuple):
    """One method of one path; `path` is under /api/v1 and has its parameters in braces."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def writes(self) -> bool:
        """Whether it changes rows: everything but GET, and the GET that mints a token."""
        return self.method != "GET" or self.path.endswith("/refresh_token")


def operations() -> list[Operation]:
    """Every operation of the route table. Fails for a route that is neither one nor known to be none."""
    found = []
    routes: list[Any] = list(urls.urlpatterns)
    for route in routes:
        if str(route.pattern) in NO_OPERATIONS:
            continue
        assert isinstance(route, URLPattern), f"{route.pattern} is not classified"
        view = getattr(route.callback, "view_class", None)
        assert view is not None, f"{route.pattern} is not classified"
        assert issubclass(view, ConvoyView), f"{route.pattern} is not classified"
        if view is UnknownPath:
            continue
        path = _path(route)
        methods = [method for method in view.http_method_names if method != "head" and hasattr(view, method)]
        found += [Operation(method.upper(), path) for method in methods]
    return found


def _path(route: URLPattern) -> str:
    text = str(route.pattern)
    if isinstance(route.pattern, RegexPattern):
        text = re.sub(r"^\^|(/\?)?(\$|\\Z)$", "", text)
    text = text.replace("<", "{").replace(">", "}")
    assert text.startswith("api/v1/"), text
    assert not set(text) & set(r"\^$?*+()[]|"), text
    return text.removeprefix("api/v1")


OPERATIONS = operations()
