"""The project operations in the OpenAPI document. Contract: projects sections 1 to 3."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema_field

from core.api.documents import Schema
from core.api.openapi import (
    DELETED_AT,
    NOT_ONLY_SPACES,
    PROJECT_ID,
    TIME,
    UID,
    URL_OR_EMPTY_PATTERN,
    array,
    body,
    define,
    describe,
    flag,
    integer,
    nullable,
    operation,
    query,
    record,
    ref,
    text,
)
from core.api.values import REDACTED
from core.header_names import TOKEN_CHARACTER
from projects import serializers
from projects.config import CIRCUIT_BREAKER, MAX_PAYLOAD_READ_SIZE, META_EVENT, REQUEST_ID_HEADER, RETENTION_POLICY
from projects.models import APIKey, Project

TAG = "Projects"
GO_DURATION = r"([+-]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+))?"

# Shapes of answers

SIGNATURE_HEADER = define(
    "config.SignatureHeaderProvider",
    text("The header that carries a delivery's signature.", minLength=1, pattern=f"^{TOKEN_CHARACTER}+$"),
)
REQUEST_ID_HEADER_NAME = define(
    "config.RequestIDHeaderProvider",
    text(
        "The header that carries an event's idempotency key. Incoming projects have the default.",
        maxLength=255,
        pattern=f"^{TOKEN_CHARACTER}*$",
    ),
)
# Convoy's document of today has no component for it.
RETENTION = record({"policy": text('How long events, deliveries and attempts are kept, such as "720h".')})
CONFIG = define(
    "datastore.ProjectConfig",
    record(
        {
            "max_payload_read_size": integer("In bytes; 0 stands for the server's default."),
            "replay_attacks_prevention_enabled": flag(),
            "add_event_id_trace_headers": flag(),
            "disable_endpoint": flag("Whether an endpoint is made inactive when a delivery to it fails for good."),
            "multiple_endpoint_subscriptions": flag(),
            "verify_dynamic_events": flag(),
            "allow_unmatched_dynamic_urls": flag(),
            "search_policy": text('How far back events can be searched, such as "720h".'),
            "is_retention_policy_enabled": flag("Whether what is older than `retention_policy` is deleted."),
            "retention_policy": RETENTION,
            "ssl": define(
                "datastore.SSLConfiguration",
                record({"enforce_secure_endpoints": flag("Whether endpoints must have https URLs.")}),
            ),
            "ratelimit": define(
                "datastore.RateLimitConfiguration",
                record({"count": integer("Requests in `duration`."), "duration": integer("In seconds.")}),
            ),
            "strategy": define(
                "datastore.StrategyConfiguration",
                record(
                    {
                        "type": define("datastore.StrategyProvider", text(enum=["linear", "exponential"])),
                        "duration": integer("Seconds between two attempts, or before the second one."),
                        "retry_count": integer("Attempts of a delivery, the first one included."),
                    }
                ),
            ),
            "signature": define(
                "datastore.SignatureConfiguration",
                record(
                    {
                        "header": SIGNATURE_HEADER,
                        "versions": array(
                            define(
                                "datastore.SignatureVersion",
                                record(
                                    {
                                        "uid": UID,
                                        "hash": text(enum=serializers.HASHES),
                                        "encoding": define("datastore.EncodingType", text(enum=["hex", "base64"])),
                                        "created_at": TIME,
                                    }
                                ),
                            )
                        ),
                    }
                ),
            ),
            "request_id_header": REQUEST_ID_HEADER_NAME,
            "meta_event": define(
                "datastore.MetaEventConfiguration",
                record(
                    {
                        "is_enabled": flag(),
                        "type": define("datastore.MetaEventType", text(enum=["http", "pub_sub", ""])),
                        "event_type": array(text()),
                        "url": text(),
                        "secret": text(f"`{REDACTED}` where the key may only read."),
                        "pub_sub": nullable(define("datastore.PubSubConfig", {"type": "object"}), "Always null."),
                    },
                    "Events about the project itself.",
                ),
            ),
            # What is read is what can be written.
            "circuit_breaker": ref("datastore.CircuitBreakerConfiguration"),
        }
    ),
)
STATISTICS = define(
    "datastore.ProjectStatistics",
    record({f"{what}_exist": flag() for what in ("endpoints", "events", "sources", "subscriptions")}),
)
PROJECT = define(
    "models.ProjectResponse",
    record(
        {
            "uid": UID,
            "name": text(),
            "logo_url": text("A URL, or empty."),
            "organisation_id": text("The same for all projects of an instance."),
            "type": define("datastore.ProjectType", text("Which way webhooks go.", enum=list(Project.Type.values))),
            "config": nullable(CONFIG),
            "statistics": nullable(STATISTICS, "Always null."),
            "retained_events": integer("Always 0."),
            "created_at": TIME,
            "updated_at": TIME,
            "deleted_at": DELETED_AT,
        }
    ),
)
API_KEY = define(
    "datastore.APIKeyResponse",
    record(
        {
            "uid": UID,
            "name": text(),
            "role": define(
                "datastore.Role",
                record({"type": define("auth.RoleType", text(enum=list(APIKey.Role.values))), "project": UID}),
            ),
            "key_type": text("Empty for a project's key."),
            "key": text("The API key itself. No other answer has it."),
            "expires_at": nullable(text(), "Null: it does not expire."),
            "created_at": TIME,
        }
    ),
)
CREATED = define("models.CreateProjectResponse", record({"api_key": nullable(API_KEY), "project": nullable(PROJECT)}))

# Request bodies

describe(serializers.SSLConfiguration, "models.SSLConfiguration")
describe(serializers.RateLimitConfiguration, "models.RateLimitConfiguration")
describe(serializers.StrategyConfiguration, "models.StrategyConfiguration")
describe(
    serializers.SignatureVersion,
    "models.SignatureVersion",
    uid={"description": "Generated where it is not sent."},
    created_at={"description": "Now, where it is not sent."},
)
describe(serializers.SignatureConfiguration, "models.SignatureConfiguration", header=SIGNATURE_HEADER)
describe(
    serializers.MetaEventConfiguration,
    "models.MetaEventConfiguration",
    url={"description": "An http or https URL with a public host; required where `is_enabled` is true."},
    secret={"description": "Generated where it is not sent and `is_enabled` is true."},
)
describe(serializers.CircuitBreakerConfiguration, "datastore.CircuitBreakerConfiguration")
extend_schema_field(
    {
        "type": "object",
        "properties": {
            "policy": {
                "type": "string",
                "nullable": True,
                "description": "A Go duration from 1h to 87600h; nothing stands for 720h.",
                "pattern": "^([1-9][0-9]{0,3}h)?$",
            }
        },
    }
)(serializers.RetentionPolicyConfiguration)
describe(
    serializers.ProjectConfig,
    "models.ProjectConfig",
    search_policy={"description": 'A Go duration such as "720h", or empty.', "pattern": f"^{GO_DURATION}$"},
    request_id_header=REQUEST_ID_HEADER_NAME,
)
describe(
    serializers.UpdateProject,
    "models.UpdateProject",
    name={"description": "Not the name of another project.", "pattern": NOT_ONLY_SPACES},
    logo_url={"pattern": URL_OR_EMPTY_PATTERN},
)
describe(serializers.CreateProject, "models.CreateProject", type={"description": "It cannot be changed later."})

# Examples

PROJECT_EXAMPLE = {
    "uid": "01JZ8QK3V7M2N4P6R8T0W2Y4A6",
    "name": "orders",
    "logo_url": "",
    "organisation_id": "01JZ8PZ0A1B2C3D4E5F6G7H8J9",
    "type": "outgoing",
    "config": {
        "max_payload_read_size": MAX_PAYLOAD_READ_SIZE,
        "replay_attacks_prevention_enabled": False,
        "add_event_id_trace_headers": False,
        "disable_endpoint": False,
        "multiple_endpoint_subscriptions": False,
        "verify_dynamic_events": False,
        "allow_unmatched_dynamic_urls": False,
        "search_policy": "",
        "is_retention_policy_enabled": False,
        "retention_policy": RETENTION_POLICY,
        "ssl": {"enforce_secure_endpoints": False},
        "ratelimit": {"count": 1000, "duration": 60},
        "strategy": {"type": "linear", "duration": 100, "retry_count": 10},
        "signature": {
            "header": "X-Convoy-Signature",
            "versions": [
                {
                    "uid": "01JZ8QK3V8A0B2C4D6E8F0G2H4",
                    "hash": "SHA256",
                    "encoding": "hex",
                    "created_at": "2026-07-03T09:15:42.081516Z",
                }
            ],
        },
        "request_id_header": REQUEST_ID_HEADER,
        "circuit_breaker": CIRCUIT_BREAKER,
        "meta_event": META_EVENT,
    },
    "statistics": None,
    "retained_events": 0,
    "created_at": "2026-07-03T09:15:42.081516Z",
    "updated_at": "2026-07-03T09:15:42.081516Z",
    "deleted_at": None,
}
CREATED_EXAMPLE = {
    "api_key": {
        "name": "orders's default key",
        "role": {"type": "project_admin", "project": "01JZ8QK3V7M2N4P6R8T0W2Y4A6"},
        "key_type": "",
        "expires_at": None,
        "key": f"CO.0123456789abcdef.{'x' * 64}",
        "uid": "01JZ8QK3VA1C3E5G7J9M1P3R5T",
        "created_at": "2026-07-03T09:15:42.081516Z",
    },
    "project": PROJECT_EXAMPLE,
}
RENAMED_EXAMPLE = PROJECT_EXAMPLE | {"name": "orders, Europe", "updated_at": "2026-07-04T08:00:00.5Z"}
REFUSED_BODY = {
    "Not JSON, or of a wrong type": "Invalid request format",
    "Something is missing or not allowed": "Invalid input provided",
    "The name is taken": "a project with this name already exists",
    "An incoming project": "request_id_header can only be customized on outgoing projects",
}

# Operations

ORGANISATION = query("orgID", {"type": "string"}, "Accepted and ignored: an instance has one organisation.")

list_projects = operation(
    "GetProjects",
    "List all projects",
    tag=TAG,
    description="The projects that the key may use, oldest first: all of them for an instance key, else its own. "
    "The answer is not paged.",
    parameters=[ORGANISATION],
    message="Projects fetched successfully",
    data=array(PROJECT),
    examples={"One project": [PROJECT_EXAMPLE]},
)
create_project = operation(
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
    data=CREATED,
    examples={"Project and key": CREATED_EXAMPLE},
    refused={400: REFUSED_BODY},
)
get_project = operation(
    "GetProject",
    "Retrieve a project",
    tag=TAG,
    description="The project with its whole configuration.",
    parameters=[PROJECT_ID],
    message="Project fetched successfully",
    data=PROJECT,
    examples={"Project": PROJECT_EXAMPLE},
)
update_project = operation(
    "UpdateProject",
    "Update a project",
    tag=TAG,
    description="Renames the project and changes what is sent of its configuration: an object inside `config` "
    "is replaced as a whole, except `circuit_breaker`, and what is not sent is kept. An empty `logo_url` and a "
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
    data=PROJECT,
    examples={"Renamed": RENAMED_EXAMPLE},
    refused={400: REFUSED_BODY},
)
delete_project = operation(
    "DeleteProject",
    "Delete a project",
    tag=TAG,
    description="Deletes the project with all that it holds. Its API keys stop working, the one of this request too.",
    parameters=[PROJECT_ID],
    message="Project deleted successfully",
    examples={"Deleted": None},
)


class APIKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The credential of the Convoy API."""

    target_class = "projects.authentication.APIKeyAuthentication"
    name = "ApiKeyAuth"

    def get_security_definition(self, auto_schema: AutoSchema) -> Schema:
        return {"type": "http", "scheme": "bearer", "description": "An API key: `CO.` and two more parts."}
