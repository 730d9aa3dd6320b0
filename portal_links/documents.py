"""Portal links as the API shows them, with the endpoints of their scope.

The scope is read when it is shown: every live endpoint of the link's owner, or without an owner
the live ones of its list, always within the link's project. Contract: portal-links section 3 and
rules 7, 11 and 13.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from core.api.values import REDACTED, wire_time
from core.exceptions import NotFound
from endpoints.documents import COLUMNS, JOIN, EndpointDocument, documents, endpoint_documents, read_rows
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT, VIEW_SECRET
from portal_links.models import PortalLink, portal_url

# The link and its endpoints in one statement. The link's columns come with each endpoint, but for
# its list, which can be long and comes with the first one only, and with times as text: datetimes,
# made anew in each row, were a third of the CPU of a link with 1,000 endpoints. Two branches, of which
# the planner skips the one that the link is not: each has an index of its own.
_GET = f"""
SELECT l.uid, l.project_id, l.name, l.owner_id,
       CASE WHEN row_number() OVER (ORDER BY e.uid DESC) = 1 THEN l.endpoints END,
       l.can_manage_endpoint, l.auth_type, l.token, l.created_at::text, l.updated_at::text,
       {COLUMNS}
FROM portal_links_portallink l
LEFT JOIN LATERAL (
  SELECT * FROM endpoints_endpoint o
  WHERE l.owner_id <> '' AND o.project_id = l.project_id AND o.owner_id = l.owner_id AND o.deleted_at IS NULL
  UNION ALL
  SELECT * FROM endpoints_endpoint o
  WHERE l.owner_id = '' AND o.project_id = l.project_id AND o.uid = ANY(l.endpoints) AND o.deleted_at IS NULL
) e ON true
{JOIN}
WHERE l.project_id = %s AND l.uid = %s AND l.deleted_at IS NULL
ORDER BY e.uid DESC
"""
_LINK_FIELDS = (
    *("uid", "project_id", "name", "owner_id", "endpoints", "can_manage_endpoint", "auth_type", "token"),
    *("created_at", "updated_at"),
)

Document = dict[str, Any]


def portal_link(project_id: str, portal_link_id: str, *, reveal: bool, auth_key: str = "") -> Document:
    """One live link of a project with its endpoints. One statement. Raises NotFound."""
    rows = read_rows(_GET, [project_id, portal_link_id])
    if not rows:
        raise NotFound("portal link not found")
    columns = len(_LINK_FIELDS)
    link = PortalLink(**dict(zip(_LINK_FIELDS, rows[0], strict=False)))
    link.token = PortalLink._meta.get_field("token").from_db_value(link.token, None, connection)
    link.created_at, link.updated_at = map(datetime.fromisoformat, rows[0][columns - 2 : columns])
    endpoints = documents((row[columns:] for row in rows if row[columns] is not None), reveal=reveal)
    return link_document(link, endpoints, reveal=reveal, auth_key=auth_key)


def portal_links(
    project_id: str, links: Sequence[PortalLink], *, only: Iterable[str] = (), reveal: bool
) -> list[Document]:
    """Several links of one project, each with its endpoints. One statement.

    `only` narrows `endpoints_metadata`, and nothing else, to those ids.
    """
    owners = {link.owner_id for link in links if link.owner_id}
    listed = {uid for link in links if not link.owner_id for uid in link.endpoints}
    # Links share endpoints: each is rendered once.
    shown = endpoint_documents(project_id, ids=list(listed), owners=list(owners), reveal=reveal)
    rendered = {endpoint["uid"]: orjson.Fragment(orjson.dumps(endpoint)) for endpoint in shown}
    by_owner: dict[str, list[str]] = {}
    for endpoint in shown:
        by_owner.setdefault(endpoint["owner_id"], []).append(endpoint["uid"])
    narrowed = set(only)
    content = []
    for link in links:
        if link.owner_id:
            scope = by_owner.get(link.owner_id, [])
        else:
            scope = sorted((uid for uid in set(link.endpoints) if uid in rendered), reverse=True)
        metadata = [rendered[uid] for uid in scope if not narrowed or uid in narrowed]
        content.append(_document(link, scope, metadata, reveal=reveal))
    return content


def access_document(access: Access) -> Document:
    """What a customer's credential opens, in the shape of a portal link. One statement. Raises NotFound.

    A session without a link is shown like one, with the session's id and without a token. An API key
    has neither.
    """
    reveal = access.may(VIEW_SECRET)
    link, session = access.link, access.session
    if link is not None:
        shown = portal_link(link.project_id, link.uid, reveal=reveal)
        # Whoever holds the link has its token: it is in the URL that they opened.
        return shown | {"token": link.token, "url": portal_url(link.token)}
    if session is None:
        raise NotFound("portal link not found")
    endpoints = endpoint_documents(access.project.uid, owners=[access.owner_id], reveal=reveal)
    return {
        "uid": session.uid,
        "name": access.owner_id,
        "project_id": access.project.uid,
        "owner_id": access.owner_id,
        "endpoints": [],
        "endpoint_count": len(endpoints),
        "can_manage_endpoint": access.may(MANAGE_ENDPOINT),
        "token": "",
        "endpoints_metadata": endpoints,
        "url": "",
        "auth_type": PortalLink.AuthType.REFRESH_TOKEN,
        "auth_key": "",
        "created_at": wire_time(session.created_at),
        "updated_at": wire_time(session.created_at),
        "deleted_at": None,
    }


def link_document(
    link: PortalLink, endpoints: Sequence[EndpointDocument], *, reveal: bool, auth_key: str = ""
) -> Document:
    """The portal link object for a link and the endpoints of its scope, newest first.

    `auth_key` is a `PRT.` token that was minted just now; it is in the link's URL too. Without
    `reveal` the token, which opens the portal, is masked.
    """
    return _document(link, [endpoint["uid"] for endpoint in endpoints], endpoints, reveal=reveal, auth_key=auth_key)


def _document(
    link: PortalLink, scope: Sequence[str], metadata: Sequence[Any], *, reveal: bool, auth_key: str = ""
) -> Document:
    in_scope = set(scope)
    token = link.token if reveal else REDACTED
    return {
        "uid": link.uid,
        "name": link.name,
        "project_id": link.project_id,
        "owner_id": link.owner_id,
        "endpoints": [uid for uid in link.endpoints if uid in in_scope],
        "endpoint_count": len(scope),
        "can_manage_endpoint": link.can_manage_endpoint,
        "token": token,
        "endpoints_metadata": metadata,
        "url": portal_url(token, auth_key),
        "auth_type": link.auth_type,
        "auth_key": auth_key,
        "created_at": wire_time(link.created_at),
        "updated_at": wire_time(link.updated_at),
        "deleted_at": None,
    }
