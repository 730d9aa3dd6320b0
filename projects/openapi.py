"""Declare the project operations. Contract: docs/contract/projects.md."""

from types import NoneType

from core.api.bodies import HIDDEN
from core.api.documents import example
from core.api.openapi import REST_CURSOR, Outcome, Refusal, Tag, body, query
from core.api.schema import refused_by_all
from outbound.exceptions import UrlMissing, UrlNotSecure
from projects import exceptions as refusals
from projects import serializers
from projects.documents import CreatedDocument, CreatedKeyDocument, ProjectDocument, example_project

TAG = Tag("Projects")

refused_by_all(
    refusals.NoCredential,
    refusals.BadCredential,
    refusals.PortalCredential,
    refusals.ReadOnlyKey,
    refusals.ProjectNotFound,
    refusals.RateLimited,
)

# Operations

#: The refusals of a body, in a creation and in an update alike.
REFUSED_BODY: list[Refusal] = [
    *HIDDEN,
    refusals.NameTaken,
    refusals.RequestIDHeaderFixed,
    refusals.RequestIDHeaderInvalid(position=1),
    refusals.RequestIDHeaderTaken(header="Content-Type"),
    refusals.RetentionOutOfRange,
    refusals.WindowTooShort,
    refusals.KeyRenamed,
    UrlMissing,
    UrlNotSecure,
    refusals.MetaEventUrlLoopback,
    refusals.MetaEventUrlPrivate,
]
ORGANISATION = query("orgID", "Accepted and ignored: an instance has one organisation.")

list_projects = TAG.operation(
    "GetProjects",
    "List all projects",
    description="Returns the projects that the key may use, oldest first: all projects for an instance key, else the "
    "key's own.",
    parameters=[ORGANISATION, REST_CURSOR],
    success=Outcome("Projects fetched successfully", list[ProjectDocument], {"One project": [example_project()]}),
)
create_project = TAG.operation(
    "CreateProject",
    "Create a project",
    description="Creates a project and an API key for it. Needs an instance key. "
    "The new key is in this answer and in no other.",
    parameters=[ORGANISATION],
    request=body(
        serializers.CreateProject,
        {
            "With defaults": {"name": "orders", "type": "outgoing"},
            "With a configuration": {
                "name": "payments",
                "type": "outgoing",
                "config": {
                    "ssl": {"enforce_secure_endpoints": True},
                    "strategy": {"type": "exponential", "duration": 10, "retry_count": 8},
                },
            },
        },
    ),
    success=Outcome(
        "Project created successfully",
        CreatedDocument,
        {"Project and key": {"api_key": example(CreatedKeyDocument), "project": example_project()}},
        status=201,
    ),
    refused=[*REFUSED_BODY, refusals.ReadOnlyKey, refusals.InstanceKeyNeeded],
)
get_project = TAG.operation(
    "GetProject",
    "Retrieve a project",
    description="Returns the project with its whole configuration.",
    success=Outcome("Project fetched successfully", ProjectDocument, {"Project": example_project()}),
)
update_project = TAG.operation(
    "UpdateProject",
    "Update a project",
    description="Renames the project and updates the parts of its configuration that are sent: an object inside "
    "`config` is replaced as a whole, except `circuit_breaker`, and the others are kept. An empty `logo_url` and a "
    "`max_payload_read_size` of 0 count as not sent. Turning `disable_endpoint` off makes inactive endpoints active.",
    request=body(
        serializers.UpdateProject,
        {
            "Another name": {"name": "orders, Europe"},
            "Another rate": {"name": "orders", "config": {"ratelimit": {"count": 50, "duration": 1}}},
        },
    ),
    success=Outcome(
        "Project updated successfully",
        ProjectDocument,
        {"Renamed": example_project(name="orders, Europe", updated_at="2026-07-04T08:00:00.5Z")},
        status=202,
    ),
    refused=REFUSED_BODY,
)
delete_project = TAG.operation(
    "DeleteProject",
    "Delete a project",
    description="Deletes the project and everything in it. Its API keys stop working, the key of this request too.",
    success=Outcome("Project deleted successfully", NoneType, "Deleted"),
)
