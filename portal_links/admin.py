"""Portal links for operators: opened, copied, revoked."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from convoyclone.admin import OperatorAdmin
from portal_links import operations
from portal_links.models import PortalLink, portal_url


@admin.register(PortalLink)
class PortalLinkAdmin(OperatorAdmin):
    """The live links of live projects. A link's URL opens the portal, so it is on no page: only a POST gets it."""

    list_display = ["name", "portal", "owner_id", "auth_type", "can_manage_endpoint", "project", "created_at"]
    # PostgreSQL 18 skips through the index link_of_owner for this; an index of its own would cost each creation.
    search_fields = ["uid__exact", "owner_id__startswith"]
    search_help_text = "By id, or by the beginning of the owner_id."
    actions = ["revoke"]
    fields = [
        *("name", "portal", "owner_id", "endpoints", "auth_type", "can_manage_endpoint", "project", "uid"),
        *("created_at", "updated_at"),
    ]

    class Media:
        js = ["operators/copy.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PortalLink]:
        live = PortalLink.objects.filter(deleted_at=None, project__deleted_at=None).select_related("project")
        return live.defer("token", "token_digest", "project__config", "project__meta_event")

    def get_urls(self) -> list[Any]:
        """Django's pages, and the two ways to a link's URL."""
        view = self.admin_site.admin_view
        return [
            path("<link_id>/open", view(self.open_portal), name="portal_link_open"),
            path("<link_id>/url", view(self.read_url), name="portal_link_url"),
            *super().get_urls(),
        ]

    @admin.display
    def portal(self, link: PortalLink) -> SafeString:
        """The buttons. They are in the form of the page, which holds the CSRF token."""
        return format_html(
            '<span class="nowrap"><button class="button" formmethod="post" formaction="{}" formtarget="_blank">Open'
            '</button> <button class="button" type="button" data-copy-from="{}">Copy URL</button></span>',
            reverse("admin:portal_link_open", args=[link.pk]),
            reverse("admin:portal_link_url", args=[link.pk]),
        )

    @method_decorator(require_POST)
    def open_portal(self, request: HttpRequest, link_id: str) -> HttpResponse:
        """Go to the portal."""
        return HttpResponseRedirect(self._url(request, link_id, "Opened the portal."))

    @method_decorator(require_POST)
    def read_url(self, request: HttpRequest, link_id: str) -> HttpResponse:
        """Answer the URL in plain text, for copy.js."""
        return HttpResponse(self._url(request, link_id, "Copied the URL."), content_type="text/plain")

    def _url(self, request: HttpRequest, link_id: str, done: str) -> str:
        if not self.has_operate_permission(request):
            raise PermissionDenied
        link = get_object_or_404(self.get_queryset(request), pk=link_id)
        auth_token = ""
        if link.auth_type == PortalLink.AuthType.REFRESH_TOKEN:
            auth_token = operations.mint_refresh_token(link.project_id, link.pk)
        self.log_change(request, link, done)
        return portal_url(link.token, auth_token)

    @admin.action(description="Revoke", permissions=["operate"])
    def revoke(self, request: HttpRequest, selected: QuerySet[PortalLink]) -> HttpResponseBase | None:
        """End the selected links for good."""
        return self.run(
            request,
            selected,
            lambda link: operations.revoke_portal_link(link.project_id, link.pk),
            "Revoked",
            question="Revoke these portal links for good?",
        )
