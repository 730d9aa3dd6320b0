"""Nahook's endpoints, of a workspace and of an application. Contract: docs/contract/nahook.md#endpoints."""

from typing import Annotated, Any, NotRequired, TypedDict

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request

from applications.exceptions import ApplicationNotFound
from core.api.documents import Example, Keywords, Time, component, example
from core.api.fields import Choice, Flag, Secret, Text
from core.api.openapi import URL_PATTERN, Outcome, Refusal, Tag, body, describe, path_parameter
from core.api.pagination import Bytes, JsonBytes
from core.api.values import wire_time
from core.exceptions import NotFound
from endpoints.exceptions import EndpointNotFound
from endpoints.models import Endpoint
from endpoints.operations import (
    activate_endpoint,
    create_endpoint,
    delete_endpoint,
    pause_endpoint,
    set_metadata,
    update_endpoint,
)
from endpoints.serializers import required
from nahook_api.base import REFUSED, REFUSED_WRITE, WORKSPACE, FieldRefused, Strict, WorkspaceView
from nahook_api.ids import ENDPOINT, ENVIRONMENT_ID, EXAMPLE_UID, prefixed, uid_in
from nahook_api.paging import MOST_LISTED, OFFSET, limit_parameter, read_rows
from outbound.exceptions import UrlNotSecure
from outbound.signatures import standard_secret
from outbound.urls import parse_target
from portal_links.openapi import APPLICATION_ID
from portal_links.owners import find_application
from portal_links.serializers import Metadata

TAG = Tag("Endpoints (Nahook)", envelope=False)
METADATA = "Texts by name, which the server stores and does not use."
NO_CONFIG = "an endpoint of the type webhook has no config here"
NO_SLACK = "must be webhook: this server sends webhooks only"
#: The bytes of an endpoint in a list, as far as they vary.
_BYTES = Bytes("url") + Bytes("description") + JsonBytes("metadata")
_BOTH = "must be sent with the other one of authUsername and authPassword"


class EnvironmentNotFound(NotFound):
    """No such environment."""

    message = f"environment not found: this server has one, {ENVIRONMENT_ID}"


@component("nahook.Endpoint")
class EndpointDocument(TypedDict):
    """An endpoint in Nahook's shape."""

    id: Annotated[str, "The id of the endpoint.", Example(prefixed(ENDPOINT, EXAMPLE_UID))]
    url: Annotated[str, "The URL that webhooks are sent to.", Example("https://hooks.example.com/in")]
    description: Annotated[str | None, "A text for people.", Example("Production webhook")]
    isActive: Annotated[bool, "Whether webhooks are sent to it.", Example(True)]
    type: Annotated[str, "Always `webhook`.", Example("webhook"), Keywords(enum=["webhook"])]
    config: Annotated[dict[str, str], "Always empty."]
    metadata: Annotated[dict[str, str], METADATA, Example({"region": "eu"})]
    createdAt: Annotated[Time, "When it was created."]
    updatedAt: Annotated[Time, "When it was last changed."]
    secret: NotRequired[
        Annotated[
            str,
            "The secret that verifies webhooks, as libraries of Standard Webhooks take it. Lists and keys that may "
            "only read have none.",
            Example("whsec_bXkgc2VjcmV0"),
        ]
    ]


def endpoint_document(endpoint: Endpoint, *, reveal: bool) -> EndpointDocument:
    """Return an endpoint as Nahook's API shows it, with its secret where `reveal` is set."""
    document: EndpointDocument = {
        "id": prefixed(ENDPOINT, endpoint.uid),
        "url": endpoint.url,
        "description": endpoint.description or None,
        "isActive": endpoint.status == Endpoint.Status.ACTIVE,
        "type": "webhook",
        "config": {},
        "metadata": endpoint.metadata,
        "createdAt": wire_time(endpoint.created_at),
        "updatedAt": wire_time(endpoint.updated_at),
    }
    if reveal:
        document["secret"] = standard_secret(endpoint.secrets[-1]["value"])
    return document


class CreateEndpoint(Strict):
    """The body that creates an endpoint of an application."""

    document = EndpointDocument
    lacking = {"config": NO_CONFIG}

    url = required("must not be empty", max_length=2048, help_text="An http or https URL.")
    type = Choice(["webhook"], message=NO_SLACK, required=False, allow_blank=False, help_text="Only `webhook`.")
    description = Text(required=False, max_length=4096)
    metadata = Metadata(required=False)
    authUsername = Secret(  # noqa: N815 - the wire's names
        required=False, allow_blank=False, help_text="The user name of basic authentication."
    )
    authPassword = Secret(  # noqa: N815
        required=False, allow_blank=False, help_text="The password of basic authentication."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a user name without a password, and the other way round."""
        if ("authUsername" in attrs) != ("authPassword" in attrs):
            raise serializers.ValidationError({"authUsername" if "authUsername" in attrs else "authPassword": [_BOTH]})
        return attrs


class CreateWorkspaceEndpoint(CreateEndpoint):
    """The body that creates an endpoint of a workspace."""

    environmentId = Text(required=False, help_text=f"Only `{ENVIRONMENT_ID}`.")  # noqa: N815


class UpdateEndpoint(Strict):
    """The body that changes an endpoint."""

    document = EndpointDocument

    url = required("must not be empty", required=False, max_length=2048, help_text="An http or https URL.")
    description = Text(required=False, max_length=4096)
    metadata = Metadata(required=False)
    isActive = Flag(required=False)  # noqa: N815


_SAID: dict[str, Any] = {"url": {"pattern": URL_PATTERN}, "metadata": Metadata.described()}
describe(CreateEndpoint, "nahook.CreateEndpoint", **_SAID)
describe(
    CreateWorkspaceEndpoint,
    "nahook.CreateWorkspaceEndpoint",
    environmentId={"enum": [ENVIRONMENT_ID, None], "nullable": True},
)
describe(UpdateEndpoint, "nahook.UpdateEndpoint", **_SAID)

EXAMPLE = example(EndpointDocument, secret="whsec_bXkgc2VjcmV0")  # noqa: S106 - not a secret
LISTED = example(EndpointDocument)
SENT = {"url": "https://hooks.example.com/in", "description": "Production webhook", "metadata": {"region": "eu"}}
ENDPOINT_ID = path_parameter("endpointID", "The id of the endpoint, with or without `ep_`.")
LIMIT = limit_parameter(MOST_LISTED, MOST_LISTED)
REFUSED_FIELDS: list[Refusal] = [
    FieldRefused(name="type", failure=NO_SLACK),
    UrlNotSecure,
]

list_endpoints = TAG.operation(
    "ListNahookEndpoints",
    "List the endpoints of a workspace (Nahook)",
    description="The endpoints of the workspace and of its applications, newest first, without their secrets.",
    parameters=[WORKSPACE, LIMIT, OFFSET],
    success=Outcome("The endpoints.", list[EndpointDocument], "One endpoint"),
    refused=[*REFUSED, FieldRefused(name="limit", failure=f"must be a whole number from 1 to {MOST_LISTED}")],
)
list_of_application = list_endpoints.twin(
    "ListNahookApplicationEndpoints",
    "List the endpoints of an application (Nahook)",
    description="The endpoints of the application, newest first, without their secrets.",
    parameters=[WORKSPACE, APPLICATION_ID, LIMIT, OFFSET],
    refused=[
        *REFUSED,
        FieldRefused(name="limit", failure=f"must be a whole number from 1 to {MOST_LISTED}"),
        ApplicationNotFound,
    ],
)
create = TAG.operation(
    "CreateNahookEndpoint",
    "Create an endpoint of a workspace (Nahook)",
    description="Creates an endpoint that belongs to no application. It gets events once it is subscribed to types.",
    parameters=[WORKSPACE],
    request=body(CreateWorkspaceEndpoint, {"An endpoint": SENT}),
    success=Outcome("The endpoint.", EndpointDocument, {"The endpoint": EXAMPLE}, status=201),
    refused=[*REFUSED_WRITE, *REFUSED_FIELDS, EnvironmentNotFound],
)
create_of_application = create.twin(
    "CreateNahookApplicationEndpoint",
    "Create an endpoint of an application (Nahook)",
    description="Creates an endpoint of the customer's. It gets events once it is subscribed to types.",
    parameters=[WORKSPACE, APPLICATION_ID],
    request=body(CreateEndpoint, {"An endpoint": SENT}),
    refused=[*REFUSED_WRITE, *REFUSED_FIELDS, ApplicationNotFound],
)
get = TAG.operation(
    "GetNahookEndpoint",
    "Get an endpoint (Nahook)",
    description="Returns the endpoint with its secret, which a key that may only read does not see.",
    parameters=[WORKSPACE, ENDPOINT_ID],
    success=Outcome("The endpoint.", EndpointDocument, {"The endpoint": EXAMPLE, "For a key that reads": LISTED}),
    refused=[*REFUSED, EndpointNotFound],
)
update = TAG.operation(
    "UpdateNahookEndpoint",
    "Change an endpoint (Nahook)",
    description="Changes the fields that are sent. `isActive` pauses the endpoint, or activates it.",
    parameters=[WORKSPACE, ENDPOINT_ID],
    request=body(UpdateEndpoint, {"A pause": {"description": "Production webhook", "isActive": False}}),
    success=Outcome("The endpoint.", EndpointDocument, {"The endpoint": EXAMPLE}),
    refused=[*REFUSED_WRITE, UrlNotSecure, EndpointNotFound],
)
delete = TAG.operation(
    "DeleteNahookEndpoint",
    "Delete an endpoint (Nahook)",
    description="Deletes the endpoint with its subscriptions. Its deliveries stay.",
    parameters=[WORKSPACE, ENDPOINT_ID],
    success=Outcome("Deleted.", type(None), status=204),
    refused=[*REFUSED_WRITE, EndpointNotFound],
)


class EndpointsView(WorkspaceView):
    """The base of the lists of endpoints."""

    http_method_names = ["get", "head", "post"]

    def listed(self, request: Request, **of: str) -> list[EndpointDocument]:
        """Return the endpoints that the query chooses, of an owner or of all."""
        rows = Endpoint.objects.for_project(self.project_id).filter(**of).order_by("-pk")
        rows = rows.defer("secrets", "authentication", "mtls_client_cert")
        found = read_rows(request, rows, default=MOST_LISTED, most=MOST_LISTED, size=_BYTES)
        return found.of(endpoint_document(row, reveal=False) for row in found)

    def created(self, sent: dict[str, Any], owner_id: str) -> EndpointDocument:
        """Create an endpoint of validated fields. Raises DomainError."""
        fields: dict[str, Any] = {name: sent[name] for name in ("description", "metadata") if name in sent}
        if "authUsername" in sent:
            credentials = {"username": sent["authUsername"], "password": sent["authPassword"]}
            fields["authentication"] = {"type": "basic_auth", "basic_auth": credentials}
        # An endpoint has no name here, and Convoy's must have one.
        name = (sent.get("description", "").strip() or parse_target(sent["url"]).netloc)[:255]
        endpoint = create_endpoint(self.project_id, url=sent["url"], name=name, owner_id=owner_id, **fields)
        return endpoint_document(endpoint, reveal=True)


class Endpoints(EndpointsView):
    """List and create the endpoints of a workspace."""

    @list_endpoints
    def get(self, request: Request, projectID: str) -> list[EndpointDocument]:  # noqa: N803
        """Return them, newest first."""
        return self.listed(request)

    @create
    def post(self, request: Request, projectID: str) -> EndpointDocument:  # noqa: N803
        """Create one that belongs to no application."""
        sent = self.body(request, CreateWorkspaceEndpoint)
        if sent.get("environmentId", ENVIRONMENT_ID) != ENVIRONMENT_ID:
            raise EnvironmentNotFound
        return self.created(sent, "")


class ApplicationEndpoints(EndpointsView):
    """List and create the endpoints of an application."""

    @list_of_application
    def get(self, request: Request, projectID: str, ownerID: str) -> list[EndpointDocument]:  # noqa: N803
        """Return them, newest first."""
        return self.listed(request, owner_id=find_application(projectID, self.owner(ownerID)).owner_id)

    @create_of_application
    def post(self, request: Request, projectID: str, ownerID: str) -> EndpointDocument:  # noqa: N803
        """Create one of the customer's."""
        sent = self.body(request, CreateEndpoint)
        return self.created(sent, find_application(projectID, self.owner(ownerID)).owner_id)


class EndpointView(WorkspaceView):
    """The base of the operations on one endpoint."""

    def endpoint(self, text: str) -> Endpoint:
        """Return the endpoint that the path names. Raises NotFound."""
        found = Endpoint.objects.for_project(self.project_id).filter(pk=uid_in(ENDPOINT, text)).first()
        if found is None:
            raise EndpointNotFound
        return found


class EndpointDetail(EndpointView):
    """One endpoint."""

    http_method_names = ["get", "head", "patch", "delete"]

    @get
    def get(self, request: Request, projectID: str, endpointID: str) -> EndpointDocument:  # noqa: N803
        """Return it."""
        return endpoint_document(self.endpoint(endpointID), reveal=self.caller.can_write)

    @update
    def patch(self, request: Request, projectID: str, endpointID: str) -> EndpointDocument:  # noqa: N803
        """Change what is sent of it."""
        sent = self.body(request, UpdateEndpoint)
        before = self.endpoint(endpointID)
        fields: dict[str, Any] = {name: sent[name] for name in ("url", "description", "metadata") if name in sent}
        is_active = before.status == Endpoint.Status.ACTIVE
        # All of it or nothing.
        with transaction.atomic():
            if fields.keys() == {"metadata"}:
                set_metadata(projectID, before.uid, fields["metadata"])
            elif fields:
                fields = {"url": before.url, "name": before.name} | fields
                update_endpoint(projectID, before.uid, reveal=True, **fields)
            if sent.get("isActive", is_active) != is_active:
                (pause_endpoint if is_active else activate_endpoint)(projectID, before.uid)
        return endpoint_document(self.endpoint(endpointID), reveal=True)

    @delete
    def delete(self, request: Request, projectID: str, endpointID: str) -> None:  # noqa: N803
        """Delete it."""
        delete_endpoint(projectID, uid_in(ENDPOINT, endpointID))
