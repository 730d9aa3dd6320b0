"""The project operations of the Convoy API. Contract: projects section 1."""

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.bodies import read_body
from core.api.envelope import success
from core.exceptions import Forbidden, NotFound
from projects import openapi, operations
from projects.convoy_view import ConvoyView
from projects.models import Project
from projects.serializers import CreateProject, UpdateProject, created_key_document, project_document


class Projects(ConvoyView):
    """All projects that the key may see."""

    @openapi.list_projects
    def get(self, request: Request) -> HttpResponse:
        """Answer a plain array, oldest first. `orgID` is accepted and ignored: there is one organisation."""
        projects = Project.objects.live().order_by("pk")
        if not self.caller.is_instance:
            projects = projects.filter(pk=self.caller.key_project_id)
        documents = [project_document(project, reveal=self.caller.can_write) for project in projects]
        return success("Projects fetched successfully", documents)

    @openapi.create_project
    def post(self, request: Request) -> HttpResponse:
        """Create a project; its key is in this answer and in no other."""
        if not self.caller.is_instance:
            raise Forbidden("Unauthorized")
        project, api_key, key = operations.create_project(**read_body(request, CreateProject))
        data = {"api_key": created_key_document(api_key, key), "project": project_document(project, reveal=True)}
        return success("Project created successfully", data, 201)


class ProjectDetail(ConvoyView):
    """One project."""

    @openapi.get_project
    def get(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Answer the project with its whole configuration."""
        project = Project.objects.live().filter(pk=projectID).first()
        if project is None:
            raise NotFound("project not found")
        return success("Project fetched successfully", project_document(project, reveal=self.caller.can_write))

    @openapi.update_project
    def put(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Update the project."""
        project = operations.update_project(projectID, **read_body(request, UpdateProject))
        return success("Project updated successfully", project_document(project, reveal=True), 202)

    @openapi.delete_project
    def delete(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Delete the project, and with it the key that may have made this call."""
        operations.delete_project(projectID)
        return success("Project deleted successfully")
