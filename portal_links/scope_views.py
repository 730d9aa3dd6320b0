"""Explain the scope of links and sessions in the Convoy API. Contract: docs/contract/portal-links.md#explained."""

from typing import Annotated, TypedDict

from rest_framework.request import Request

from core.api.documents import Example, Keywords, PageOf, Uid, component, example
from core.api.openapi import PAGE, Outcome, page_example, query
from core.api.pagination import read_page
from endpoints.models import Endpoint
from portal_links import exceptions as refusals
from portal_links import scope
from portal_links.capabilities import WORDS
from portal_links.exceptions import PortalLinkNotFound, PortalSessionNotFound
from portal_links.models import PortalLink, PortalSession
from portal_links.openapi import SESSIONS_TAG, TAG
from portal_links.scope import Scope
from projects.convoy_view import ConvoyView

#: The endpoints of a page, and the ids without an endpoint that are listed.
PER_PAGE = 100


class CapabilityDocument(TypedDict):
    """A capability, and why it is given or not."""

    name: Annotated[str, "The name of the capability.", Keywords(enum=sorted(WORDS)), Example("view")]
    is_allowed: Annotated[bool, "Whether the link or session has it."]
    source: Annotated[str, "The setting that decides.", Keywords(enum=list(scope.SOURCES)), Example(scope.ANY_LINK)]
    reason: Annotated[str, "A text for people.", Example("Every portal link gives this.")]


class ScopeEndpointDocument(TypedDict):
    """An endpoint in a scope."""

    uid: Annotated[Uid, Example("01JZ8QM5X9C1D3F5G7H9J1K3M5")]
    name: Annotated[str, "The name of the endpoint.", Example("Orders")]
    status: Annotated[str, "Whether webhooks are sent to it.", Example(Endpoint.Status.ACTIVE.value)]
    owner_id: Annotated[str, "The customer whose endpoint it is.", Example("acme")]
    reason: Annotated[
        str, "The field by which it is in the scope.", Keywords(enum=list(scope.REASONS)), Example(scope.BY_OWNER)
    ]


class MissingDocument(TypedDict):
    """An id in a link's `endpoints` that opens nothing."""

    uid: Annotated[Uid, "The id in the link's list."]
    reason: Annotated[
        str, "The reason why it opens nothing.", Keywords(enum=list(scope.MISSING)), Example(scope.DELETED)
    ]


@component("models.PortalScope")
class ScopeDocument(TypedDict):
    """Endpoints and capabilities that a portal link or session gives, with the reasons."""

    owner_id: Annotated[
        str, "The customer whose endpoints are opened; empty: those in the link's list.", Example("acme")
    ]
    capabilities: Annotated[list[CapabilityDocument], "Every capability, given or not."]
    endpoints: PageOf[ScopeEndpointDocument]
    missing: Annotated[list[MissingDocument], f"The first {PER_PAGE} ids in the link's `endpoints` that open nothing."]
    missing_count: Annotated[int, "How many ids in the link's list open nothing."]


_EXAMPLE = example(
    ScopeDocument,
    capabilities=[example(CapabilityDocument, name=name, is_allowed=True) for name in WORDS],
    endpoints=page_example(example(ScopeEndpointDocument)),
)
_LIST_EXAMPLE = example(
    ScopeDocument,
    _EXAMPLE,
    owner_id="",
    endpoints=page_example(example(ScopeEndpointDocument, reason=scope.BY_LIST)),
    missing=[example(MissingDocument)],
    missing_count=1,
)
_PAGE = [
    *(PAGE[name] for name in ("direction", "next_page_cursor", "prev_page_cursor")),
    query("perPage", "Endpoints in a page, 1 to 1000.", {"type": "integer", "default": PER_PAGE}),
]

explain_link = TAG.operation(
    "GetPortalLinkScope",
    "Explain a portal link",
    description="Returns the capabilities and endpoints that the link gives, each with its reason, and the listed ids "
    "that open nothing.",
    parameters=_PAGE,
    success=Outcome(
        "Portal link scope fetched successfully",
        ScopeDocument,
        {"A customer's link": _EXAMPLE, "A list with an endpoint that is deleted": _LIST_EXAMPLE},
    ),
    not_found=refusals.PortalLinkNotThere,
)
explain_session = SESSIONS_TAG.operation(
    "GetPortalSessionScope",
    "Explain a portal session",
    description="Returns the capabilities and endpoints that the session gives, each with its reason, also after its "
    "end.",
    parameters=_PAGE,
    success=Outcome("Portal session scope fetched successfully", ScopeDocument, {"A customer's session": _EXAMPLE}),
    not_found=refusals.PortalSessionNotThere,
)


class PortalLinkScope(ConvoyView):
    """The scope of a link."""

    @explain_link
    def get(self, request: Request, projectID: str, portalLinkID: str) -> ScopeDocument:  # noqa: N803
        """Answer what the link opens."""
        links = PortalLink.objects.for_project(projectID).select_related("project").defer("token", "token_digest")
        link = links.filter(pk=portalLinkID).first()
        if link is None:
            raise PortalLinkNotFound
        return _document(request, scope.scope_of_link(link))


class PortalSessionScope(ConvoyView):
    """The scope of a session."""

    @explain_session
    def get(self, request: Request, projectID: str, sessionID: str) -> ScopeDocument:  # noqa: N803
        """Answer what the session opens."""
        sessions = PortalSession.objects.for_project(projectID).select_related("project", "portal_link__project")
        hidden = ("code_digest", "token_digest", "portal_link__token", "portal_link__token_digest")
        session = sessions.defer(*hidden).filter(pk=sessionID).first()
        if session is None:
            raise PortalSessionNotFound
        return _document(request, scope.scope_of_session(session))


def _document(request: Request, found: Scope) -> ScopeDocument:
    rows = found.endpoints.order_by().only("uid", "name", "status", "owner_id")
    page = read_page(request, rows, default=PER_PAGE)
    endpoints: list[ScopeEndpointDocument] = [
        {
            "uid": row.uid,
            "name": row.name,
            "status": row.status,
            "owner_id": row.owner_id,
            "reason": found.reason,
        }
        for row in page.rows
    ]
    return {
        "owner_id": found.owner_id,
        "capabilities": [
            {"name": each.name, "is_allowed": each.is_allowed, "source": each.source, "reason": each.reason}
            for each in found.capabilities
        ],
        "endpoints": page.of(endpoints),
        "missing": [{"uid": each.uid, "reason": each.reason} for each in found.missing[:PER_PAGE]],
        "missing_count": len(found.missing),
    }
