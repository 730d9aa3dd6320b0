"""Show the record of activity on the customer's endpoints, by session and day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.db.models import Q
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from activity.models import CUSTOMERS, Activity, ActivityQuerySet
from core.actors import ActorKind
from core.storable_text import typed
from deliveries.reads import COUNTED_AT_MOST
from portal.activity import is_own, visible
from portal.activity_words import CHOICES, Said, said
from portal.pages.shell import PageRequest, page, show
from portal_links.access import Access
from portal_links.models import PortalSession

PAGE_SIZE = 50
#: The most endpoints that can be chosen from a list.
LISTED = 200


class Shown(NamedTuple):
    """A row as the page shows it."""

    time: datetime
    words: Said


@dataclass(slots=True)
class Group:
    """The acts of one actor on one day, newest first."""

    #: The name of the actor, in words.
    who: str
    is_current: bool
    rows: list[Shown] = field(default_factory=list)

    @property
    def first(self) -> datetime:
        """Return the time of the oldest row."""
        return self.rows[-1].time

    @property
    def is_moment(self) -> bool:
        """Return whether all acts have the same time, as the page shows it to the second."""
        return self.first.replace(microsecond=0) == self.last.replace(microsecond=0)

    @property
    def last(self) -> datetime:
        """Return the time of the newest row."""
        return self.rows[0].time


@page
@require_safe
def activity(request: PageRequest, access: Access) -> HttpResponse:
    """Show the rows that match the parameters, this session's first."""
    names = ("what", "endpoint", "q", "after")
    sent = {name: typed(request.GET, name) for name in names}
    return show(request, access, "portal/activity.html", activity_context(access, **sent))


def activity_context(access: Access, *, what: str, endpoint: str, q: str, after: str) -> dict[str, Any]:
    """Return the context of the page: `what` is one of CHOICES, `after` the last row of the page before.

    Five statements at most, however many rows there are.
    """
    rows = _matching(visible(access), what=what, endpoint=endpoint, q=q)
    older = rows.filter(pk__lt=after) if after else rows
    found = list(older.order_by("-pk")[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    endpoints = list(access.endpoints().order_by("name", "pk").values_list("pk", "name")[:LISTED])
    return {
        "groups": _groups(access, shown, dict(endpoints)),
        "shown": len(shown),
        "total": rows.order_by()[: COUNTED_AT_MOST + 1].count() if len(found) > PAGE_SIZE or after else len(shown),
        "most": COUNTED_AT_MOST,
        "next": shown[-1].pk if len(found) > PAGE_SIZE else "",
        "choices": [(value, title) for value, (title, _) in CHOICES.items()],
        "endpoints": endpoints,
        "what": what,
        "chosen": endpoint,
        "q": q,
        "after": after,
        "is_filtered": bool(what or endpoint or q),
    }


def _matching(rows: ActivityQuerySet, *, what: str, endpoint: str, q: str) -> ActivityQuerySet:
    if what in CHOICES:
        rows = rows.filter(reduce(or_, (Q(verb__startswith=beginning) for beginning in CHOICES[what][1])))
    if endpoint:
        rows = rows.filter(endpoint_id=endpoint)
    if q:
        rows = rows.filter(object_name__icontains=q)
    return rows


def _groups(access: Access, rows: Sequence[Activity], listed: Mapping[str, str]) -> list[Group]:
    """Return the rows by actor and day: those of the caller of today first, then the newest."""
    sessions = _sessions(access, rows)
    names = _endpoint_names(access, rows, listed)
    today = timezone.now().astimezone(UTC).date()
    groups: dict[tuple[Any, ...], Group] = {}
    for row in rows:
        day = row.created_at.astimezone(UTC).date()
        who = _who(access, row, sessions)
        key = (day, row.actor_kind, row.actor_uid, who)
        if key not in groups:
            groups[key] = Group(who, _is_current(access, row) and (day == today or access.session is not None))
        groups[key].rows.append(Shown(row.created_at, said(row, _endpoint(access, row, names))))
    return sorted(groups.values(), key=lambda group: not group.is_current)


def _sessions(access: Access, rows: Sequence[Activity]) -> dict[str, PortalSession]:
    """Return the sessions among the actors of the rows, by their ids."""
    ids = {row.actor_uid for row in rows if row.actor_kind == ActorKind.PORTAL_SESSION}
    if not ids:
        return {}
    found = PortalSession.objects.for_project(access.project.pk).filter(pk__in=ids)
    columns = ("portal_link_id", "opened_from", "last_used_from")
    return {session.pk: session for session in found.only("uid", *columns)}


def _endpoint_names(access: Access, rows: Sequence[Activity], listed: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the endpoints of the rows that the customer can open."""
    ids = {row.endpoint_id for row in rows} - {""}
    if missing := ids - listed.keys():
        return dict(listed) | dict(access.endpoints().filter(pk__in=missing).values_list("pk", "name"))
    return dict(listed)


def _is_current(access: Access, row: Activity) -> bool:
    current = access.session or access.link
    return row.actor_kind in CUSTOMERS and current is not None and row.actor_uid == current.pk


def _who(access: Access, row: Activity, sessions: Mapping[str, PortalSession]) -> str:
    """Return who acted, in words. A link or session that is not the customer's own has no name."""
    project = access.project.portal_name or access.project.name
    match row.actor_kind:
        case ActorKind.API_KEY:
            return gettext("{project}, by its API").format(project=project)
        case ActorKind.OPERATOR:
            return gettext("{project}, support").format(project=project)
        case ActorKind.CIRCUIT_BREAKER | ActorKind.SERVER:
            return gettext("{project}, automatically").format(project=project)
    session = sessions.get(row.actor_uid)
    link = access.link
    is_of_link = link is not None and session is not None and session.portal_link_id == link.pk
    own = {current.pk for current in (access.link, access.session) if current is not None}
    if not is_of_link and not is_own(access, row, own):
        return gettext("Another access")
    if row.actor_kind == ActorKind.PORTAL_LINK:
        return gettext("Link “{name}”").format(name=row.actor_name)
    address = "" if session is None else session.last_used_from or session.opened_from or ""
    if address:
        return gettext("Session of “{name}”, {address}").format(name=row.actor_name, address=address)
    return gettext("Session of “{name}”").format(name=row.actor_name)


def _endpoint(access: Access, row: Activity, names: Mapping[str, str]) -> str:
    """Return the endpoint of a row: a link to it, or its recorded name where it cannot be opened any more."""
    if row.endpoint_id in names:
        address = reverse("portal-endpoint", args=[access.project.pk, row.endpoint_id])
        return format_html('<a href="{}">{}</a>', address, names[row.endpoint_id])
    if row.object_uid == row.endpoint_id:
        return row.object_name
    return gettext("an endpoint that is gone") if row.endpoint_id else ""
