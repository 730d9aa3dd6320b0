"""Answer the requests of Convoy's API about endpoints. Contract: docs/contract/endpoints.md#operations."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.bodies import read_body
from core.api.documents import PageOf
from core.api.pagination import Bytes, JsonBytes, read_page
from core.api.versioning import client_version
from endpoints import openapi, operations, secrets, serializers, versioning
from endpoints.documents import EndpointDocument, endpoint_documents
from endpoints.exceptions import EndpointNotFound
from endpoints.models import Endpoint, EndpointQuerySet
from endpoints.oauth2_test import try_oauth2
from endpoints.serializers import (
    CreateEndpoint,
    CreateEndpointBefore2024,
    ExpireSecret,
    UpdateEndpoint,
    UpdateEndpointBefore2024,
)
from projects.convoy_view import ConvoyView

#: The bytes of an endpoint in a list, as far as they vary.
_BYTES = sum(
    (Bytes(name) for name in ("url", "description", "secrets", "authentication", "mtls_client_cert")),
    JsonBytes("metadata"),
)


class EndpointView(ConvoyView):
    """Reads bodies of every version, and answers in the version that the client asks for.

    It acts on the endpoints of the path's project; the portal narrows them to those of a customer.
    """

    @property
    def reveals(self) -> bool:
        """Return whether the caller may see secrets."""
        return self.caller.can_write

    def listed(self) -> EndpointQuerySet:
        """Return the endpoints of the list, before `q` narrows it."""
        rows = Endpoint.objects.for_project(self.project_id)
        owner_id = self.request.query_params.get("ownerId", "").strip()
        return rows.filter(owner_id=owner_id) if owner_id else rows

    def document(self, endpoint_id: str) -> EndpointDocument:
        """Return one endpoint in its current shape. Raises NotFound."""
        documents = endpoint_documents(self.project_id, ids=[endpoint_id], reveal=self.reveals)
        if not documents:
            raise EndpointNotFound
        return documents[0]

    def versioned(self, document: EndpointDocument) -> EndpointDocument:
        """Return the endpoint in the shape that the client's X-Convoy-Version asks for."""
        return versioning.endpoint_response(document, client_version(self.request))

    def changed(self, endpoint: Endpoint) -> EndpointDocument:
        """Return the document of an endpoint that the operation has changed."""
        return self.versioned(read(self.document(endpoint.uid)))

    def body(self, request: Request, *, detailed: bool) -> dict[str, Any]:
        """Return the validated body of a create (or, with `detailed`, update) request of any version."""
        if client_version(request) >= versioning.DURATIONS_AS_TEXT:
            return read_body(request, UpdateEndpoint if detailed else CreateEndpoint, detailed=detailed)
        sent = read_body(request, UpdateEndpointBefore2024 if detailed else CreateEndpointBefore2024, detailed=detailed)
        for name in versioning.DURATIONS:
            if name in sent:
                sent[name] = versioning.whole_seconds(name, sent[name], detailed=detailed)
        return sent if detailed else {"advanced_signatures": False} | sent


class Endpoints(EndpointView):
    """List and create the endpoints of a project."""

    @openapi.list_endpoints
    def get(self, request: Request, **_: str) -> PageOf[EndpointDocument]:
        """Answer a page, newest first, filtered by `q` (in the name) and the view's own parameters."""
        rows = self.listed()
        if q := request.query_params.get("q", "").strip():
            rows = rows.filter(name__icontains=q)
        page = read_page(request, rows.only("pk"), size=_BYTES)
        ids = [row.pk for row in page.rows]
        documents = endpoint_documents(self.project_id, ids=ids, reveal=self.reveals)
        return page.of([self.versioned(read(document)) for document in documents])

    @openapi.create_endpoint
    def post(self, request: Request, projectID: str) -> EndpointDocument:  # noqa: N803
        """Create an endpoint."""
        endpoint = operations.create_endpoint(projectID, **self.body(request, detailed=False))
        return self.versioned(self.document(endpoint.uid))


class EndpointDetail(EndpointView):
    """One endpoint."""

    @openapi.get_endpoint
    def get(self, request: Request, endpointID: str, **_: str) -> EndpointDocument:  # noqa: N803
        """Answer the endpoint; its secrets only to those who may see them."""
        return self.versioned(read(self.document(endpointID)))

    @openapi.update_endpoint
    def put(self, request: Request, projectID: str, endpointID: str) -> EndpointDocument:  # noqa: N803
        """Update the fields that are sent."""
        endpoint = operations.update_endpoint(
            projectID, endpointID, reveal=self.reveals, **self.body(request, detailed=True)
        )
        return self.versioned(self.document(endpoint.uid))

    @openapi.delete_endpoint
    def delete(self, request: Request, projectID: str, endpointID: str) -> None:  # noqa: N803
        """Delete the endpoint."""
        operations.delete_endpoint(projectID, endpointID)


class PauseEndpoint(EndpointView):
    """The pause of an endpoint."""

    @openapi.pause_endpoint
    def put(self, request: Request, projectID: str, endpointID: str) -> EndpointDocument:  # noqa: N803
        """Pause an active endpoint or activate a paused one; a body is ignored."""
        return self.changed(operations.toggle_pause(projectID, endpointID))


class ActivateEndpoint(EndpointView):
    """The activation of an endpoint."""

    @openapi.activate_endpoint
    def post(self, request: Request, projectID: str, endpointID: str) -> EndpointDocument:  # noqa: N803
        """Activate an endpoint that is not active."""
        endpoint = operations.activate_endpoint(projectID, endpointID)
        return self.changed(endpoint)


class ExpireEndpointSecret(EndpointView):
    """The rotation of a secret."""

    @openapi.expire_secret
    def put(self, request: Request, projectID: str, endpointID: str) -> HttpResponse:  # noqa: N803
        """Let the current secret expire after `expiration` and add a new one. Not versioned."""
        sent = read_body(request, ExpireSecret, detailed=True)
        expiration = sent.pop("expiration", 0)
        hours = secrets.overlap_hours(expiration)
        endpoint = operations.expire_secret(projectID, endpointID, expiration=hours, **sent)
        return answer_rotation(read(self.document(endpoint.uid)), expiration)


class OAuth2Test(ConvoyView):
    """A trial of an OAuth2 configuration."""

    @openapi.test_oauth2
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Ask for a token now. A refusal of the token server is an answer, not an error."""
        data = try_oauth2(read_body(request, serializers.OAuth2Test).get("oauth2"))
        return openapi.test_oauth2.answer(data, None if data["success"] else openapi.NO_TOKEN)


def read(document: EndpointDocument) -> EndpointDocument:
    """Return the endpoint as all answers but those to its creation and update show it: no authentication is `{}`."""
    return document | {"authentication": document["authentication"] or {}}


def answer_rotation(document: EndpointDocument, expiration: int) -> HttpResponse:
    """Answer a rotation, and say where `expiration` was read as seconds."""
    return openapi.expire_secret.answer(
        document, openapi.READ_AS_SECONDS if secrets.is_in_seconds(expiration) else None
    )
