"""The portal API: a customer's own client calls it with a portal token.

Contract: docs/contract/portal-sessions.md#portal-api.
"""

from typing import Any, cast

from django.http import HttpResponse
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core.actors import set_actor
from core.api.bodies import read_body
from core.api.checks import check_size
from core.api.security import BearerScheme
from core.client_address import client_address
from endpoints import secrets, views
from endpoints.documents import EndpointDocument
from endpoints.exceptions import EndpointNotFound
from endpoints.models import EndpointQuerySet
from endpoints.serializers import ExpireSecret
from events.reads import searches_content
from portal import openapi, operations
from portal.documents import FEATURES, FeaturesDocument
from portal.exceptions import KeyMayOnlyRead
from portal.serializers import ChosenEventTypes
from portal_links.access import Access, count_access, find_access, find_key_access
from portal_links.capabilities import DELETE_ENDPOINT, MANAGE_ENDPOINT, ROTATE_SECRET, VIEW_PAYLOADS, VIEW_SECRET
from portal_links.documents import PortalLinkDocument, access_document
from portal_links.origins import allow_origin, preflight
from projects import convoy_view
from projects.authentication import bearer_token
from projects.convoy_view import ConvoyView
from projects.exceptions import BadCredential, NoCredential
from projects.keys import PREFIX
from projects.models import Project
from projects.request_limit import windows


class PortalCredential(BaseAuthentication):
    """`Authorization: Bearer <token>`: a static token, `PRT.…`, a session's token, or a project's API key."""

    def authenticate(self, request: Request) -> tuple[None, Access]:
        """Return (None, what the credential opens at this moment). Raises Unauthenticated, InvalidInput."""
        token = bearer_token(request)
        if not token or " " in token:
            raise NoCredential
        if token.startswith(f"{PREFIX}."):
            access = find_key_access(token)
        else:
            access = find_access(token, address=client_address(request))
        if access is None:
            raise BadCredential
        return None, access


class PortalScheme(BearerScheme):  # type: ignore[no-untyped-call]
    """The credential of the portal API."""

    target_class = PortalCredential
    name = "PortalToken"
    description = "A portal link's token, `PRT.…`, or the token of a portal session; or an API key, for reading only."


class PortalView(ConvoyView):
    """The base of the portal API's views: a portal credential takes the place of the API key and the project.

    A view that also inherits from the project's view of the same objects narrows it to those of the caller. An object
    out of scope is refused like one that does not exist.
    """

    authentication_classes = [PortalCredential]
    http_method_names = ["get", "head", "post", "put", "delete", "options"]
    #: The capability that a method needs, where VIEW is not enough.
    needs: dict[str, str] = {}
    #: The project of the credential, once it is known.
    caller_project: Project | None = None
    #: The refusals of the Convoy API that this API shares (schema.py), by status.
    shared_refusals = {"400", "401", "403", "411", "413", "415", "429", "503"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check size, credential and capability before the handler runs. Raises DomainError."""
        if request.method == "OPTIONS":
            return
        check_size(request)
        self.perform_authentication(request)
        self.caller_project = self.access.project
        count_access(self.access)
        opened_by = self.access.session or self.access.link or self.access.project
        windows.count(opened_by.pk)
        set_actor(self.access.actor)
        if self.access.by_key and request.method not in self.reads:
            raise KeyMayOnlyRead
        # The operations check it as well, for the pages too. Here it comes before the body is read.
        if request.method in self.needs:
            self.access.require(self.needs[request.method])

    @property
    def access(self) -> Access:
        """Return the rights of the caller."""
        return cast(Access, self.request.auth)

    @property
    def project_id(self) -> str:
        """Return the id of the credential's project."""
        return str(self.access.project.uid)

    @property
    def is_masked(self) -> bool:
        """Return whether the values of headers are hidden: an API key sees them."""
        return not self.access.by_key

    @property
    def shows_payload(self) -> bool:
        """Return whether the caller may see payloads, headers and the bodies of answers."""
        return self.access.may(VIEW_PAYLOADS)

    def refuse_content_search(self) -> None:
        """Raise Forbidden where the query searches in payloads or headers, and the caller may not see them."""
        if searches_content(self.request):
            self.access.require(VIEW_PAYLOADS)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer a preflight."""
        return preflight()

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Let the pages of the project's allowed origins read the answer."""
        response = super().finalize_response(request, response, *args, **kwargs)
        headers = ("Authorization", "Content-Type", "X-Convoy-Version")
        allow_origin(request, response, self.caller_project, methods="GET, POST, PUT, DELETE", headers=headers)
        return response


class OwnPortalLink(PortalView):
    """The link, or the session, of the caller."""

    @openapi.own_portal_link
    def get(self, request: Request) -> PortalLinkDocument:
        """Answer it in the shape of a portal link. No token is minted."""
        return access_document(self.access)


class LicenseFeatures(PortalView):
    """The features of this server."""

    @openapi.license_features
    def get(self, request: Request) -> FeaturesDocument:
        """Answer all features as enabled: none needs a licence."""
        return FEATURES


class EndpointView(PortalView, views.EndpointView):
    """Narrows endpoints to those of the caller, and hides their secrets from those who may not see them."""

    @property
    def reveals(self) -> bool:
        """Return whether the caller may see secrets."""
        return self.access.may(VIEW_SECRET)

    def listed(self) -> EndpointQuerySet:
        """Return the endpoints of the caller's scope."""
        return self.access.endpoints().order_by()

    def document(self, endpoint_id: str) -> EndpointDocument:
        """Return one endpoint of the caller's scope. Raises NotFound."""
        if not self.access.endpoints().filter(pk=endpoint_id).exists():
            raise EndpointNotFound
        return super().document(endpoint_id)


class Endpoints(EndpointView):
    """List and create endpoints of the caller's scope."""

    needs = {"POST": MANAGE_ENDPOINT}
    get = openapi.list_endpoints(views.Endpoints.get)

    @openapi.create_endpoint
    def post(self, request: Request) -> EndpointDocument:
        """Create an endpoint of the caller's owner, and subscribe it where event types are sent."""
        chosen = read_body(request, ChosenEventTypes)
        endpoint = operations.create_receiving_endpoint(self.access, **chosen, **self.body(request, detailed=False))
        # Without a check of the scope: the caller's link was read before the endpoint joined it.
        return self.versioned(views.EndpointView.document(self, endpoint.uid))


class EndpointDetail(EndpointView):
    """One endpoint of the caller's scope."""

    needs = {"PUT": MANAGE_ENDPOINT, "DELETE": DELETE_ENDPOINT}
    get = openapi.get_endpoint(views.EndpointDetail.get)

    @openapi.update_endpoint
    def put(self, request: Request, endpointID: str) -> EndpointDocument:  # noqa: N803
        """Update the fields that are sent, but not the owner."""
        endpoint = operations.update_endpoint(self.access, endpointID, **self.body(request, detailed=True))
        return self.versioned(self.document(endpoint.uid))

    @openapi.delete_endpoint
    def delete(self, request: Request, endpointID: str) -> None:  # noqa: N803
        """Delete the endpoint."""
        operations.delete_endpoint(self.access, endpointID)


class PauseEndpoint(EndpointView):
    """The pause of an endpoint."""

    needs = {"PUT": MANAGE_ENDPOINT}

    @openapi.pause_endpoint
    def put(self, request: Request, endpointID: str) -> EndpointDocument:  # noqa: N803
        """Pause an active endpoint or activate a paused one; a body is ignored."""
        return self.changed(operations.toggle_pause(self.access, endpointID))


class ActivateEndpoint(EndpointView):
    """The activation of an endpoint."""

    needs = {"POST": MANAGE_ENDPOINT}

    @openapi.activate_endpoint
    def post(self, request: Request, endpointID: str) -> EndpointDocument:  # noqa: N803
        """Activate an endpoint that is not active."""
        return self.changed(operations.activate_endpoint(self.access, endpointID))


class ExpireEndpointSecret(EndpointView):
    """The rotation of a secret."""

    needs = {"PUT": ROTATE_SECRET}

    @openapi.expire_secret
    def put(self, request: Request, endpointID: str) -> HttpResponse:  # noqa: N803
        """Let the current secret expire after `expiration` and add a new one. Not versioned."""
        sent = read_body(request, ExpireSecret, detailed=True)
        expiration = sent.pop("expiration", 0)
        endpoint = operations.expire_secret(
            self.access, endpointID, expiration=secrets.overlap_hours(expiration), **sent
        )
        return views.answer_rotation(views.read(self.document(endpoint.uid)), expiration)


class UnknownPath(PortalView, convoy_view.UnknownPath):
    """Answers 404 on every path under /portal-api that has no route, to a caller with a credential."""
