"""The portal API: what a customer's own client can do with a portal token. Contract: portal-links section 5."""

from typing import Any, cast

from django.http import HttpResponse
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core.api.bodies import read_body
from core.api.checks import check_size
from core.api.documents import PageOf
from core.api.errors import NO_SUCH_PATH
from core.api.pagination import read_page
from core.client_address import client_address
from core.exceptions import InvalidInput, NotFound
from endpoints.documents import EndpointDocument, endpoint_documents
from endpoints.serializers import ExpireSecret
from endpoints.views import EndpointView, read
from portal import openapi, operations
from portal_links.access import Access, find_access, find_key_access
from portal_links.capabilities import DELETE_ENDPOINT, MANAGE_ENDPOINT, ROTATE_SECRET, VIEW_SECRET
from portal_links.documents import PortalLinkDocument, access_document
from projects.exceptions import BadCredential, NoCredential
from projects.keys import PREFIX

OUT_OF_SCOPE = (401, "unauthorized")


class PortalCredential(BaseAuthentication):
    """`Authorization: Bearer <token>`: a static token, `PRT.…`, a session's token, or a project's API key."""

    def authenticate(self, request: Request) -> tuple[None, Access]:
        """Return (None, what the credential opens now). Raises Unauthenticated, InvalidInput."""
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer" or not token or " " in token:
            raise NoCredential
        find = find_key_access if token.startswith(f"{PREFIX}.") else find_access
        access = find(token, address=client_address(request))
        if access is None:
            raise BadCredential
        return None, access


class PortalView(EndpointView):
    """The base of the portal API's views: a portal credential in place of an API key and a project."""

    authentication_classes = [PortalCredential]
    http_method_names = ["get", "head", "post", "put", "delete", "options"]
    #: An endpoint out of scope and one that does not exist are one and the same.
    not_found = dict.fromkeys(("GET", "POST", "PUT", "DELETE"), OUT_OF_SCOPE)
    #: The capability that each method needs, beyond a look.
    needs: dict[str, str] = {}
    #: Of what the Convoy API refuses, what this one does (schema.py).
    shared_refusals = {"400", "401", "403", "411", "413", "503"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check size and credential; the operations check the capabilities. Raises DomainError."""
        if request.method == "OPTIONS":
            return
        check_size(request)
        self.perform_authentication(request)
        if self.access.by_key and request.method not in self.reads:
            raise InvalidInput("invalid auth object")
        # The operations check it too, and for all surfaces. Here it comes before the body is read.
        if request.method in self.needs:
            self.access.require(self.needs[request.method])

    @property
    def access(self) -> Access:
        """What the caller may do now."""
        return cast(Access, self.request.auth)

    def document(self, project_id: str, endpoint_id: str) -> EndpointDocument:
        """One endpoint of the caller's scope. Raises NotFound."""
        return operations.endpoint_document(self.access, endpoint_id)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """An empty answer: other origins get no leave to call."""
        return HttpResponse()


class OwnPortalLink(PortalView):
    """The link, or the session, of the caller."""

    not_found = {}

    @openapi.own_portal_link
    def get(self, request: Request) -> PortalLinkDocument:
        """Return it in the shape of a portal link. Nothing is minted."""
        return access_document(self.access)


class LicenseFeatures(PortalView):
    """What the instance can do."""

    @openapi.license_features
    def get(self, request: Request) -> openapi.FeaturesDocument:
        """Answer all of them: nothing is kept for those who pay."""
        return openapi.FEATURES


class Endpoints(PortalView):
    """The endpoints of the caller's scope."""

    needs = {"POST": MANAGE_ENDPOINT}

    @openapi.list_endpoints
    def get(self, request: Request) -> PageOf[EndpointDocument]:
        """Answer a page, newest first, of those that `q` (in the name) leaves."""
        rows = self.access.endpoints().order_by()
        if q := request.query_params.get("q", "").strip():
            rows = rows.filter(name__icontains=q)
        page = read_page(request, rows.only("pk"))
        ids = [row.pk for row in page.rows]
        documents = endpoint_documents(self.access.project.uid, ids=ids, reveal=self.access.may(VIEW_SECRET))
        return page.of([self.versioned(read(document)) for document in documents])

    @openapi.create_endpoint
    def post(self, request: Request) -> EndpointDocument:
        """Create an endpoint of the caller's owner."""
        endpoint = operations.create_endpoint(self.access, **self.body(request, detailed=False))
        [document] = endpoint_documents(endpoint.project_id, ids=[endpoint.uid], reveal=self.access.may(VIEW_SECRET))
        return self.versioned(document)


class EndpointDetail(PortalView):
    """One endpoint of the caller's scope."""

    needs = {"PUT": MANAGE_ENDPOINT, "DELETE": DELETE_ENDPOINT}

    @openapi.get_endpoint
    def get(self, request: Request, endpointID: str) -> EndpointDocument:  # noqa: N803
        """Answer the endpoint; its secrets only to those who may see them."""
        return self.versioned(read(self.document("", endpointID)))

    @openapi.update_endpoint
    def put(self, request: Request, endpointID: str) -> EndpointDocument:  # noqa: N803
        """Change what is sent of the endpoint, its owner aside."""
        endpoint = operations.update_endpoint(self.access, endpointID, **self.body(request, detailed=True))
        return self.changed(endpoint)

    @openapi.delete_endpoint
    def delete(self, request: Request, endpointID: str) -> None:  # noqa: N803
        """Delete the endpoint."""
        operations.delete_endpoint(self.access, endpointID)


class PauseEndpoint(PortalView):
    """Pausing, and the end of a pause."""

    needs = {"PUT": MANAGE_ENDPOINT}

    @openapi.pause_endpoint
    def put(self, request: Request, endpointID: str) -> EndpointDocument:  # noqa: N803
        """Pause an active endpoint or activate a paused one; a body is ignored."""
        return self.changed(operations.toggle_pause(self.access, endpointID))


class ActivateEndpoint(PortalView):
    """Activation."""

    needs = {"POST": MANAGE_ENDPOINT}

    @openapi.activate_endpoint
    def post(self, request: Request, endpointID: str) -> EndpointDocument:  # noqa: N803
        """Activate an endpoint that is not active."""
        endpoint = operations.activate_endpoint(self.access, endpointID)
        return self.changed(endpoint)


class ExpireEndpointSecret(PortalView):
    """The rotation of a secret."""

    needs = {"PUT": ROTATE_SECRET}

    @openapi.expire_secret
    def put(self, request: Request, endpointID: str) -> EndpointDocument:  # noqa: N803
        """End the current secret in `expiration` hours and add a new one. Not versioned."""
        sent = read_body(request, ExpireSecret, detailed=True)
        endpoint = operations.expire_secret(self.access, endpointID, **sent)
        return read(self.document(endpoint.project_id, endpoint.uid))


class UnknownPath(PortalView):
    """Every path under /portal-api that has no route: 404, to those who have a credential."""

    schema = None
    not_found = {}

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """No method is allowed on what does not exist."""
        raise NotFound(NO_SUCH_PATH)
