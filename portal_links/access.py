"""Find what a portal credential of any kind opens at this moment, and what it allows.

Nothing is kept between two requests, so a revoked link, a changed owner or a narrowed right takes effect with
the next request. Contract: docs/contract/portal-sessions.md#sessions,
docs/contract/portal-sessions.md#portal-scope.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BinaryField, DateTimeField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from applications.models import Application
from core.actors import Actor, ActorKind
from core.compiled import Columns, CompiledQuery, Parameter
from core.share import count_party
from core.tokens import digest
from endpoints.models import Endpoint, EndpointQuerySet
from portal_links.capabilities import LOOKING, READ_ONLY, Capabilities, without_hidden
from portal_links.exceptions import CapabilityMissing, ProjectNotNamed
from portal_links.models import PortalLink, PortalSession
from projects.authentication import PORTAL_PREFIXES
from projects.keys import find_caller
from projects.models import Project

# Store "last used" again only when it is older than this: otherwise each request would be a write.
LAST_USED_GRAIN = timedelta(minutes=1)

# The query of every request of the portal: all columns but those that no page uses.
_PROJECT = Columns(Project, without=["meta_event", "created_at", "updated_at", "deleted_at"])
_LINK = Columns(PortalLink, without=["deleted_at"])
_SESSION = Columns(PortalSession, without=["code_digest", "token_digest", "opened_at", "opened_from", "revoked_at"])
_DIGEST = Parameter("digest", BinaryField())
_NOW = Parameter("now", DateTimeField())


@dataclass(frozen=True, slots=True)
class Access:
    """The rights of a customer at this moment, and the endpoints that they concern."""

    project: Project
    owner_id: str
    capabilities: Capabilities
    link: PortalLink | None = None
    session: PortalSession | None = None
    expires_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    #: The name of the owner's application (applications/models.py); "" where there is none.
    customer_name: str = ""
    #: An API key in place of a portal credential: it reads its whole project.
    by_key: bool = False

    @property
    def customer(self) -> str:
        """Return the customer as one text: the owner, or a link that has no owner."""
        return f"owner:{self.owner_id}" if self.link is None or self.owner_id else f"link:{self.link.uid}"

    @property
    def actor(self) -> Actor:
        """Return who acts with this credential: the session, else the link."""
        if self.by_key:
            return Actor(ActorKind.API_KEY)
        if self.session is not None and self.session.is_preview:
            return Actor(ActorKind.OPERATOR, name=self.session.operator)
        if self.session is not None:
            name = self.link.name if self.link is not None else self.owner_id
            return Actor(ActorKind.PORTAL_SESSION, self.session.uid, name, self.owner_id)
        assert self.link is not None  # noqa: S101 - a credential is a key's, a session's or a link's
        return Actor(ActorKind.PORTAL_LINK, self.link.uid, self.link.name, self.owner_id)

    @property
    def is_preview(self) -> bool:
        """Return whether an operator looks, and not the customer."""
        return self.session is not None and self.session.is_preview

    def may(self, capability: str) -> bool:
        """Return whether the customer has a capability."""
        return capability in self.capabilities

    def require(self, capability: str) -> None:
        """Raise Forbidden where the customer lacks the capability."""
        if capability not in self.capabilities:
            raise CapabilityMissing

    def endpoints(self) -> EndpointQuerySet:
        """Return the endpoints of the scope, as they are now."""
        if self.link is not None:
            return self.link.scope()
        endpoints = Endpoint.objects.for_project(self.project.uid).order_by("-pk")
        return endpoints if self.by_key else endpoints.filter(owner_id=self.owner_id)


def count_access(access: Access) -> None:
    """Count the request that runs now for its project, its owner and its session. Raises TooBusy."""
    count_party("project" if access.by_key else "portal", access.project.pk)
    if not access.by_key:
        opened_by = access.session or access.link
        count_party("owner", f"{access.project.pk} {access.customer}")
        count_party("session", "" if opened_by is None else opened_by.pk)


def find_access(credential: str, *, address: str | None = None) -> Access | None:
    """Return what a portal credential (static token, `PRT.` or session token) opens; None where it opens nothing."""
    if "\x00" in credential or not credential.isascii():
        return None
    if not credential.startswith(PORTAL_PREFIXES):
        rows = _STATIC_LINK.rows(digest=digest(credential))
        return _of_static_link(iter(rows[0])) if rows else None
    now = timezone.now()
    rows = _OPEN_SESSION.rows(digest=digest(credential), now=now)
    if not rows:
        return None
    values = iter(rows[0])
    name, project, session = next(values) or "", _PROJECT.take(values), _SESSION.take(values)
    _note_use(session, now, address)
    session.project = project
    if session.portal_link_id is not None:
        session.portal_link = link = _LINK.take(values)
        return _of_link(project, link, name, session)
    session.portal_link = None
    return Access(
        project=session.project,
        owner_id=session.owner_id,
        capabilities=_shown(session.project, session.current_capabilities),
        session=session,
        expires_at=session.expires_at,
        metadata=session.metadata,
        customer_name=name,
    )


def find_key_access(key: str) -> Access | None:
    """Return what an API key opens on the portal API: its whole project, for reading only.

    None for a key that does not work, or that is bound to one owner. Raises InvalidInput for an instance key, as the
    portal API's paths name no project.
    """
    caller = find_caller(key, project_id=None)
    if caller is None or caller.owner_id:
        return None
    if caller.key_project_id is None:
        raise ProjectNotNamed
    project = Project.objects.live().filter(pk=caller.key_project_id).first()
    if project is None:
        return None
    allowed = LOOKING if caller.can_write else READ_ONLY
    return Access(project=project, owner_id="", capabilities=allowed, by_key=True)


def _shown(project: Project, capabilities: Capabilities) -> Capabilities:
    return without_hidden(capabilities, hides_payloads=project.portal_hides_payloads)


def _of_static_link(values: Iterator[Any]) -> Access:
    name, project = next(values) or "", _PROJECT.take(values)
    return _of_link(project, _LINK.take(values), name)


def _of_link(project: Project, link: PortalLink, customer_name: str, session: PortalSession | None = None) -> Access:
    link.project = project
    # Payloads are hidden in a preview where they are hidden from the customer, who may be more than a viewer.
    shown = _shown(project, link.capabilities)
    return Access(
        project=project,
        owner_id=link.owner_id,
        capabilities=shown if session is None else shown & session.current_capabilities,
        link=link,
        session=session,
        expires_at=None if session is None else session.expires_at,
        customer_name=customer_name,
    )


def _static_links() -> "QuerySet[PortalLink, Any]":
    links = PortalLink.objects.filter(deleted_at=None, project__deleted_at=None)
    links = links.filter(token_digest=_DIGEST, auth_type=PortalLink.AuthType.STATIC_TOKEN)
    return links.values_list(_name_of("project_id", "owner_id"), *_PROJECT.paths("project"), *_LINK.paths())


def _open_sessions() -> "QuerySet[PortalSession, Any]":
    sessions = PortalSession.objects.active(_NOW).filter(token_digest=_DIGEST)
    name = Coalesce(_name_of("project_id", "portal_link__owner_id"), _name_of("project_id", "owner_id"))
    return sessions.values_list(name, *_PROJECT.paths("project"), *_SESSION.paths(), *_LINK.paths("portal_link"))


_STATIC_LINK = CompiledQuery(_static_links)
_OPEN_SESSION = CompiledQuery(_open_sessions)


def _name_of(project: str, owner: str) -> Subquery:
    """Return the expression for the name of an owner's application, given the columns of the project and the owner."""
    return Subquery(
        Application.objects.filter(project_id=OuterRef(project), owner_id=OuterRef(owner)).values("name")[:1]
    )


def _note_use(session: PortalSession, now: datetime, address: str | None) -> None:
    last = session.last_used_at
    if last is not None and last >= now - LAST_USED_GRAIN and session.last_used_from == address:
        return
    PortalSession.objects.filter(pk=session.pk).update(last_used_at=now, last_used_from=address)
