"""Answer the project operations of the Convoy API. Contract: docs/contract/projects.md#operations."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from rest_framework.request import Request

from core.api.arrays import read_array
from core.api.bodies import read_body
from core.api.pagination import Bytes, JsonBytes
from projects import openapi, operations
from projects.convoy_view import ConvoyView
from projects.documents import CreatedDocument, ProjectDocument, created_document, project_document
from projects.exceptions import InstanceKeyNeeded, ProjectNotFound
from projects.models import Project
from projects.reads import find_project
from projects.serializers import CreateProject, UpdateProject

#: The bytes of a project in an answer: what varies, and the defaults of its configuration.
_BYTES = JsonBytes("config") + Bytes("meta_event") + Bytes("name") + Bytes("logo_url") + 2_000


class Projects(ConvoyView):
    """The projects that the key may see."""

    @openapi.list_projects
    def get(self, request: Request) -> list[ProjectDocument]:
        """Answer a plain array, oldest first. `orgID` is accepted and ignored: there is one organisation."""
        projects = Project.objects.live()
        if not self.caller.is_instance:
            projects = projects.filter(pk=self.caller.key_project_id)
        shown = partial(project_document, reveal=self.caller.can_write)
        return read_array(request, projects, shown, size=_BYTES, is_oldest_first=True)

    @openapi.create_project
    def post(self, request: Request) -> CreatedDocument:
        """Create a project; its key is in this answer and in no other."""
        if not self.caller.is_instance:
            raise InstanceKeyNeeded
        project, api_key, key = operations.create_project(**read_body(request, CreateProject))
        return created_document(project, api_key, key)


class ProjectDetail(ConvoyView):
    """One project."""

    #: Called when an update turns `disable_endpoint` off. urls.py sets it, as endpoints lie above projects.
    reactivate_endpoints: Callable[[str, datetime], None] | None = None

    @openapi.get_project
    def get(self, request: Request, projectID: str) -> ProjectDocument:  # noqa: N803
        """Answer the project with its whole configuration."""
        project = find_project(projectID)
        if project is None:
            raise ProjectNotFound
        return project_document(project, reveal=self.caller.can_write)

    @openapi.update_project
    def put(self, request: Request, projectID: str) -> ProjectDocument:  # noqa: N803
        """Update the project."""
        sent = read_body(request, UpdateProject)
        project = operations.update_project(projectID, **sent, reactivate_endpoints=self.reactivate_endpoints)
        return project_document(project, reveal=True)

    @openapi.delete_project
    def delete(self, request: Request, projectID: str) -> None:  # noqa: N803
        """Delete the project, and with it the key that may have made this call."""
        operations.delete_project(projectID)
