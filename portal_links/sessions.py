"""Portal sessions: access to the portal for a limited time, and what can be done to it.

One operation mints them for every client: Convoy's refresh links, Nahook, Feather and Svix. A
session has one secret at a time, of which the digest is stored: a token that works until the session
ends, or a code that is used up when the link is opened and gives way to a token.
Contract: portal-sessions, "One model for all of them".
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Least
from django.utils import timezone

from core.exceptions import Conflict, InvalidInput, NotFound
from core.tokens import digest, random_text
from portal_links.capabilities import Capabilities
from portal_links.models import PortalLink, PortalSession
from projects.keys import make_key

CODE_LENGTH = 43
TOKEN_PREFIX = "PST."
TOKEN_LENGTH = 64
REFRESH_PREFIX = "PRT"
REFRESH_LIFETIME = timedelta(hours=1)


class Minted(NamedTuple):
    """A new session and its secret, which is not kept: a code for a single-use link, else a token."""

    session: PortalSession
    secret: str


class CodeUsed(Conflict):
    """The link has been opened before, and opens once only."""


class CodeExpired(Conflict):
    """The link was not opened in time."""


def new_link_session(link: PortalLink, *, minted_by: str | None) -> Minted:
    """A session of a refresh link with its `PRT.` token, for an hour. It is not stored yet."""
    _, token = make_key(REFRESH_PREFIX)
    now = timezone.now()
    session = PortalSession(
        project_id=link.project_id,
        portal_link=link,
        surface=PortalSession.Surface.CONVOY,
        minted_by_id=minted_by,
        token_digest=digest(token),
        created_at=now,
        expires_at=now + REFRESH_LIFETIME,
    )
    return Minted(session, token)


def mint_session(
    project_id: str,
    *,
    owner_id: str,
    surface: PortalSession.Surface,
    capabilities: Capabilities,
    lifetime: timedelta,
    single_use: bool,
    minted_by: str,
    metadata: Mapping[str, str] | None = None,
    reference: str = "",
    idempotency_key: str = "",
) -> Minted:
    """Give access to an owner's endpoints in a project; the owner need not have any yet.

    `single_use` gives a code that opens once, else a token that works until the end. With an
    `idempotency_key` the same key of the same caller gives the same session again, as long as the
    rest of the call is the same: otherwise InvalidInput is raised, and Conflict once the session has ended.
    """
    now = timezone.now()
    session = PortalSession(
        project_id=project_id,
        owner_id=owner_id,
        surface=surface,
        capabilities=sorted(capabilities),
        metadata=dict(metadata or {}),
        reference=reference,
        minted_by_id=minted_by,
        created_at=now,
        expires_at=now + lifetime,
    )
    if single_use:
        secret = random_text(CODE_LENGTH)
        session.code_digest = digest(secret)
    else:
        secret = TOKEN_PREFIX + (_derived(minted_by, idempotency_key) if idempotency_key else random_text(TOKEN_LENGTH))
        session.token_digest = digest(secret)
    try:
        with transaction.atomic():
            session.save(force_insert=True)
    except IntegrityError:
        if not idempotency_key:
            raise
        return Minted(_repeated(session), secret)
    return Minted(session, secret)


def open_session(project_id: str, code: str, *, address: str | None) -> Minted:
    """Use up a single-use code and give its session a token; of many openings at once one wins.

    Raises CodeUsed and CodeExpired for a code that was minted here (whoever holds it knows as
    much), NotFound for all others.
    """
    now = timezone.now()
    token = TOKEN_PREFIX + random_text(TOKEN_LENGTH)
    rows = PortalSession.objects.for_project(project_id).filter(
        code_digest=digest(code), revoked_at=None, project__deleted_at=None
    )
    session = rows.select_related("project").first()
    if session is None:
        raise NotFound("portal session not found")
    # The condition is on the row itself, not on a row of another table: where two openings meet, the
    # second waits for the first, and finds that it is too late.
    unopened = PortalSession.objects.filter(pk=session.pk, opened_at=None, revoked_at=None, expires_at__gt=now)
    opened = {"opened_at": now, "opened_from": address, "last_used_at": now, "last_used_from": address}
    if not unopened.update(token_digest=digest(token), **opened):
        session.refresh_from_db()
        if session.opened_at is not None:
            raise CodeUsed("this link has been used already")
        raise CodeExpired("this link has expired")
    return Minted(session, token)


def revoke_session(project_id: str, session_id: str) -> None:
    """End a session at once. Raises NotFound where it has been revoked before or never was."""
    now = timezone.now()
    rows = PortalSession.objects.for_project(project_id).filter(pk=session_id, revoked_at=None)
    if not rows.update(revoked_at=now):
        raise NotFound("portal session not found")


def expire_sessions(
    project_id: str, owner_id: str, *, seconds: int = 0, references: Sequence[str] | None = None
) -> None:
    """End an owner's sessions, those of the owner's links too, in `seconds`.

    Where `references` are given, only the sessions with one of them end.

    A session that ends earlier by itself still does.
    """
    now = timezone.now()
    rows = PortalSession.objects.for_project(project_id).of_owner(owner_id).active(now)
    if references:
        rows = rows.filter(reference__in=references)
    if seconds:
        rows.update(expires_at=Least("expires_at", now + timedelta(seconds=seconds)))
    else:
        rows.update(revoked_at=now)


def end_own_session(token: str) -> bool:
    """End the session that `token` opens, for its holder. Returns whether there was one."""
    rows = PortalSession.objects.filter(token_digest=digest(token)).active(timezone.now())
    return bool(rows.update(revoked_at=timezone.now()))


def _derived(minted_by: str, idempotency_key: str) -> str:
    """A token that only this server can make again, for the same caller and key."""
    message = f"portal session\n{minted_by}\n{idempotency_key}".encode()
    return hmac.digest(settings.API_KEY_PEPPER, message, "sha256").hex()


def _repeated(session: PortalSession) -> PortalSession:
    """The stored session that `session` would be a second time. Raises InvalidInput, Conflict."""
    stored = PortalSession.objects.get(token_digest=session.token_digest)
    same = ("project_id", "owner_id", "surface", "capabilities", "metadata", "reference")
    if any(getattr(stored, name) != getattr(session, name) for name in same):
        raise InvalidInput("this idempotency key was used with another request")
    if stored.revoked_at is not None or stored.expires_at <= session.created_at:
        raise Conflict("the session of this idempotency key has ended: use another key")
    # Another lifetime was asked for, or the session was cut short meanwhile: the two look the same.
    if stored.expires_at - stored.created_at != session.expires_at - session.created_at:
        raise InvalidInput("this idempotency key was used with another request")
    return stored
