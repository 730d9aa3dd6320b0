"""Create, update and revoke portal links, and mint their tokens. Each function owns its transaction.

Contract: docs/contract/portal-links.md. The statements are written out where the ORM's cost would
be most of the request's (docs/adr/0003).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from activity.operations import COLUMNS, Verb, differences, record
from core.actors import current_actor
from core.rows import array_text, read_rows
from core.tokens import digest, random_text
from core.ulid import new_ulid
from endpoints.owners import check_adopted
from endpoints.rendering import RenderedEndpoint, rendered, rendered_endpoints, versions_of
from portal_links.exceptions import EndpointMissing, EndpointOfAnother, PortalLinkNotFound, StaticLink
from portal_links.models import PortalLink
from portal_links.sessions import new_link_session
from projects.exceptions import BadCredential
from projects.keys import IS_PROVEN, Proof

STATIC_TOKEN_LENGTH = 24

# Gives an owner to those endpoints that have none; the caller refuses the others. Rows are locked in
# the order of their ids, so that two adoptions cannot block each other.
_ADOPT = """
WITH free AS (
  SELECT uid FROM endpoints_endpoint
  WHERE project_id = %s AND uid = ANY(%s) AND owner_id = '' AND deleted_at IS NULL
  ORDER BY uid FOR UPDATE
)
UPDATE endpoints_endpoint e SET owner_id = %s, updated_at = %s FROM free WHERE e.uid = free.uid RETURNING e.uid
"""
# One statement inserts the link, its activity and a refresh link's first session, and reads its endpoints' versions:
# it is a transaction of its own, and saves a tenth of the CPU of creating a link for an owner. The activity takes all
# that it can from the link, its id too: a second id and a second list of parameters cost twice as much as the row.
# Where the caller is not proven it inserts nothing, and returns no row.
_LINK = """
WITH link AS (
  INSERT INTO portal_links_portallink
    (uid, project_id, name, owner_id, endpoints, can_manage_endpoint, auth_type, token, token_digest,
     created_at, updated_at)
  SELECT %(uid)s, %(project_id)s::text, %(name)s, %(owner_id)s::text, %(endpoints)s, %(can_manage_endpoint)s,
    %(auth_type)s, %(token)s, %(token_digest)s, %(now)s, %(now)s
"""
_ACTIVITY = f"""
  RETURNING uid, project_id, name, owner_id, created_at
), activity AS (
  INSERT INTO activity_activity ({COLUMNS})
  SELECT link.uid, link.project_id, %(actor_kind)s, %(actor_id)s, %(actor_name)s, '{Verb.PORTAL_LINK_CREATED}',
    link.owner_id, '', link.uid, link.name, '{{}}', NULL, link.created_at FROM link
)
"""
_SESSION = """
, session AS (
  INSERT INTO portal_links_portalsession
    (portal_link_id, uid, project_id, owner_id, surface, capabilities, metadata, reference, minted_by_id,
     token_digest, created_at, expires_at)
  SELECT link.uid, %(session_id)s, link.project_id, '', %(surface)s, '{}', '{}', '', %(minted_by)s, %(session_digest)s,
    %(session_created_at)s, %(session_expires_at)s FROM link
)
"""
_OF_OWNER = versions_of("e.project_id = %(project_id)s AND e.owner_id = %(owner_id)s AND e.deleted_at IS NULL")


class CreatedLink(NamedTuple):
    """A new link, the endpoints of its scope, and the `PRT.` token of a refresh link; "" for a static one."""

    link: PortalLink
    endpoints: list[RenderedEndpoint]
    auth_key: str


def create_portal_link(
    project_id: str,
    *,
    name: str,
    owner_id: str = "",
    endpoints: Sequence[str] = (),
    auth_type: str = "",
    can_manage_endpoint: bool = False,
    minted_by: str | None = None,
    proof: Proof | None = None,
) -> CreatedLink:
    """Create a portal link, and give its endpoints to `owner_id` where one is given.

    With `owner_id` the scope is that owner's endpoints, without it exactly `endpoints`. `minted_by` is the id of the
    API key that mints a refresh link's first session. Everything is stored or nothing. Raises InvalidInput where an
    endpoint is unknown or has another owner, and BadCredential where `proof` does not hold.
    """
    now = timezone.now()
    token = random_text(STATIC_TOKEN_LENGTH)
    link = PortalLink(
        uid=new_ulid(),
        project_id=project_id,
        name=name,
        owner_id=owner_id,
        endpoints=list(endpoints),
        can_manage_endpoint=can_manage_endpoint,
        auth_type=auth_type or PortalLink.AuthType.STATIC_TOKEN,
        token=token,
        token_digest=digest(token),
        created_at=now,
        updated_at=now,
    )
    if endpoints:
        with transaction.atomic():
            scope = _take_endpoints(project_id, owner_id, endpoints, now)
            _, auth_key = _insert(link, minted_by, "uid", proof)
    else:
        versions, auth_key = _insert(link, minted_by, f"({_OF_OWNER})", proof)
        scope = rendered(project_id, versions, reveal=True)
    return CreatedLink(link, scope, auth_key)


def update_portal_link(
    project_id: str,
    portal_link_id: str,
    *,
    name: str,
    owner_id: str = "",
    endpoints: Sequence[str] = (),
    auth_type: str = "",
    can_manage_endpoint: bool = False,
) -> None:
    """Replace a link's name, scope and right to manage.

    A value that is not given is emptied, as in Convoy; only a blank `auth_type` keeps the stored one. The token stays.
    Raises InvalidInput, NotFound.
    """
    now = timezone.now()
    with transaction.atomic():
        link = PortalLink.objects.for_project(project_id).select_for_update().filter(pk=portal_link_id).first()
        if link is None:
            raise PortalLinkNotFound
        if endpoints:
            _take_endpoints(project_id, owner_id, endpoints, now)
        before = _shown(link)
        link.name = name
        link.owner_id = owner_id
        link.endpoints = list(endpoints)
        link.auth_type = auth_type or link.auth_type
        link.can_manage_endpoint = can_manage_endpoint
        link.updated_at = now
        link.save(update_fields=["name", "owner_id", "endpoints", "auth_type", "can_manage_endpoint", "updated_at"])
        if changes := differences(before, _shown(link)):
            record(
                project_id,
                Verb.PORTAL_LINK_UPDATED,
                owner_id=link.owner_id,
                object_uid=link.uid,
                object_name=link.name,
                changes=changes,
            )


def revoke_portal_link(project_id: str, portal_link_id: str) -> None:
    """Revoke a link, and with it every token that opens it. Raises NotFound, also for a revoked link."""
    now = timezone.now()
    with transaction.atomic():
        rows = PortalLink.objects.for_project(project_id).filter(pk=portal_link_id)
        link = rows.only("owner_id", "name").select_for_update(no_key=True).first()
        if link is None:
            raise PortalLinkNotFound
        PortalLink.objects.filter(pk=link.pk).update(deleted_at=now, updated_at=now)
        record(
            project_id,
            Verb.PORTAL_LINK_REVOKED,
            owner_id=link.owner_id,
            object_uid=link.uid,
            object_name=link.name,
        )


def mint_refresh_token(project_id: str, portal_link_id: str, *, minted_by: str | None = None) -> str:
    """Mint a `PRT.` token for a refresh link, which opens the portal for an hour.

    Earlier tokens keep working until they expire. Raises InvalidInput for a static link, NotFound.
    """
    link = PortalLink.objects.for_project(project_id).filter(pk=portal_link_id).first()
    if link is None:
        raise PortalLinkNotFound
    if link.auth_type != PortalLink.AuthType.REFRESH_TOKEN:
        raise StaticLink
    session, key = new_link_session(link, minted_by=minted_by)
    session.save(force_insert=True)
    return key


def _shown(link: PortalLink) -> dict[str, Any]:
    """Return the values of a link that an update replaces."""
    names = ("name", "owner_id", "endpoints", "auth_type", "can_manage_endpoint")
    return {name: getattr(link, name) for name in names}


def _take_endpoints(project_id: str, owner_id: str, ids: Sequence[str], now: datetime) -> list[RenderedEndpoint]:
    """Return the scope of a link for the endpoints `ids`, after giving those without an owner to `owner_id`.

    A blank `owner_id` changes none. Raises InvalidInput for the first id that is not an endpoint of the project, or has
    another owner, and where the owner then has more than the project allows.
    """
    owners: list[str] = []
    adopted: list[str] = []
    if owner_id:
        owners = [owner_id]
        with connection.cursor() as cursor:
            cursor.execute(_ADOPT, [project_id, list(ids), owner_id, now])
            adopted = [uid for (uid,) in cursor.fetchall()]
    found = {endpoint.uid: endpoint for endpoint in rendered_endpoints(project_id, ids=ids, owners=owners, reveal=True)}
    for uid in ids:
        if uid not in found:
            raise EndpointMissing(uid=uid)
        if owner_id and found[uid].owner_id != owner_id:
            raise EndpointOfAnother(uid=uid, owner_id=found[uid].owner_id)
    if adopted:
        check_adopted(project_id, owner_id, adopted)
    return list(found.values())


def _insert(link: PortalLink, minted_by: str | None, wanted: str, proof: Proof | None) -> tuple[str, str]:
    """Insert a new link, and a refresh link's first session.

    Returns the value `wanted`, which the statement reads, and the session's token or "". Raises BadCredential.
    """
    key, actor = "", current_actor()
    given: dict[str, Any] = {
        "uid": link.uid,
        "project_id": link.project_id,
        "name": link.name,
        "owner_id": link.owner_id,
        "endpoints": array_text(link.endpoints),
        "can_manage_endpoint": link.can_manage_endpoint,
        "auth_type": link.auth_type,
        "token": PortalLink._meta.get_field("token").pre_save(link, add=True),
        "token_digest": link.token_digest,
        "now": link.created_at,
        "actor_kind": str(actor.kind),
        "actor_id": actor.uid,
        "actor_name": actor.name,
    }
    statement = f"{_LINK} WHERE {IS_PROVEN} {_ACTIVITY}" if proof else f"{_LINK}{_ACTIVITY}"
    if proof:
        given |= proof._asdict()
    if link.auth_type == PortalLink.AuthType.REFRESH_TOKEN:
        session, key = new_link_session(link, minted_by=minted_by)
        statement += _SESSION
        given |= {
            "session_id": session.uid,
            "surface": session.surface,
            "minted_by": minted_by,
            "session_digest": session.token_digest,
            "session_created_at": session.created_at,
            "session_expires_at": session.expires_at,
        }
    rows = read_rows(f"{statement} SELECT {wanted} FROM link", given)
    if not rows:
        raise BadCredential
    return rows[0][0], key
