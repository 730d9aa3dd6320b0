"""The admin with the pages that belong to no table: the search on the start page, and the page of a customer."""

from typing import Any

from django.contrib import admin
from django.urls import path

from operators.customers import customer
from operators.search_page import search


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
            path("search", self.admin_view(search), name="search"),
            path("customers/<project_id>/", self.admin_view(customer), name="customer_of"),
            path("customers/<project_id>/<path:owner_id>/", self.admin_view(customer), name="customer"),
            *super().get_urls(),
        ]
