"""Nahook's applications. Contract: docs/contract/nahook.md#applications."""

from typing import Annotated, Any, TypedDict

from rest_framework import serializers
from rest_framework.request import Request

from applications.exceptions import ApplicationExists, ApplicationNotFound, OwnerIsAnId
from applications.models import Application
from applications.operations import create_application
from core.api.documents import Example, Time, component, example
from core.api.fields import Flag, Text
from core.api.openapi import NOT_ONLY_SPACES, Outcome, Tag, body, describe
from core.api.pagination import JsonBytes
from core.api.values import wire_time
from nahook_api.base import REFUSED, REFUSED_WRITE, WORKSPACE, FieldRefused, Strict, WorkspaceView
from nahook_api.ids import APPLICATION, EXAMPLE_UID, prefixed
from nahook_api.paging import OFFSET, limit_parameter, read_rows
from portal_links.openapi import APPLICATION_ID
from portal_links.owners import delete_application, find_application, update_application
from portal_links.serializers import ApplicationMetadata

TAG = Tag("Applications (Nahook)", envelope=False)
DEFAULT_LIMIT = 50
MAX_LIMIT = 100
KEPT = "Texts by name, which the server stores and does not use."
NO_LIMIT = "an application has no limit of its own here: the project sets how many endpoints an owner may have"


@component("nahook.Application")
class ApplicationDocument(TypedDict):
    """An application in Nahook's shape."""

    id: Annotated[str, "The id of the application.", Example(prefixed(APPLICATION, EXAMPLE_UID))]
    externalId: Annotated[str | None, "Its `owner_id`; null where none was given.", Example("acme")]
    name: Annotated[str, "The name of the customer.", Example("Acme")]
    metadata: Annotated[dict[str, str], KEPT, Example({"tier": "pro"})]
    maxEndpoints: Annotated[int | None, "Always null: the project has the limit."]
    showEventTypes: Annotated[bool, "Always true.", Example(True)]
    createdAt: Annotated[Time, "When it was created."]
    updatedAt: Annotated[Time, "When it was last changed."]


def application_document(application: Application) -> ApplicationDocument:
    """Return an application as Nahook's API shows it. One that is not stored has its `owner_id` for an id."""
    return {
        "id": application.public_id if application.uid else application.owner_id,
        "externalId": application.given_owner_id,
        "name": application.name,
        "metadata": application.metadata,
        "maxEndpoints": None,
        "showEventTypes": True,
        "createdAt": wire_time(application.created_at),
        "updatedAt": wire_time(application.updated_at),
    }


class _ApplicationBody(Strict):
    document = ApplicationDocument
    lacking = {"maxEndpoints": NO_LIMIT}

    metadata = ApplicationMetadata(required=False)
    showEventTypes = Flag(  # noqa: N815 - the wire's names
        required=False, help_text="Only true: the portal shows the event types to every customer."
    )

    def validate_showEventTypes(self, shows: bool) -> bool:  # noqa: N802
        """Refuse false, which would have no effect."""
        if not shows:
            raise serializers.ValidationError("the portal shows the event types to every customer")
        return shows

    def validate_name(self, name: str) -> str:
        """Refuse a blank name."""
        if not name.strip():
            raise serializers.ValidationError("must not be blank")
        return name


class CreateApplication(_ApplicationBody):
    """The body that creates an application."""

    name = Text()
    externalId = Text(  # noqa: N815
        required=False, help_text="The `owner_id`; without it the application's id is the `owner_id`."
    )

    def validate_externalId(self, owner_id: str) -> str:  # noqa: N802
        """Refuse a blank id."""
        if not owner_id.strip():
            raise serializers.ValidationError("must not be blank")
        return owner_id


class UpdateApplication(_ApplicationBody):
    """The body that changes an application."""

    name = Text(required=False)


_SAID: dict[str, Any] = {
    "name": {"pattern": NOT_ONLY_SPACES},
    "metadata": ApplicationMetadata.described(),
    "showEventTypes": {"nullable": True},
}
describe(CreateApplication, "nahook.CreateApplication", **_SAID, externalId={"pattern": NOT_ONLY_SPACES})
describe(UpdateApplication, "nahook.UpdateApplication", **_SAID)

EXAMPLE = example(ApplicationDocument)
FULL = {"name": "Acme", "externalId": "acme", "metadata": {"tier": "pro"}}

list_applications = TAG.operation(
    "ListNahookApplications",
    "List applications (Nahook)",
    description="The applications of the workspace, newest first.",
    parameters=[WORKSPACE, limit_parameter(DEFAULT_LIMIT, MAX_LIMIT), OFFSET],
    success=Outcome("The applications.", list[ApplicationDocument], "One application"),
    refused=[*REFUSED, FieldRefused(name="limit", failure=f"must be a whole number from 1 to {MAX_LIMIT}")],
)
create = TAG.operation(
    "CreateNahookApplication",
    "Create an application (Nahook)",
    description="Gives an owner a name and metadata.",
    parameters=[WORKSPACE],
    request=body(CreateApplication, {"In full": FULL, "By its name": {"name": "Acme"}}),
    success=Outcome(
        "The application.",
        ApplicationDocument,
        {"In full": EXAMPLE, "Without an external id": example(ApplicationDocument, externalId=None, metadata={})},
        status=201,
    ),
    refused=[*REFUSED_WRITE, FieldRefused(name="maxEndpoints", failure=NO_LIMIT), OwnerIsAnId, ApplicationExists],
)
get = TAG.operation(
    "GetNahookApplication",
    "Get an application (Nahook)",
    description="An owner that has endpoints and no application is shown as one whose id is the `owner_id`.",
    parameters=[WORKSPACE, APPLICATION_ID],
    success=Outcome("The application.", ApplicationDocument, "Application"),
    refused=[*REFUSED, ApplicationNotFound],
)
update = TAG.operation(
    "UpdateNahookApplication",
    "Change an application (Nahook)",
    description="Changes the fields that are sent.",
    parameters=[WORKSPACE, APPLICATION_ID],
    request=body(UpdateApplication, {"Another name": {"name": "Acme Inc."}}),
    success=Outcome("The application.", ApplicationDocument, "Application"),
    refused=[*REFUSED_WRITE, FieldRefused(name="maxEndpoints", failure=NO_LIMIT), ApplicationNotFound],
)
delete = TAG.operation(
    "DeleteNahookApplication",
    "Delete an application (Nahook)",
    description="Deletes an application with its endpoints, and ends its sessions. Portal links stay.",
    parameters=[WORKSPACE, APPLICATION_ID],
    success=Outcome("Deleted.", type(None), status=204),
    refused=[*REFUSED_WRITE, ApplicationNotFound],
)


class Applications(WorkspaceView):
    """The applications of a workspace."""

    http_method_names = ["get", "head", "post"]

    @list_applications
    def get(self, request: Request, projectID: str) -> list[ApplicationDocument]:  # noqa: N803
        """Return them, newest first."""
        rows = Application.objects.for_project(projectID).order_by("-pk")
        found = read_rows(request, rows, default=DEFAULT_LIMIT, most=MAX_LIMIT, size=JsonBytes("metadata"))
        return found.of(application_document(row) for row in found)

    @create
    def post(self, request: Request, projectID: str) -> ApplicationDocument:  # noqa: N803
        """Create one."""
        sent = self.body(request, CreateApplication)
        given = {"metadata": sent["metadata"]} if "metadata" in sent else {}
        application = create_application(projectID, owner_id=sent.get("externalId", ""), name=sent["name"], **given)
        return application_document(application)


class ApplicationDetail(WorkspaceView):
    """One application."""

    http_method_names = ["get", "head", "patch", "delete"]

    @get
    def get(self, request: Request, projectID: str, ownerID: str) -> ApplicationDocument:  # noqa: N803
        """Return it."""
        return application_document(find_application(projectID, self.owner(ownerID)))

    @update
    def patch(self, request: Request, projectID: str, ownerID: str) -> ApplicationDocument:  # noqa: N803
        """Change what is sent of it."""
        sent = self.body(request, UpdateApplication)
        application = find_application(projectID, self.owner(ownerID))
        changes = {name: sent[name] for name in ("name", "metadata") if name in sent}
        return application_document(update_application(application, **changes))

    @delete
    def delete(self, request: Request, projectID: str, ownerID: str) -> None:  # noqa: N803
        """Delete it with its endpoints."""
        delete_application(projectID, find_application(projectID, self.owner(ownerID)))
