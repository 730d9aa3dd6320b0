"""Choose the rows of the record of activity that a customer may see, and name their actors as a customer sees them.

Contract: docs/contract/activity.md#portal.
"""

from collections.abc import Sequence

from django.db.models import Q

from activity.documents import ActivityDocument, ActorDocument, activity_document
from activity.models import CUSTOMERS, Activity, ActivityQuerySet
from core.actors import ActorKind
from portal_links.access import Access
from portal_links.models import PortalSession

#: The names under which a customer sees the company's own people and keys.
COMPANY = {ActorKind.API_KEY: "API", ActorKind.OPERATOR: "Support"}


def visible(access: Access) -> ActivityQuerySet:
    """Return the rows that concern the customer.

    For an owner: the rows that were theirs when they were recorded, and the acts on their endpoints from before these
    had an owner. Acts on an endpoint while another owner had it belong to that owner. For a link without an owner: the
    acts on its endpoints, deleted ones too, and those of the link itself.
    """
    rows = Activity.objects.for_project(access.project.uid)
    if access.by_key:
        return rows
    if access.link is None or access.owner_id:
        ownerless = Q(owner_id="", endpoint_id__in=access.endpoints().order_by().values("pk"))
        return rows.filter(Q(owner_id=access.owner_id) | ownerless)
    link = access.link
    by_link = Q(actor_kind=ActorKind.PORTAL_LINK, actor_uid=link.uid)
    sessions = PortalSession.objects.filter(portal_link=link).values("pk")
    by_session = Q(actor_kind=ActorKind.PORTAL_SESSION, actor_uid__in=sessions)
    return rows.filter(Q(endpoint_id__in=link.endpoints) | by_link | by_session)


def documents(access: Access, rows: Sequence[Activity]) -> list[ActivityDocument]:
    """Return the documents of rows that the customer may see, without the parts that are not. One statement."""
    found = [activity_document(row) for row in rows]
    if access.by_key:
        return found
    own = own_actors(access, rows)
    for document, row in zip(found, rows, strict=True):
        document["actor"] = _actor(row, is_own=is_own(access, row, own))
        # An owner from before is another customer.
        document["changes"] = {name: values for name, values in row.changes.items() if name != "owner_id"}
    return found


def own_actors(access: Access, rows: Sequence[Activity]) -> set[str]:
    """Return the ids of the actors of `rows` that are the customer's own: the link, its sessions, or the caller's.

    At most one statement, and none for an owner, whose rows say so themselves.
    """
    own = {row.uid for row in (access.link, access.session) if row is not None}
    others = {
        row.actor_uid for row in rows if row.actor_kind == ActorKind.PORTAL_SESSION and not is_own(access, row, own)
    }
    if access.link is None or not others:
        return own
    return own.union(PortalSession.objects.filter(portal_link=access.link, pk__in=others).values_list("pk", flat=True))


def is_own(access: Access, row: Activity, own: set[str]) -> bool:
    """Return whether a customer may know which link or session acted: one of their owner, or one of `own_actors`."""
    return row.actor_uid in own or bool(access.owner_id and row.owner_id == access.owner_id)


def _actor(row: Activity, *, is_own: bool) -> ActorDocument:
    kind = ActorKind(row.actor_kind)
    if kind in CUSTOMERS and is_own:
        return {"kind": row.actor_kind, "uid": row.actor_uid, "name": row.actor_name}
    return {"kind": row.actor_kind, "uid": "", "name": COMPANY.get(kind, "")}
