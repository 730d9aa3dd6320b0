"""Define portal links and portal sessions as the API shows them.

A link is shown with the endpoints of its scope, which is read at that moment: every live endpoint of the
link's owner, or without an owner the live ones of its list, always within the link's project.
Contract: docs/contract/portal-links.md#object, docs/contract/portal-links.md#scope.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple, TypedDict

import orjson
from orjson import Fragment

from core.api.documents import Component, DeletedAt, Example, Keywords, Time, Uid, component, example
from core.api.pagination import MAX_PAGE_BYTES, up_to_page
from core.api.values import REDACTED, wire_time, wire_time_from_sql
from core.encryption import context_of, decrypter
from core.rows import read_rows
from endpoints.documents import NestedEndpointDocument
from endpoints.rendering import RenderedEndpoint, array_of, rendered, rendered_endpoints, versions_of
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT, VIEW_SECRET, WORDS
from portal_links.exceptions import PortalLinkNotFound
from portal_links.models import PortalLink, PortalSession, portal_url
from projects.keys import IS_PROVEN, Proof

#: The bytes of an id in an array of them.
_ID_BYTES = 29
_COLUMNS = """
l.uid, l.project_id, l.name, l.owner_id, {endpoints}, l.can_manage_endpoint, l.auth_type, l.token,
l.created_at::text, l.updated_at::text
"""
_LINK_COLUMNS = _COLUMNS.format(endpoints="l.endpoints")
_OF_OWNER = "e.project_id = l.project_id AND e.deleted_at IS NULL AND e.owner_id = l.owner_id"
_OF_LIST = """e.project_id = l.project_id AND e.deleted_at IS NULL AND e.uid = ANY(l.endpoints COLLATE "C")"""
# A query for each kind of scope, of which one is run: with OR, PostgreSQL would read the endpoints of either.
_GET = f"""
SELECT {_LINK_COLUMNS}, CASE l.owner_id WHEN '' THEN ({versions_of(_OF_LIST)}) ELSE ({versions_of(_OF_OWNER)}) END
FROM portal_links_portallink l
WHERE l.project_id = %(project_id)s AND l.uid = %(uid)s AND l.deleted_at IS NULL
"""
_GET_PROVEN = f"{_GET} AND {IS_PROVEN}"

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
        list[NestedEndpointDocument] | Fragment,
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
        dict[str, str], "The metadata with which the session was minted.", Example({"userId": "usr_456"})
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


class LinkRow(NamedTuple):
    """The facts of a link that its document shows: without a model instance, which costs more than its document."""

    uid: str
    project_id: str
    name: str
    owner_id: str
    endpoints: list[str]
    can_manage_endpoint: bool
    auth_type: str
    token: str
    #: As the API writes it.
    created_at: str
    updated_at: str
    #: Of a row beyond those that fill a page: it was read without its endpoints.
    is_beyond: bool = False

    @property
    def page_bytes(self) -> int:
        """Return the bytes by which its page ends before it, where it is beyond the page; else none."""
        return MAX_PAGE_BYTES + 1 if self.is_beyond else 0

    @property
    def pk(self) -> str:
        """Return the id, by its name in querysets."""
        return self.uid


def link_columns() -> str:
    """Return the columns of LinkRow in its order, for a list: `endpoints` up to the bytes of a page."""
    return _COLUMNS.format(endpoints=up_to_page("l.endpoints", f"cardinality(l.endpoints) * {_ID_BYTES}"))


def link_row(values: Sequence[Any]) -> LinkRow:
    """Return the facts of a link, given the values of its columns."""
    uid, project_id, name, owner_id, endpoints, manages, auth_type, stored, created_at, updated_at = values
    token = orjson.loads(decrypter(context_of(PortalLink, "token"))(stored, uid))
    times = wire_time_from_sql(created_at), wire_time_from_sql(updated_at)
    facts = uid, project_id, name, owner_id, endpoints or [], manages, auth_type, token
    return LinkRow(*facts, *times, is_beyond=endpoints is None)


def _row_of(link: PortalLink) -> LinkRow:
    return LinkRow(
        *(link.uid, link.project_id, link.name, link.owner_id, link.endpoints, link.can_manage_endpoint),
        *(link.auth_type, link.token, wire_time(link.created_at), wire_time(link.updated_at)),
    )


def portal_link(
    project_id: str, portal_link_id: str, *, reveal: bool, proof: Proof | None = None
) -> PortalLinkDocument:
    """Return one live link of a project with its endpoints, in one statement, or two where an endpoint is not cached.

    Raises NotFound, also where `proof` does not hold.
    """
    given = {"project_id": project_id, "uid": portal_link_id}
    rows = read_rows(_GET_PROVEN, given | proof._asdict()) if proof else read_rows(_GET, given)
    if not rows:
        raise PortalLinkNotFound
    *values, versions = rows[0]
    link, endpoints = link_row(values), rendered(project_id, versions, reveal=reveal)
    return _document(link, _ids(endpoints), array_of(endpoints), token=link.token if reveal else REDACTED)


def portal_links(
    project_id: str, links: Sequence[LinkRow], *, only: Iterable[str] = (), reveal: bool
) -> Iterator[tuple[PortalLinkDocument, int]]:
    """Yield several links of one project, each with its endpoints and with the bytes that these take in the answer.

    In one statement, or two as `portal_link` does. `only` narrows `endpoints_metadata`, and nothing else, to those ids.
    """
    owners = {link.owner_id for link in links if link.owner_id}
    listed = {uid for link in links if not link.owner_id for uid in link.endpoints}
    # Links share endpoints: each is rendered once, and so is the array of an owner's.
    shown = rendered_endpoints(project_id, ids=list(listed), owners=list(owners), reveal=reveal)
    by_id = {endpoint.uid: endpoint for endpoint in shown}
    by_owner: dict[str, list[RenderedEndpoint]] = {}
    for endpoint in shown:
        by_owner.setdefault(endpoint.owner_id, []).append(endpoint)
    narrowed = set(only)
    arrays: dict[str, tuple[Fragment, int]] = {}
    for link in links:
        if link.owner_id:
            scope = by_owner.get(link.owner_id, [])
        else:
            scope = [by_id[uid] for uid in sorted(set(link.endpoints), reverse=True) if uid in by_id]
        made = arrays.get(link.owner_id)
        if made is None:
            listed_here = [endpoint for endpoint in scope if not narrowed or endpoint.uid in narrowed]
            made = array_of(listed_here), sum(len(endpoint.json) for endpoint in listed_here)
            if link.owner_id:
                arrays[link.owner_id] = made
        array, size = made
        document = _document(link, _ids(scope), array, token=link.token if reveal else REDACTED)
        yield document, size + _ID_BYTES * len(document["endpoints"])


def access_document(access: Access) -> PortalLinkDocument:
    """Return what a customer's credential opens, in the shape of a portal link. Raises NotFound.

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
    created_at = wire_time(session.created_at)
    stand_in = LinkRow(
        uid=session.uid,
        project_id=access.project.uid,
        name=access.owner_id,
        owner_id=access.owner_id,
        endpoints=[],
        can_manage_endpoint=access.may(MANAGE_ENDPOINT),
        auth_type=PortalLink.AuthType.REFRESH_TOKEN,
        token="",
        created_at=created_at,
        updated_at=created_at,
    )
    endpoints = rendered_endpoints(access.project.uid, owners=[access.owner_id], reveal=reveal)
    return _document(stand_in, _ids(endpoints), array_of(endpoints), token="") | {"url": ""}


def created_document(link: PortalLink, endpoints: list[RenderedEndpoint], auth_key: str) -> PortalLinkDocument:
    """Return the document of a new link, given the endpoints of its scope, newest first.

    `auth_key` is the `PRT.` token that was minted with it, or ""; the link's URL holds it too.
    """
    return _document(_row_of(link), _ids(endpoints), array_of(endpoints), token=link.token, auth_key=auth_key)


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


def _ids(endpoints: list[RenderedEndpoint]) -> list[str]:
    return [endpoint.uid for endpoint in endpoints]


def _document(
    link: LinkRow, scope: Sequence[str], metadata: Fragment, *, token: str, auth_key: str = ""
) -> PortalLinkDocument:
    in_scope = set(scope) if link.endpoints else ()
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
        "created_at": link.created_at,
        "updated_at": link.updated_at,
        "deleted_at": None,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else wire_time(moment)
