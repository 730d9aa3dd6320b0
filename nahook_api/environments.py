"""Nahook's environments, of which there is one. Contract: docs/contract/nahook.md#environments."""

from typing import Annotated, TypedDict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from core.api.bodies import NoBody
from core.api.documents import Example, Time, component, example
from core.api.fields import Flag
from core.api.openapi import Outcome, Tag, body, describe, path_parameter
from core.api.pagination import Bytes
from core.api.values import wire_time
from core.exceptions import Forbidden
from nahook_api.base import REFUSED, REFUSED_WRITE, WORKSPACE, EventTypeNotFound, FieldRefused, Strict, WorkspaceView
from nahook_api.endpoints import EnvironmentNotFound
from nahook_api.event_types import EVENT_TYPE_ID, find_event_type, live_event_types
from nahook_api.ids import ENVIRONMENT_ID, EVENT_TYPE, EXAMPLE_UID, prefixed
from nahook_api.paging import MOST_LISTED, MOST_OFFSET, OFFSET, limit_parameter, read_rows
from projects.models import Project

TAG = Tag("Environments (Nahook)", envelope=False)


class EnvironmentFixed(Forbidden):
    """There is one environment."""

    message = "this server has one environment in each workspace, which is fixed: use a project for each environment"


class AlwaysPublished(Forbidden):
    """An event type is to be hidden."""

    message = "every event type is published here: delete it to hide it"


@component("nahook.Environment")
class EnvironmentDocument(TypedDict):
    """An environment in Nahook's shape."""

    id: Annotated[str, "The id of the environment.", Example(ENVIRONMENT_ID)]
    name: Annotated[str, "Its name for people.", Example("Default")]
    slug: Annotated[str, "Its name in addresses.", Example("default")]
    isDefault: Annotated[bool, "Always true.", Example(True)]
    createdAt: Annotated[Time, "When the workspace was created."]
    updatedAt: Annotated[Time, "When the workspace was created."]


@component("nahook.EventTypeVisibility")
class VisibilityDocument(TypedDict):
    """The visibility of an event type in an environment."""

    eventTypeId: Annotated[str, "The id of the event type.", Example(prefixed(EVENT_TYPE, EXAMPLE_UID))]
    eventTypeName: Annotated[str, "The name of the event type.", Example("order.paid")]
    published: Annotated[bool, "Always true.", Example(True)]


class SetVisibility(Strict):
    """The body that shows an event type in an environment."""

    published = Flag(help_text="Only true.")


describe(SetVisibility, "nahook.SetVisibility", published={"enum": [True]})
ENVIRONMENT = path_parameter("environmentID", f"The id of the environment: `{ENVIRONMENT_ID}`.")
EXAMPLE = example(EnvironmentDocument)

list_environments = TAG.operation(
    "ListNahookEnvironments",
    "List environments (Nahook)",
    description="The one environment of the workspace.",
    parameters=[WORKSPACE],
    success=Outcome("The environments.", list[EnvironmentDocument], "The environment"),
    refused=REFUSED,
)
get = TAG.operation(
    "GetNahookEnvironment",
    "Get an environment (Nahook)",
    description="Returns the one environment of the workspace.",
    parameters=[WORKSPACE, ENVIRONMENT],
    success=Outcome("The environment.", EnvironmentDocument, "The environment"),
    refused=[*REFUSED, EnvironmentNotFound],
)
list_visibility = TAG.operation(
    "ListNahookEventTypeVisibility",
    "List the visibility of event types (Nahook)",
    description="The event types of the workspace, newest first, each of which is published.",
    parameters=[WORKSPACE, ENVIRONMENT, limit_parameter(MOST_LISTED, MOST_LISTED), OFFSET],
    success=Outcome("The event types.", list[VisibilityDocument], "One event type"),
    refused=[
        *REFUSED,
        FieldRefused(name="offset", failure=f"must be a whole number from 0 to {MOST_OFFSET}"),
        EnvironmentNotFound,
    ],
)
set_visibility = TAG.operation(
    "SetNahookEventTypeVisibility",
    "Publish an event type (Nahook)",
    description="Changes nothing, as every event type is published; hiding one is refused.",
    parameters=[WORKSPACE, ENVIRONMENT, EVENT_TYPE_ID],
    request=body(SetVisibility, {"Published": {"published": True}}),
    success=Outcome("The visibility.", VisibilityDocument, "Published"),
    refused=[*REFUSED_WRITE, NoBody, AlwaysPublished, EnvironmentNotFound, EventTypeNotFound],
)


class EnvironmentView(WorkspaceView):
    """The base of the operations on the environment."""

    def check(self, environment_id: str) -> None:
        """Refuse an environment that is not there. Raises NotFound."""
        if environment_id != ENVIRONMENT_ID:
            raise EnvironmentNotFound

    def environment(self) -> EnvironmentDocument:
        """Return the environment of the workspace."""
        made = wire_time(Project.objects.only("created_at").get(pk=self.project_id).created_at)
        return {
            "id": ENVIRONMENT_ID,
            "name": "Default",
            "slug": "default",
            "isDefault": True,
            "createdAt": made,
            "updatedAt": made,
        }


class Environments(EnvironmentView):
    """The environments of a workspace."""

    http_method_names = ["get", "head", "post"]

    @list_environments
    def get(self, request: Request, projectID: str) -> list[EnvironmentDocument]:  # noqa: N803
        """Return the one."""
        return [self.environment()]

    @extend_schema(exclude=True)
    def post(self, request: Request, projectID: str) -> None:  # noqa: N803
        """Refuse another one. Raises EnvironmentFixed."""
        raise EnvironmentFixed


class EnvironmentDetail(EnvironmentView):
    """One environment."""

    http_method_names = ["get", "head", "patch", "delete"]

    @get
    def get(self, request: Request, projectID: str, environmentID: str) -> EnvironmentDocument:  # noqa: N803
        """Return it."""
        self.check(environmentID)
        return self.environment()

    @extend_schema(exclude=True)
    def patch(self, request: Request, projectID: str, environmentID: str) -> None:  # noqa: N803
        """Refuse a change. Raises DomainError."""
        self.check(environmentID)
        raise EnvironmentFixed

    @extend_schema(exclude=True)
    def delete(self, request: Request, projectID: str, environmentID: str) -> None:  # noqa: N803
        """Refuse to delete it. Raises DomainError."""
        self.check(environmentID)
        raise EnvironmentFixed


class Visibilities(EnvironmentView):
    """The visibility of the event types of an environment."""

    http_method_names = ["get", "head"]

    @list_visibility
    def get(self, request: Request, projectID: str, environmentID: str) -> list[VisibilityDocument]:  # noqa: N803
        """Return it of each."""
        self.check(environmentID)
        rows = live_event_types(projectID).only("uid", "name")
        found = read_rows(request, rows, default=MOST_LISTED, most=MOST_LISTED, size=Bytes("name"))
        return found.of(_visibility(row.uid, row.name) for row in found)


class Visibility(EnvironmentView):
    """The visibility of one event type."""

    http_method_names = ["put"]

    @set_visibility
    def put(
        self,
        request: Request,
        projectID: str,  # noqa: N803
        environmentID: str,  # noqa: N803
        eventTypeId: str,  # noqa: N803
    ) -> VisibilityDocument:
        """Say that it is published; refuse to hide it. Raises DomainError."""
        sent = self.body(request, SetVisibility)
        self.check(environmentID)
        found = find_event_type(projectID, eventTypeId)
        if not sent["published"]:
            raise AlwaysPublished
        return _visibility(found.uid, found.name)


def _visibility(uid: str, name: str) -> VisibilityDocument:
    return {"eventTypeId": prefixed(EVENT_TYPE, uid), "eventTypeName": name, "published": True}
