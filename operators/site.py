"""The admin with the pages that belong to no table: the search on the start page, and the page of a customer."""

from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import TO_FIELD_VAR
from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.urls import path

from operators.customers import customer
from operators.rights import may_look
from operators.search_page import search
from operators.start_page import figures, figures_context
from operators.switch_page import switches

#: These pages hold texts of strangers. Only scripts from our own files run, and no text can set the base of links.
POLICY = "script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"


class OperatorSite(admin.AdminSite):
    """Django's admin site, with those pages."""

    site_header = site_title = "ConvoyClone"
    index_title = "Operators"
    # There is no public site to link to.
    site_url = None
    # The lists need the width, and the first page has the same links.
    enable_nav_sidebar = False
    index_template = "operators/index.html"

    def get_urls(self) -> list[Any]:
        """Return Django's routes after our own, of which its last route would take each."""
        return [
            path("figures", self.admin_view(figures), name="figures"),
            path("switches/", self.admin_view(switches), name="switches"),
            path("search", self.admin_view(search), name="search"),
            path("customers/<project_id>/", self.admin_view(customer), name="customer_of"),
            path("customers/<project_id>/<path:owner_id>/", self.admin_view(customer), name="customer"),
            *super().get_urls(),
        ]

    def index(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the figures of the instance above the tables."""
        context = {**figures_context(request), **(extra_context or {}), "may_look_at_switches": may_look(request)}
        return super().index(request, context)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Return the view as Django guards it, with our policy in its answers."""
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def with_policy(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            is_list = request.resolver_match is not None and str(request.resolver_match.url_name).endswith(
                "_changelist"
            )
            # PostgreSQL has no text with a NUL, and would refuse the statement.
            if "\x00" in request.path_info:
                raise Http404
            if is_list and "%00" in request.META.get("QUERY_STRING", ""):
                request.GET = QueryDict(request.META["QUERY_STRING"].replace("%00", ""))
            # Django looks up the field of this name, which a blank one is not.
            for method in ("GET", "POST"):
                if getattr(request, method).get(TO_FIELD_VAR) == "":
                    setattr(request, method, _without(getattr(request, method), TO_FIELD_VAR))
            response: HttpResponseBase = guarded(request, *args, **kwargs)
            response.headers.setdefault("Content-Security-Policy", POLICY)
            return response

        return with_policy


def _without(values: QueryDict, name: str) -> QueryDict:
    """Return the values of a query or a form without those of one name."""
    others = values.copy()
    del others[name]
    return others
