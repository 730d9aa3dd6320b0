"""Mint, open, revoke and expire portal sessions, each of which gives access to the portal for a limited time.

One operation mints them for the contracts of Nahook, Feather and Svix; a refresh link has its own. A session has one
secret at a time, of which only the digest is stored: a token that works until the session ends, or a code that opens
the portal once and is then replaced by a token.
Contract: docs/contract/portal-sessions.md#sessions.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Least
from django.utils import timezone

from activity.operations import Done, Verb, record, record_all
from core.actors import Actor, ActorKind
from core.tokens import digest, random_text
from portal_links.capabilities import READ_ONLY, Capabilities, held_by
from portal_links.exceptions import (
    CodeExpired,
    CodeUsed,
    IdempotencyKeyReused,
    IdempotentSessionEnded,
    PortalSessionNotFound,
)
from portal_links.models import PortalLink, PortalSession, PortalSessionQuerySet
from projects.keys import Caller, make_key

CODE_LENGTH = 43
TOKEN_PREFIX = "PST."
TOKEN_LENGTH = 64
REFRESH_PREFIX = "PRT"
REFRESH_LIFETIME = timedelta(hours=1)
PREVIEW_LIFETIME = timedelta(minutes=30)


class Minted(NamedTuple):
    """A session and its secret, which is not stored: a code for a single-use link, else a token."""

    session: PortalSession
    secret: str


def new_link_session(link: PortalLink, *, minted_by: str | None) -> Minted:
    """Return a session of a refresh link, which is not stored yet, and its `PRT.` token, which works for an hour."""
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
    minted_by: Caller,
    metadata: Mapping[str, str] | None = None,
    reference: str = "",
    idempotency_key: str = "",
) -> Minted:
    """Mint a session for an owner's endpoints in a project; the owner need not have any yet.

    It gives those of the `capabilities` that the caller has itself, whichever contract asks for them.

    `single_use` gives a code that opens the portal once, else a token that works until the session ends. The same
    `idempotency_key` of the same caller gives the same session again. Raises InvalidInput where the rest of that call
    differs from the first, and Conflict where its session has ended.
    """
    now = timezone.now()
    session = PortalSession(
        project_id=project_id,
        owner_id=owner_id,
        surface=surface,
        capabilities=sorted(held_by(minted_by, capabilities)),
        metadata=dict(metadata or {}),
        reference=reference,
        minted_by_id=minted_by.key_id,
        created_at=now,
        expires_at=now + lifetime,
    )
    if single_use:
        secret = random_text(CODE_LENGTH)
        session.code_digest = digest(secret)
    else:
        secret = TOKEN_PREFIX + (
            _derived(minted_by.key_id, idempotency_key) if idempotency_key else random_text(TOKEN_LENGTH)
        )
        session.token_digest = digest(secret)
    try:
        with transaction.atomic():
            session.save(force_insert=True)
    except IntegrityError:
        if not idempotency_key:
            raise
        return Minted(_repeated(session), secret)
    return Minted(session, secret)


def preview_portal(project_id: str, *, operator: str, owner_id: str = "", link: PortalLink | None = None) -> Minted:
    """Mint a token with which an operator sees a customer's portal and changes nothing, for PREVIEW_LIFETIME.

    The customer is a link's or, without one, the `owner_id`. `operator` is the name of the operator.
    """
    now = timezone.now()
    token = TOKEN_PREFIX + random_text(TOKEN_LENGTH)
    session = PortalSession(
        project_id=project_id,
        portal_link=link,
        owner_id="" if link is not None else owner_id,
        surface=PortalSession.Surface.PREVIEW,
        capabilities=[] if link is not None else sorted(READ_ONLY),
        operator=operator,
        token_digest=digest(token),
        created_at=now,
        expires_at=now + PREVIEW_LIFETIME,
    )
    with transaction.atomic():
        session.save(force_insert=True)
        record(
            project_id,
            Verb.PORTAL_PREVIEWED,
            owner_id=session.current_owner_id,
            object_uid=session.uid,
            object_name=owner_id if link is None else link.name,
        )
    return Minted(session, token)


def open_session(project_id: str, code: str, *, address: str | None) -> Minted:
    """Exchange a single-use code for a token of its session; of several openings at once, one succeeds.

    Raises CodeUsed or CodeExpired for a code that was minted here, which tells its holder nothing new, and NotFound
    for every other code, that of a key which no longer works too.
    """
    now = timezone.now()
    token = TOKEN_PREFIX + random_text(TOKEN_LENGTH)
    rows = (
        PortalSession.objects.for_project(project_id)
        .of_live_keys(now)
        .filter(code_digest=digest(code), revoked_at=None, project__deleted_at=None)
    )
    session = rows.select_related("project").first()
    if session is None:
        raise PortalSessionNotFound
    # The condition is on the row itself, not on a row of another table: of two openings at once, the second
    # waits for the first and then no longer matches.
    unopened = PortalSession.objects.filter(pk=session.pk, opened_at=None, revoked_at=None, expires_at__gt=now)
    opened = {"opened_at": now, "opened_from": address, "last_used_at": now, "last_used_from": address}
    with transaction.atomic():
        if not unopened.update(token_digest=digest(token), **opened):
            session.refresh_from_db()
            if session.opened_at is not None:
                raise CodeUsed
            raise CodeExpired
        _record_by_itself(Verb.PORTAL_SESSION_OPENED, session)
    return Minted(session, token)


def revoke_session(project_id: str, session_id: str) -> None:
    """Revoke a session. Raises NotFound where there is none, or it has been revoked before."""
    rows = PortalSession.objects.for_project(project_id).filter(pk=session_id, revoked_at=None)
    if not _revoke(project_id, rows):
        raise PortalSessionNotFound


def expire_sessions(
    project_id: str, owner_id: str, *, seconds: int = 0, references: Sequence[str] | None = None
) -> None:
    """End an owner's sessions, those of the owner's links included, in `seconds`; with 0, revoke them.

    Where `references` are given, only the sessions with one of them end. A session that expires earlier still does.
    """
    now = timezone.now()
    rows = PortalSession.objects.for_project(project_id).of_owner(owner_id).active(now)
    if references:
        rows = rows.filter(reference__in=references)
    if seconds:
        rows.update(expires_at=Least("expires_at", now + timedelta(seconds=seconds)))
    else:
        _revoke(project_id, rows)


def end_own_session(token: str) -> bool:
    """Revoke the session that `token` opens, for its holder. Returns whether there was one."""
    now = timezone.now()
    with transaction.atomic():
        rows = PortalSession.objects.filter(token_digest=digest(token)).active(now).select_related("portal_link")
        session = rows.select_for_update(of=("self",)).first()
        if session is None:
            return False
        session.revoked_at = now
        session.save(update_fields=["revoked_at"])
        _record_by_itself(Verb.PORTAL_SESSION_REVOKED, session)
    return True


def _revoke(project_id: str, rows: PortalSessionQuerySet) -> int:
    """Revoke sessions of a project at once. Return their number."""
    with transaction.atomic():
        locked = (
            rows.order_by("pk").select_related("portal_link").only("owner_id", "portal_link", "portal_link__owner_id")
        )
        found = list(locked.select_for_update(of=("self",)))
        if found:
            ids = [session.pk for session in found]
            PortalSession.objects.filter(pk__in=ids).update(revoked_at=timezone.now())
            record_all(
                project_id,
                (
                    Done(Verb.PORTAL_SESSION_REVOKED, each.current_owner_id, "", each.pk, each.current_owner_id)
                    for each in found
                ),
            )
    return len(found)


def _record_by_itself(verb: Verb, session: PortalSession) -> None:
    """Record an act of a session's holder on the session itself."""
    owner_id = session.current_owner_id
    name = owner_id if session.portal_link is None else session.portal_link.name
    record(
        session.project_id,
        verb,
        object_uid=session.uid,
        object_name=name,
        actor=Actor(ActorKind.PORTAL_SESSION, session.uid, name, owner_id),
    )


def _derived(minted_by: str, idempotency_key: str) -> str:
    """Return a token that this server alone can derive again, for the same caller and key."""
    message = f"portal session\n{minted_by}\n{idempotency_key}".encode()
    return hmac.digest(settings.API_KEY_PEPPER, message, "sha256").hex()


def _repeated(session: PortalSession) -> PortalSession:
    """Return the stored session that `session` repeats. Raises InvalidInput, Conflict."""
    stored = PortalSession.objects.get(token_digest=session.token_digest)
    same = ("project_id", "owner_id", "surface", "capabilities", "metadata", "reference")
    if any(getattr(stored, name) != getattr(session, name) for name in same):
        raise IdempotencyKeyReused
    if stored.revoked_at is not None or stored.expires_at <= session.created_at:
        raise IdempotentSessionEnded
    # The request has another lifetime, or the session was shortened since: the two look the same.
    if stored.expires_at - stored.created_at != session.expires_at - session.created_at:
        raise IdempotencyKeyReused
    return stored
