"""Portal links and portal sessions as the API shows them.

A link is shown with the endpoints of its scope, which is read at that moment: every live endpoint of the
link's owner, or without an owner the live ones of its list, always within the link's project.
Contract: docs/contract/portal-links.md#object, docs/contract/portal-links.md#scope.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypedDict

import orjson
from django.db import connection
from orjson import Fragment

from core.api.documents import Component, DeletedAt, Example, Keywords, Time, Uid, component, example
from core.api.values import REDACTED, wire_time
from endpoints.documents import (
    COLUMNS,
    JOIN,
    EndpointDocument,
    NestedEndpointDocument,
    documents,
    endpoint_documents,
    read_rows,
)
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT, VIEW_SECRET, WORDS
from portal_links.exceptions import PortalLinkNotFound
from portal_links.models import PortalLink, PortalSession, portal_url

# The link and its endpoints in one statement. The link's columns come with each endpoint, but for
# its list, which can be long and comes with the first one only, and with times as text: datetimes,
# built again for each row, were a third of the CPU of a link with 1,000 endpoints. The planner skips
# the branch that does not fit the link; each branch has an index of its own.
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

#: The token of the examples.
TOKEN = "aB3dE6gH9jK2mN5pQ8sT1vW4"
_CREATED = "2026-07-03T09:30:00.123456Z"


@component("datastore.PortalLinkResponse")
class PortalLinkDocument(TypedDict):
    """A portal link."""

    uid: Annotated[Uid, Example("01JZ8QP7B2E4G6J8M0Q2S4V6X8")]
    name: Annotated[str, "The name of the link.", Example("Acme webhooks")]
    project_id: Uid
    owner_id: Annotated[
        str, "The customer whose endpoints the link opens; empty: those in `endpoints`.", Example("acme")
    ]
    endpoints: Annotated[list[str], "The ids of the last create or update that are in the link's scope."]
    endpoint_count: Annotated[int, "How many endpoints the link opens now.", Example(1)]
    can_manage_endpoint: Annotated[bool, "Whether the customer may change endpoints, or only see them.", Example(True)]
    token: Annotated[str, f"Opens a static_token link. `{REDACTED}` where the key may only read.", Example(TOKEN)]
    endpoints_metadata: Annotated[
        list[NestedEndpointDocument | Fragment],
        "The endpoints that the link opens now, newest first.",
        Example([example(NestedEndpointDocument)]),
    ]
    url: Annotated[
        str,
        "The address of the portal, for the customer.",
        Example(f"https://webhooks.example.com/portal?token={TOKEN}"),
    ]
    auth_type: Annotated[
        str,
        "How the link opens: by a token that stays, or by tokens that are asked for and expire.",
        Keywords(enum=list(PortalLink.AuthType.values)),
        Component("datastore.PortalAuthType"),
        Example(PortalLink.AuthType.STATIC_TOKEN.value),
    ]
    auth_key: Annotated[
        str, "A token that opens a refresh_token link for an hour; only in the answer to the link's creation."
    ]
    created_at: Annotated[Time, Example(_CREATED)]
    updated_at: Annotated[Time, Example(_CREATED)]
    deleted_at: DeletedAt


@component("models.PortalSession")
class PortalSessionDocument(TypedDict):
    """A portal session. Its code and its token are not stored, so they are not shown."""

    uid: Annotated[Uid, Example("01M80JSD0V2HXXF6RJSD6XSV5Q")]
    project_id: Uid
    owner_id: Annotated[str, "The customer whose endpoints the session opens now.", Example("acme")]
    portal_link_id: Annotated[
        str | None, "The link that the session was minted for; null where it names an owner itself."
    ]
    surface: Annotated[
        str,
        "The client by whose contract the session was minted.",
        Keywords(enum=list(PortalSession.Surface.values)),
        Example(PortalSession.Surface.NAHOOK.value),
    ]
    capabilities: Annotated[
        list[Annotated[str, Keywords(enum=sorted(WORDS))]],
        "The rights that the session gives now.",
        Example(sorted(WORDS)),
    ]
    metadata: Annotated[
        dict[str, str], "The metadata that the session was minted with.", Example({"userId": "usr_456"})
    ]
    reference: Annotated[str, "The caller's own name for the session: Svix's sessionId."]
    minted_by: Annotated[
        str | None, "The id of the API key that minted the session.", Example("01M80HQEK749HVST8A6GW0K8E2")
    ]
    created_at: Annotated[Time, Example("2026-11-22T09:00:00Z")]
    expires_at: Annotated[Time, "When the session ends by itself.", Example("2026-11-22T10:00:00Z")]
    opened_at: Annotated[Time | None, "When it was opened for the first time; null before that."]
    opened_from: Annotated[str | None, "The IP address that opened the session."]
    last_used_at: Annotated[Time | None, "Exact to a minute."]
    last_used_from: Annotated[str | None, "The IP address of the last use."]
    revoked_at: Annotated[Time | None, "When it was revoked; null: it is not."]


def portal_link(project_id: str, portal_link_id: str, *, reveal: bool) -> PortalLinkDocument:
    """Return one live link of a project with its endpoints, in one statement. Raises NotFound."""
    rows = read_rows(_GET, [project_id, portal_link_id])
    if not rows:
        raise PortalLinkNotFound
    columns = len(_LINK_FIELDS)
    link = PortalLink(**dict(zip(_LINK_FIELDS, rows[0], strict=False)))
    link.token = PortalLink._meta.get_field("token").from_db_value(link.token, None, connection)
    link.created_at, link.updated_at = map(datetime.fromisoformat, rows[0][columns - 2 : columns])
    endpoints = documents((row[columns:] for row in rows if row[columns] is not None), reveal=reveal)
    return link_document(link, endpoints, reveal=reveal)


def portal_links(
    project_id: str, links: Sequence[PortalLink], *, only: Iterable[str] = (), reveal: bool
) -> list[PortalLinkDocument]:
    """Return several links of one project, each with its endpoints, in one statement.

    `only` narrows `endpoints_metadata`, and nothing else, to those ids.
    """
    owners = {link.owner_id for link in links if link.owner_id}
    listed = {uid for link in links if not link.owner_id for uid in link.endpoints}
    # Links share endpoints: each is rendered once.
    shown = endpoint_documents(project_id, ids=list(listed), owners=list(owners), reveal=reveal)
    rendered = {endpoint["uid"]: Fragment(orjson.dumps(endpoint)) for endpoint in shown}
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
        content.append(_document(link, scope, metadata, token=link.token if reveal else REDACTED))
    return content


def access_document(access: Access) -> PortalLinkDocument:
    """Return what a customer's credential opens, in the shape of a portal link, in one statement. Raises NotFound.

    A session without a link is shown like a link, with the session's id and without a token. An API key has neither.
    """
    reveal = access.may(VIEW_SECRET)
    link, session = access.link, access.session
    if link is not None:
        shown = portal_link(link.project_id, link.uid, reveal=reveal)
        if not access.is_preview:
            # The customer has the link's token already: it is in the URL that they opened.
            shown["token"], shown["url"] = link.token, portal_url(link.token)
        return shown
    if session is None:
        raise PortalLinkNotFound
    stand_in = PortalLink(
        uid=session.uid,
        project_id=access.project.uid,
        name=access.owner_id,
        owner_id=access.owner_id,
        can_manage_endpoint=access.may(MANAGE_ENDPOINT),
        auth_type=PortalLink.AuthType.REFRESH_TOKEN,
        created_at=session.created_at,
        updated_at=session.created_at,
    )
    endpoints = endpoint_documents(access.project.uid, owners=[access.owner_id], reveal=reveal)
    return _document(stand_in, [endpoint["uid"] for endpoint in endpoints], endpoints, token="") | {"url": ""}


def link_document(
    link: PortalLink, endpoints: list[EndpointDocument], *, reveal: bool, auth_key: str = ""
) -> PortalLinkDocument:
    """Return the document of a link, given the endpoints of its scope, newest first.

    `auth_key` is a `PRT.` token that was minted just now; the link's URL holds it too. Without `reveal` the token,
    which opens the portal, is masked.
    """
    token = link.token if reveal else REDACTED
    return _document(link, [endpoint["uid"] for endpoint in endpoints], endpoints, token=token, auth_key=auth_key)


def session_document(session: PortalSession) -> PortalSessionDocument:
    """Return the document of a session."""
    return {
        "uid": session.uid,
        "project_id": session.project_id,
        "owner_id": session.current_owner_id,
        "portal_link_id": session.portal_link_id,
        "surface": session.surface,
        "capabilities": sorted(session.current_capabilities),
        "metadata": session.metadata,
        "reference": session.reference,
        "minted_by": session.minted_by_id,
        "created_at": wire_time(session.created_at),
        "expires_at": wire_time(session.expires_at),
        "opened_at": _time(session.opened_at),
        "opened_from": session.opened_from,
        "last_used_at": _time(session.last_used_at),
        "last_used_from": session.last_used_from,
        "revoked_at": _time(session.revoked_at),
    }


def _document(
    link: PortalLink, scope: Sequence[str], metadata: list[Any], *, token: str, auth_key: str = ""
) -> PortalLinkDocument:
    in_scope = set(scope)
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


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else wire_time(moment)
