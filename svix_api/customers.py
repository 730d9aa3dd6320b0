"""Let the portal sessions of a customer call operations of Svix's API, as `svix-react` does in a browser.

A session has the rights that it has in the portal, and reaches its own application alone.
Contract: docs/contract/svix.md#sessions.
"""

from typing import Any, cast

from rest_framework.request import Request

from core.actors import set_actor
from core.api.checks import check_body
from core.api.security import BearerScheme
from core.client_address import client_address
from endpoints.models import Endpoint, EndpointQuerySet
from portal_links.access import Access, count_access, find_access
from portal_links.capabilities import VIEW, VIEW_SECRET
from portal_links.origins import allow_origin, preflight
from portal_links.sessions import TOKEN_PREFIX
from projects.exceptions import ReadOnlyKey
from projects.keys import Caller
from projects.request_limit import windows
from svix_api.base import BearerKey, SvixView, TokenNotValid, bearer

#: The headers that Svix's clients send, beside those that a browser lets every page send.
HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "Svix-Req-Id", "Svix-Retry-Count", "User-Agent")


class KeyOrSession(BearerKey):
    """`Authorization: Bearer CO.…`, or `PST.…` of a session that has an owner."""

    def authenticate(self, request: Request) -> tuple[None, Any]:
        """Return (None, the caller or what the session opens). Raises Unauthenticated."""
        token = bearer(request, "")
        if not token.startswith(TOKEN_PREFIX):
            return super().authenticate(request)
        access = find_access(token, address=client_address(request))
        if access is None or not access.owner_id:
            raise TokenNotValid
        return None, access


class CustomerScheme(BearerScheme):  # type: ignore[no-untyped-call]
    """The credentials of Svix's clients, with those of customers, in the OpenAPI document."""

    target_class = KeyOrSession
    name = "SvixTokenOrSession"
    description = "An API key of a project, or the token of a portal session, `PST.…`, for its own application."


class CustomerView(SvixView):
    """The base of the operations that a portal session may call beside an API key."""

    authentication_classes = [KeyOrSession]
    http_method_names = ["get", "head", "post", "put", "patch", "delete", "options"]
    #: The capability that a session needs for a method, where VIEW is not enough.
    needs: dict[str, str] = {}
    #: The access that the caller's session gives, once it is known.
    access: Access | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check body, credential and right before the handler runs. Raises DomainError."""
        if request.method == "OPTIONS":
            return
        check_body(request, self.content_types)
        self.perform_authentication(request)
        if isinstance(request.auth, Caller):
            super().initial(request, *args, **kwargs)
            return
        access: Access = cast(Any, request.auth)
        self.access = access
        count_access(access)
        windows.count((access.session or access.project).pk)
        set_actor(access.actor)
        access.require(self.needs.get(request.method or "", VIEW))

    def check_caller(self, request: Request) -> None:
        """Refuse also an owner's key that may change nothing, and does. Raises DomainError."""
        super().check_caller(request)
        if request.method not in self.reads and not self.caller.manages:
            raise ReadOnlyKey

    @property
    def key_project(self) -> str:
        """Return the id of the credential's project. Raises InvalidInput."""
        return super().key_project if self.access is None else str(self.access.project.uid)

    @property
    def only_owner(self) -> str:
        """Return the owner to which the credential is bound; "" where it acts for all."""
        return super().only_owner if self.access is None else self.access.owner_id

    @property
    def reveals(self) -> bool:
        """Return whether the caller may see secrets."""
        return self.caller.manages if self.access is None else self.access.may(VIEW_SECRET)

    def may(self, capability: str) -> bool:
        """Return whether the caller has a capability. A key that may make this call has all of them."""
        return self.access is None or self.access.may(capability)

    def scope(self, owner_id: str) -> EndpointQuerySet:
        """Return the endpoints of an owner that the caller reaches."""
        rows = Endpoint.objects.for_project(self.key_project) if self.access is None else self.access.endpoints()
        return rows.filter(owner_id=owner_id)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer a preflight."""
        return preflight()

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Let the pages of the project's allowed origins read the answer to a session."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.access is not None or request.method == "OPTIONS":
            project = None if self.access is None else self.access.project
            allow_origin(request, response, project, methods="GET, POST, PUT, PATCH, DELETE", headers=HEADERS)
        return response
