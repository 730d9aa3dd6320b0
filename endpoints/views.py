"""The endpoint operations of the Convoy API. Contract: endpoints section 1."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.bodies import read_body
from core.api.envelope import success
from core.api.pagination import read_page
from core.api.versioning import client_version
from core.exceptions import NotFound
from endpoints import openapi, operations, serializers, versioning
from endpoints.documents import Document, endpoint_documents
from endpoints.models import Endpoint
from endpoints.oauth2_test import try_oauth2
from endpoints.serializers import (
    CreateEndpoint,
    CreateEndpointBefore2024,
    ExpireSecret,
    UpdateEndpoint,
    UpdateEndpointBefore2024,
)
from projects.convoy_view import ConvoyView


class EndpointView(ConvoyView):
    """What the endpoint views share: the answer, and what older clients send."""

    def document(self, project_id: str, endpoint_id: str) -> Document:
        """One endpoint in its current shape. Raises NotFound."""
        documents = endpoint_documents(project_id, ids=[endpoint_id], reveal=self.caller.can_write)
        if not documents:
            raise NotFound("endpoint not found")
        return documents[0]

    def versioned(self, document: Document) -> Document:
        """The endpoint in the shape that the client's X-Convoy-Version asks for."""
        return versioning.endpoint_response(document, client_version(self.request))

    def changed(self, message: str, endpoint: Endpoint, status: int = 202) -> HttpResponse:
        """The answer to an operation that has changed `endpoint`."""
        return success(message, self.versioned(read(self.document(endpoint.project_id, endpoint.uid))), status)

    def body(self, request: Request, *, detailed: bool) -> dict[str, Any]:
        """The validated body of a create (or, with `detailed`, update) request of any version."""
        if client_version(request) >= versioning.DURATIONS_AS_TEXT:
            return read_body(request, UpdateEndpoint if detailed else CreateEndpoint, detailed=detailed)
        sent = read_body(request, UpdateEndpointBefore2024 if detailed else CreateEndpointBefore2024, detailed=detailed)
        for name in versioning.DURATIONS:
            if name in sent:
                sent[name] = versioning.whole_seconds(name, sent[name], detailed=detailed)
        return sent if detailed else {"advanced_signatures": False} | sent


class Endpoints(EndpointView):
    """The endpoints of a project."""

    @openapi.list_endpoints
    def get(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Answer a page, newest first, of those that `q` (in the name) and `ownerId` leave."""
        rows = Endpoint.objects.for_project(projectID)
        if q := request.query_params.get("q", "").strip():
            rows = rows.filter(name__icontains=q)
        if owner_id := request.query_params.get("ownerId", "").strip():
            rows = rows.filter(owner_id=owner_id)
        page = read_page(request, rows.only("pk"))
        ids = [row.pk for row in page.rows]
        documents = endpoint_documents(projectID, ids=ids, reveal=self.caller.can_write)
        content = [self.versioned(read(document)) for document in documents]
        return success("Endpoints fetched successfully", {"content": content, "pagination": page.pagination})

    @openapi.create_endpoint
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Create an endpoint."""
        endpoint = operations.create_endpoint(projectID, **self.body(request, detailed=False))
        document = self.versioned(self.document(projectID, endpoint.uid))
        return success("Endpoint created successfully", document, 201)


class EndpointDetail(EndpointView):
    """One endpoint."""

    not_found = {
        "GET": (404, "Resource not found"),
        "PUT": (400, "endpoint not found"),
        "DELETE": (400, "endpoint not found"),
    }

    @openapi.get_endpoint
    def get(self, request: Request, projectID: str, endpointID: str) -> HttpResponse:  # noqa: N803
        """Answer the endpoint with its secrets."""
        document = self.versioned(read(self.document(projectID, endpointID)))
        return success("Endpoint fetched successfully", document)

    @openapi.update_endpoint
    def put(self, request: Request, projectID: str, endpointID: str) -> HttpResponse:  # noqa: N803
        """Change what is sent of the endpoint."""
        endpoint = operations.update_endpoint(projectID, endpointID, **self.body(request, detailed=True))
        return self.changed("Endpoint updated successfully", endpoint)

    @openapi.delete_endpoint
    def delete(self, request: Request, projectID: str, endpointID: str) -> HttpResponse:  # noqa: N803
        """Delete the endpoint."""
        operations.delete_endpoint(projectID, endpointID)
        return success("Endpoint deleted successfully")


class PauseEndpoint(EndpointView):
    """Pausing, and the end of a pause."""

    not_found = {"PUT": (400, "failed to find endpoint")}

    @openapi.pause_endpoint
    def put(self, request: Request, projectID: str, endpointID: str) -> HttpResponse:  # noqa: N803
        """Pause an active endpoint or activate a paused one; a body is ignored."""
        return self.changed("endpoint status updated successfully", operations.toggle_pause(projectID, endpointID))


class ActivateEndpoint(EndpointView):
    """Activation."""

    not_found = {"POST": (400, "failed to find endpoint")}

    @openapi.activate_endpoint
    def post(self, request: Request, projectID: str, endpointID: str) -> HttpResponse:  # noqa: N803
        """Activate an endpoint that is not active."""
        endpoint = operations.activate_endpoint(projectID, endpointID)
        return self.changed("endpoint status successfully activated", endpoint)


class ExpireEndpointSecret(EndpointView):
    """The rotation of a secret."""

    not_found = {"PUT": (400, "endpoint not found")}

    @openapi.expire_secret
    def put(self, request: Request, projectID: str, endpointID: str) -> HttpResponse:  # noqa: N803
        """End the current secret in `expiration` hours and add a new one. Not versioned."""
        endpoint = operations.expire_secret(projectID, endpointID, **read_body(request, ExpireSecret, detailed=True))
        document = read(self.document(projectID, endpoint.uid))
        return success("endpoint secret expired successfully", document)


class OAuth2Test(ConvoyView):
    """A trial of an OAuth2 configuration."""

    @openapi.test_oauth2
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Ask for a token now; that there is none is an answer, not an error."""
        data = try_oauth2(read_body(request, serializers.OAuth2Test).get("oauth2"))
        return success(f"OAuth2 connection test {'successful' if data['success'] else 'failed'}", data)


def read(document: Document) -> Document:
    """The endpoint as every answer but that of its creation shows it: no authentication is `{}`, not null."""
    return document | {"authentication": document["authentication"] or {}}
