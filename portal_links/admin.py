"""Admin pages of portal links and portal sessions: operators open, copy, revoke and end them."""

import json
from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from core.admin import MOST_FOUND, NOTHING, TimedAdmin, among, by_ids
from core.admin_display import at, customer_link, cut, list_link, project_link, row_link, yes_no
from core.admin_filters import ByOwner, ByProject, Since
from portal_links import operations, sessions
from portal_links.admin_pages import SCOPE_ROWS, preview, show_scope
from portal_links.capabilities import WORDS
from portal_links.delivery_links import revoke_found_link
from portal_links.models import DeliveryLink, PortalLink, PortalSession, portal_url
from portal_links.scope import scope_of_link, scope_of_session

#: The filter for sessions without access looks at this many of the newest.
NEWEST = 10_000
MANAGES = yes_no("can_manage_endpoint", "manages")
SHOWS = yes_no("shows_payload", "shows the payload")


@admin.register(PortalLink)
class PortalLinkAdmin(TimedAdmin):
    """The live links of live projects. A link's URL opens the portal, so no page shows it: only a POST returns it."""

    list_display = ["name", "portal", "owner", "auth_type", MANAGES, "project", "created_at"]
    list_filter = [Since, ByOwner, ByProject]
    # PostgreSQL 18 uses link_of_owner for owners by skip scans; another index would slow down each creation.
    search_fields = ["uid__exact", "owner_id__startswith", "name__startswith"]
    search_help_text = "Search by id, or by the beginning of the owner_id or the name."
    actions = ["revoke"]
    fields = [
        *("name", "portal", "owner", "its_endpoints", "auth_type", MANAGES, "project_link", "uid", "related"),
        *("created_at", "updated_at"),
    ]

    class Media:
        js = ["operators/copy.js"]

    project_link = staticmethod(project_link)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PortalLink]:
        live = PortalLink.objects.filter(deleted_at=None, project__deleted_at=None).select_related("project")
        return live.defer("token", "token_digest", "project__config", "project__meta_event")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search as everywhere, and name what is found by its ids."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        return (by_ids(queryset, found) if search_term else found), may_repeat

    def get_urls(self) -> list[Any]:
        """Return Django's routes, the two that return a link's URL, the preview, and the explanation."""
        view = self.admin_site.admin_view
        return [
            path("<link_id>/open", view(self.open_portal), name="portal_link_open"),
            path("<link_id>/url", view(self.read_url), name="portal_link_url"),
            path("<link_id>/preview", view(self.preview), name="portal_link_preview"),
            path("<link_id>/scope", view(self.explain), name="portal_link_scope"),
            *super().get_urls(),
        ]

    @admin.display
    def owner(self, link: PortalLink) -> SafeString:
        """Return the owner, which links to the customer's page."""
        return customer_link(link.project_id, link.owner_id)

    @admin.display(description="endpoints")
    def its_endpoints(self, link: PortalLink) -> SafeString:
        """Link to the endpoints of a link's list, SCOPE_ROWS at most."""
        ids = link.endpoints[:SCOPE_ROWS]
        return format_html_join(", ", "{}", ((row_link("endpoints_endpoint_change", uid),) for uid in ids)) or NOTHING

    @admin.display(description="lists")
    def related(self, link: PortalLink) -> SafeString:
        """Link to the sessions of the link."""
        return list_link("portal_links_portalsession_changelist", "its sessions", portal_link=link.pk)

    @admin.display
    def portal(self, link: PortalLink) -> SafeString:
        """Return the buttons, which submit the form of the page, as that holds the CSRF token."""
        return format_html(
            '<span class="nowrap"><button class="button" formmethod="post" formaction="{}" formtarget="_blank">Open'
            '</button> <button class="button" type="button" data-copy-from="{}">Copy URL</button> '
            '<button class="button" formmethod="post" formaction="{}" formtarget="_blank">Preview</button> '
            '<a href="{}">Scope</a></span>',
            *(reverse(f"admin:portal_link_{name}", args=[link.pk]) for name in ("open", "url", "preview", "scope")),
        )

    @method_decorator(require_POST)
    def open_portal(self, request: HttpRequest, link_id: str) -> HttpResponse:
        """Redirect to the portal."""
        return HttpResponseRedirect(self._url(request, link_id, "Opened the portal."))

    @method_decorator(require_POST)
    def read_url(self, request: HttpRequest, link_id: str) -> HttpResponse:
        """Return the URL in plain text, for copy.js."""
        return HttpResponse(self._url(request, link_id, "Copied the URL."), content_type="text/plain")

    @method_decorator(require_POST)
    def preview(self, request: HttpRequest, link_id: str) -> HttpResponse:
        """Redirect to the portal as the customer sees it, for reading only."""
        return preview(self, request, self._operated(request, link_id))

    def explain(self, request: HttpRequest, link_id: str) -> HttpResponse:
        """Show what the link opens, and why."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        link = get_object_or_404(self.get_queryset(request), pk=link_id)
        return show_scope(self, request, link, scope_of_link(link))

    def _operated(self, request: HttpRequest, link_id: str) -> PortalLink:
        """Return the link, for an operator who may act on it."""
        if not self.has_operate_permission(request):
            raise PermissionDenied
        return get_object_or_404(self.get_queryset(request), pk=link_id)

    def _url(self, request: HttpRequest, link_id: str, done: str) -> str:
        link = self._operated(request, link_id)
        auth_token = ""
        if link.auth_type == PortalLink.AuthType.REFRESH_TOKEN:
            auth_token = operations.mint_refresh_token(link.project_id, link.pk)
        self.log_change(request, link, done)
        return portal_url(link.token, auth_token)

    @admin.action(description="Revoke", permissions=["operate"])
    def revoke(self, request: HttpRequest, selected: QuerySet[PortalLink]) -> HttpResponseBase | None:
        """Revoke the selected links for good."""
        return self.run(
            request,
            selected,
            lambda link: operations.revoke_portal_link(link.project_id, link.pk),
            "Revoked",
            question="Revoke these portal links for good?",
        )


class Active(admin.SimpleListFilter):
    """A filter for the sessions that give access now, or the others.

    Access depends on links and keys too, so that no index has the sessions without it. The filter looks for them among
    the newest NEWEST sessions that the other filters leave.
    """

    title = parameter_name = "active"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("true", "Has access now"), ("false", f"Has no access now, of the newest {NEWEST:,}")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        match self.value():
            case "true":
                return queryset.filter(pk__in=PortalSession.objects.active(now).values("pk"))
            case "false":
                oldest = queryset.order_by("-pk").values_list("pk", flat=True)[NEWEST - 1 : NEWEST]
                for pk in oldest:
                    queryset = queryset.filter(pk__gte=pk)
                return queryset.inactive(now)  # type: ignore[attr-defined,no-any-return]  # PortalSessionQuerySet
        return queryset


@admin.register(PortalSession)
class PortalSessionAdmin(TimedAdmin):
    """The portal sessions of live projects. No page shows a code or a token."""

    list_display = [
        *("made_at", "customer", "project", "surface", "state", "opened_at", "last_used", "expires_at"),
    ]
    # Active reads the newest sessions that the others leave, and comes last.
    list_filter = [Since, "surface", ByOwner, ByProject, Active]
    # get_search_results searches the owners of links too.
    search_fields = ["uid__exact", "owner_id__startswith"]
    search_help_text = "Search by id, or by the beginning of the owner_id."
    actions = ["end"]
    fields = [
        *("customer", "portal", "its_link", "project_link", "surface", "state", "allowed", "shown_metadata"),
        *(
            "reference",
            "minted_by",
            "operator",
            "uid",
            "created_at",
            "opened_at",
            "opened_from",
            "last_used_at",
            "last_used_from",
        ),
        *("expires_at", "revoked_at"),
    ]
    project_link = staticmethod(project_link)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PortalSession]:
        rows = PortalSession.objects.filter(project__deleted_at=None).listed().select_related("project")
        return rows.defer("project__config", "project__meta_event")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search as Django does, and by the beginning of the owner_id of links, twice MOST_FOUND of these.

        Each condition by itself, as an OR over two tables can use no index.
        """
        if not search_term:
            return queryset, False
        links = PortalLink.objects.filter(owner_id__startswith=search_term).values_list("pk", flat=True)
        # Live and revoked ones have an index each.
        found = [pk for is_live in (True, False) for pk in links.filter(deleted_at__isnull=is_live)[:MOST_FOUND]]
        conditions = [
            Q(among("portal_link", found)),
            *(Q(**{lookup: search_term}) for lookup in self.search_fields),
        ]
        ids: set[str] = set()
        for condition in conditions:
            ids.update(PortalSession.objects.filter(condition).values_list("pk", flat=True)[: MOST_FOUND + 1])
        # More than that are soon found from the newest on, without a second table.
        return queryset.filter(among("pk", ids) if len(ids) <= MOST_FOUND else reduce(or_, conditions)), False

    def get_urls(self) -> list[Any]:
        """Return Django's routes, the preview, and the explanation."""
        view = self.admin_site.admin_view
        return [
            path("<session_id>/preview", view(self.preview), name="portal_session_preview"),
            path("<session_id>/scope", view(self.explain), name="portal_session_scope"),
            *super().get_urls(),
        ]

    @admin.display
    def portal(self, session: PortalSession) -> SafeString:
        """Return a button, which submits the form of the page, and the way to the explanation."""
        return format_html(
            '<button class="button" formmethod="post" formaction="{}" formtarget="_blank">Preview</button> '
            '<a href="{}">Scope</a>',
            *(reverse(f"admin:portal_session_{name}", args=[session.pk]) for name in ("preview", "scope")),
        )

    @method_decorator(require_POST)
    def preview(self, request: HttpRequest, session_id: str) -> HttpResponse:
        """Redirect to the portal as the session's customer sees it, for reading only, also after its end."""
        if not self.has_operate_permission(request):
            raise PermissionDenied
        session = get_object_or_404(self.get_queryset(request), pk=session_id)
        if session.portal_link is not None and session.portal_link.deleted_at is not None:
            raise Http404
        return preview(self, request, session)

    def explain(self, request: HttpRequest, session_id: str) -> HttpResponse:
        """Show what the session opens, and why."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = PortalSession.objects.select_related("project", "portal_link__project")
        session = get_object_or_404(rows, pk=session_id, project__deleted_at=None)
        return show_scope(self, request, session, scope_of_session(session))

    @admin.display(description="created")
    def made_at(self, session: PortalSession) -> SafeString:
        """Return the time, which links to the session's page."""
        return at(session.created_at)

    @admin.display
    def customer(self, session: PortalSession) -> SafeString:
        """Return the owner, which links to the customer's page; else the name of the link, which lists endpoints."""
        owner_id = session.current_owner_id
        return customer_link(session.project_id, owner_id) if owner_id else cut(session.portal_link)

    @admin.display(description="link")
    def its_link(self, session: PortalSession) -> SafeString:
        """Return the portal link, which links to its page."""
        link = session.portal_link
        return NOTHING if link is None else row_link("portal_links_portallink_change", link.pk, link.name)

    @admin.display
    def state(self, session: PortalSession) -> str:
        """Return whether the session gives access, and if not, why."""
        if session.revoked_at is not None:
            return "ended"
        if session.expires_at <= timezone.now():
            return "expired"
        link = session.portal_link
        is_static = link is not None and link.auth_type != PortalLink.AuthType.REFRESH_TOKEN
        if link is not None and (link.deleted_at or (is_static and not session.is_preview)):
            return "link closed"
        return "has access"

    @admin.display(description="last used")
    def last_used(self, session: PortalSession) -> str:
        """Return when and from where the session was last used."""
        if session.last_used_at is None:
            return "never"
        return f"{session.last_used_at:%Y-%m-%d %H:%M:%S} from {session.last_used_from or 'an unknown address'}"

    @admin.display(description="capabilities")
    def allowed(self, session: PortalSession) -> SafeString:
        """Return in words what the session allows now."""
        words = ((text,) for name, text in WORDS.items() if name in session.current_capabilities)
        return format_html_join("", "{}<br>", words)

    @admin.display(description="metadata")
    def shown_metadata(self, session: PortalSession) -> SafeString:
        """Return the metadata, which is copied to each endpoint that is created in the session."""
        return format_html("<pre>{}</pre>", json.dumps(session.metadata, indent=2, ensure_ascii=False))

    @admin.action(description="End", permissions=["operate"])
    def end(self, request: HttpRequest, selected: QuerySet[PortalSession]) -> HttpResponseBase | None:
        """Revoke the selected sessions at once."""
        return self.run(
            request,
            selected,
            lambda session: sessions.revoke_session(session.project_id, session.pk),
            "Ended",
            question="End these portal sessions at once?",
        )


@admin.register(DeliveryLink)
class DeliveryLinkAdmin(TimedAdmin):
    """The links to single deliveries. No page shows a token: the action of deliveries shows it once."""

    list_display = ["created_at", "delivery", "maker", "state", "project", "expires_at"]
    list_filter = [Since, ByProject]
    search_fields = ["uid__exact", "delivery_id__exact"]
    search_help_text = "Search by the id of a link or of a delivery."
    actions = ["revoke"]
    fields = [
        *("uid", "project", "delivery", "maker", "customer", SHOWS, "state"),
        *("created_at", "expires_at", "revoked_at"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeliveryLink]:
        rows = DeliveryLink.objects.filter(project__deleted_at=None).select_related("project")
        makers = DeliveryLink.objects.of_live_makers(timezone.now()).filter(pk=OuterRef("pk"))
        return rows.annotate(has_maker=Exists(makers)).defer("token_digest", "project__config", "project__meta_event")

    @admin.display
    def delivery(self, link: DeliveryLink) -> SafeString:
        """Link to the delivery, which retention may have deleted."""
        return row_link("events_eventdelivery_change", link.delivery_id)

    @admin.display(description="made by")
    def maker(self, link: DeliveryLink) -> str:
        """Return who has made the link."""
        return f"{link.made_by.get('name', '')} ({link.made_by.get('kind', '')})".strip()

    @admin.display
    def state(self, link: DeliveryLink) -> str:
        """Return whether the link opens something, and if not, why."""
        if link.revoked_at is not None:
            return "revoked"
        if link.expires_at <= timezone.now():
            return "expired"
        return "opens" if link.has_maker else "ended with its maker's access"  # type: ignore[attr-defined]  # annotated

    @admin.action(description="Revoke", permissions=["operate"])
    def revoke(self, request: HttpRequest, selected: QuerySet[DeliveryLink]) -> HttpResponseBase | None:
        """Revoke the selected links for good."""
        return self.run(
            request, selected, revoke_found_link, "Revoked", question="Revoke these links to deliveries for good?"
        )
