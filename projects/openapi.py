"""The project operations in the OpenAPI document. Contract: docs/contract/projects.md."""

from types import NoneType

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema_field

from core.api.bodies import HIDDEN
from core.api.documents import Schema, example, schema_of
from core.api.openapi import (
    NOT_ONLY_SPACES,
    PROJECT_ID,
    REST_CURSOR,
    URL_OR_EMPTY_PATTERN,
    Operation,
    Refusal,
    body,
    describe,
    query,
)
from core.api.schema import refused_by_all
from outbound.exceptions import UrlMissing, UrlNotSecure
from projects import exceptions as refusals
from projects import serializers
from projects.config import RequestIDHeader, SignatureHeader
from projects.documents import CreatedDocument, CreatedKeyDocument, ProjectDocument, example_project

TAG = "Projects"

refused_by_all(
    refusals.NoCredential,
    refusals.BadCredential,
    refusals.PortalCredential,
    refusals.ReadOnlyKey,
    refusals.ProjectNotFound,
    refusals.RateLimited,
)

# Request bodies

_GO_DURATION = r"([+-]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+))?"

describe(serializers.SignatureConfiguration, "models.SignatureConfiguration", header=schema_of(SignatureHeader))
describe(serializers.CircuitBreakerConfiguration, "datastore.CircuitBreakerConfiguration")
_RETENTION: Schema = {
    "type": "string",
    "nullable": True,
    "description": "A Go duration from 1h to 87600h; an empty text stands for 720h.",
    "pattern": "^([1-9][0-9]{0,3}h)?$",
}
extend_schema_field({"type": "object", "properties": {"policy": _RETENTION}})(serializers.RetentionPolicyConfiguration)
describe(
    serializers.ProjectConfig,
    "models.ProjectConfig",
    search_policy={"pattern": f"^{_GO_DURATION}$"},
    request_id_header=schema_of(RequestIDHeader),
)
describe(
    serializers.UpdateProject,
    "models.UpdateProject",
    name={"pattern": NOT_ONLY_SPACES},
    logo_url={"pattern": URL_OR_EMPTY_PATTERN},
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
ORGANISATION = query("orgID", {"type": "string"}, "Accepted and ignored: an instance has one organisation.")

list_projects = Operation(
    "GetProjects",
    "List all projects",
    tag=TAG,
    description="Returns the projects that the key may use, oldest first: all projects for an instance key, else the "
    "key's own.",
    parameters=[ORGANISATION, REST_CURSOR],
    message="Projects fetched successfully",
    data=list[ProjectDocument],
    examples={"One project": [example_project()]},
)
create_project = Operation(
    "CreateProject",
    "Create a project",
    tag=TAG,
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
    status=201,
    message="Project created successfully",
    data=CreatedDocument,
    examples={"Project and key": {"api_key": example(CreatedKeyDocument), "project": example_project()}},
    refused=[*REFUSED_BODY, refusals.ReadOnlyKey, refusals.InstanceKeyNeeded],
)
get_project = Operation(
    "GetProject",
    "Retrieve a project",
    tag=TAG,
    description="Returns the project with its whole configuration.",
    parameters=[PROJECT_ID],
    message="Project fetched successfully",
    data=ProjectDocument,
    examples={"Project": example_project()},
)
update_project = Operation(
    "UpdateProject",
    "Update a project",
    tag=TAG,
    description="Renames the project and updates the parts of its configuration that are sent: an object inside "
    "`config` is replaced as a whole, except `circuit_breaker`, and the others are kept. An empty `logo_url` and a "
    "`max_payload_read_size` of 0 count as not sent. Turning `disable_endpoint` off makes inactive endpoints active.",
    parameters=[PROJECT_ID],
    request=body(
        serializers.UpdateProject,
        {
            "Another name": {"name": "orders, Europe"},
            "Another rate": {"name": "orders", "config": {"ratelimit": {"count": 50, "duration": 1}}},
        },
    ),
    status=202,
    message="Project updated successfully",
    data=ProjectDocument,
    examples={"Renamed": example_project(name="orders, Europe", updated_at="2026-07-04T08:00:00.5Z")},
    refused=REFUSED_BODY,
)
delete_project = Operation(
    "DeleteProject",
    "Delete a project",
    tag=TAG,
    description="Deletes the project and everything in it. Its API keys stop working, the key of this request too.",
    parameters=[PROJECT_ID],
    message="Project deleted successfully",
    data=NoneType,
    examples={"Deleted": None},
)


class APIKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The credential of the Convoy API."""

    target_class = "projects.authentication.APIKeyAuthentication"
    name = "ApiKeyAuth"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return {"type": "http", "scheme": "bearer", "description": "An API key: `CO.` and two more parts."}
