"""Explain what a portal link or session opens, and why: each capability and each endpoint with its reason.

Contract: docs/contract/portal-links.md#explained. The reasons are worked out from what is stored, as access.py does it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from endpoints.models import Endpoint, EndpointQuerySet
from portal_links.capabilities import EVERYTHING, READ_ONLY, ROLES, SVIX, WORDS, Capabilities, of_link, without_hidden
from portal_links.models import PortalLink, PortalSession
from projects.models import Project

Surface = PortalSession.Surface

#: The sources of a capability, or of its absence, and of an endpoint. A value is the wire value.
ANY_LINK, CAN_MANAGE, ROLE, SCOPE, NAMES = "portal_link", "can_manage_endpoint", "role", "scope", "capabilities"
PROJECT, PREVIEW = "project", "preview"
SOURCES = (ANY_LINK, CAN_MANAGE, ROLE, SCOPE, NAMES, PROJECT, PREVIEW)
BY_OWNER, BY_LIST = "owner_id", "endpoints"
REASONS = (BY_OWNER, BY_LIST)
#: The reasons for which an id in a link's list opens nothing.
DELETED, OTHER_OWNER, UNKNOWN = "deleted", "other_owner", "unknown"
MISSING = (DELETED, OTHER_OWNER, UNKNOWN)
#: Returns the source of a capability, or of its absence, and a sentence about it.
Why = Callable[[str], tuple[str, str]]


class Explained(NamedTuple):
    """One capability: whether it is given, where that comes from, and the same in a sentence."""

    name: str
    is_allowed: bool
    source: str
    reason: str


class Missing(NamedTuple):
    """An id in a link's list that opens nothing, with the reason."""

    uid: str
    reason: str


class Scope(NamedTuple):
    """Endpoints and capabilities that a link or a session gives."""

    owner_id: str
    capabilities: list[Explained]
    endpoints: EndpointQuerySet
    #: The reason for which all of the endpoints are in it.
    reason: str
    #: The ids of the link's list that open nothing, in their order.
    missing: list[Missing]


def scope_of_link(link: PortalLink) -> Scope:
    """Return what a link opens. At most one statement, and another one when its endpoints are read."""
    return Scope(
        link.owner_id,
        list(_explained(link.project, link.capabilities, lambda name: _of_link(link, name))),
        link.scope(),
        BY_OWNER if link.owner_id else BY_LIST,
        list(_missing(link)),
    )


def scope_of_session(session: PortalSession) -> Scope:
    """Return what a session opens, or would open if it had not ended: its link's scope, or that of its owner."""
    project, link = session.project, session.portal_link
    if link is None:
        given = frozenset(session.capabilities)
        endpoints = Endpoint.objects.for_project(project.pk).filter(owner_id=session.owner_id).order_by("-pk")
        capabilities = list(_explained(project, given, lambda name: _of_session(session, given, name)))
        return Scope(session.owner_id, capabilities, endpoints, BY_OWNER, [])
    scope = scope_of_link(link)
    if session.is_preview:
        return scope._replace(capabilities=[_in_preview(each) for each in scope.capabilities])
    return scope


def _explained(project: Project, given: Capabilities, why: Why) -> Iterator[Explained]:
    shown = without_hidden(given, hides_payloads=project.portal_hides_payloads)
    for name in WORDS:
        if name in given - shown:
            yield Explained(name, False, PROJECT, "The project hides payloads from viewers.")
        else:
            yield Explained(name, name in shown, *why(name))


def _of_link(link: PortalLink, name: str) -> tuple[str, str]:
    if name in of_link(can_manage_endpoint=False):
        return ANY_LINK, "Every portal link gives this."
    return CAN_MANAGE, f"can_manage_endpoint is {str(link.can_manage_endpoint).lower()}."


def _of_session(session: PortalSession, given: Capabilities, name: str) -> tuple[str, str]:
    """Return the source of a capability of a session without a link: the words of the client that minted it.

    The session stores what they meant then, so that words which no longer mean the same are not named.
    """
    match session.surface:
        case Surface.PREVIEW:
            return PREVIEW, "A preview only looks."
        case Surface.NAHOOK:
            role = next((role for role, capabilities in ROLES.items() if capabilities == given), "")
            return ROLE, f"The role is {role}." if role else "The role of that time is not known any more."
        case Surface.FEATHER:
            manages = given == EVERYTHING
            return SCOPE, f"The key {'had' if manages else 'did not have'} the scope webhooks:manage."
    if given == EVERYTHING:
        return NAMES, "No capabilities were named, which gives all."
    if name in READ_ONLY & given:
        return NAMES, "Every session gives this."
    names = [named for named, capabilities in SVIX.items() if capabilities <= given and name in capabilities]
    if names:
        return NAMES, f"Given by {', '.join(names)}."
    return NAMES, "None of the named capabilities gives this." if name not in given else "Given when it was minted."


def _in_preview(explained: Explained) -> Explained:
    if explained.is_allowed and explained.name not in READ_ONLY:
        return Explained(explained.name, False, PREVIEW, "A preview only looks.")
    return explained


def _missing(link: PortalLink) -> Iterator[Missing]:
    if not link.endpoints:
        return
    rows = Endpoint.objects.filter(project=link.project_id, pk__in=link.endpoints)
    found = {row.pk: row for row in rows.only("owner_id", "deleted_at")}
    for uid in dict.fromkeys(link.endpoints):
        row = found.get(uid)
        if row is None:
            yield Missing(uid, UNKNOWN)
        elif row.deleted_at is not None:
            yield Missing(uid, DELETED)
        elif link.owner_id and row.owner_id != link.owner_id:
            yield Missing(uid, OTHER_OWNER)
