"""The endpoint operations in the OpenAPI document. Contract: endpoints sections 1 to 4."""

from typing import Any

from core.api.openapi import (
    DELETED_AT,
    PAGE_PARAMETERS,
    PAGINATION_EXAMPLE,
    PROJECT_ID,
    TIME,
    UID,
    URL_OR_EMPTY_PATTERN,
    URL_PATTERN,
    Schema,
    array,
    body,
    define,
    describe,
    flag,
    integer,
    nullable,
    operation,
    page_of,
    path_parameter,
    record,
    takes_null,
    text,
    texts,
    version_parameter,
)
from core.api.values import REDACTED, ZERO_TIME
from endpoints import serializers
from endpoints.authentication import CLIENT_ASSERTION, SHARED_SECRET, TYPES
from endpoints.models import Endpoint
from endpoints.operations import CONTENT_TYPES
from endpoints.serializers import NON_ZERO

TAG = "Endpoints"
#: The states of events.models.EndpointState.
CIRCUIT_BREAKER = ("closed", "half-open", "open")

# Shapes of answers

AUTHENTICATION_TYPE = define(
    "datastore.EndpointAuthenticationType",
    text("Which of the other members counts; empty, or not sent: none.", enum=[*TYPES, ""]),
)
SECRET = define(
    "datastore.Secret",
    record(
        {
            "uid": UID,
            "value": text(f"`{REDACTED}` where the key may only read."),
            "expires_at": nullable(text(), "Null: the current secret."),
            "created_at": TIME,
            "updated_at": TIME,
            "deleted_at": DELETED_AT,
        },
        "What deliveries are signed with.",
    ),
)
OAUTH2 = define(
    "datastore.OAuth2",
    record(
        {
            "url": text(),
            "client_id": text(),
            "grant_type": text(),
            "scope": text(),
            "audience": text(),
            "authentication_type": define(
                "datastore.OAuth2AuthenticationType", text(enum=[SHARED_SECRET, CLIENT_ASSERTION])
            ),
            "client_secret": text(f"Always `{REDACTED}`."),
            "signing_key": define(
                "datastore.OAuth2SigningKey",
                record(
                    {str(name): text() for name in serializers.OAuth2SigningKey().fields},
                    f"Private members read `{REDACTED}`.",
                    required=False,
                ),
            ),
            "signing_algorithm": text(),
            "issuer": text(),
            "subject": text(),
            "field_mapping": define(
                "datastore.OAuth2FieldMapping",
                record({str(name): text() for name in serializers.OAuth2FieldMapping().fields}, required=False),
            ),
            "expiry_time_unit": define("datastore.OAuth2ExpiryTimeUnit", text(enum=serializers.EXPIRY_UNITS)),
        },
        required=False,
    ),
)
AUTHENTICATION = define(
    "datastore.EndpointAuthentication",
    record(
        {
            "type": AUTHENTICATION_TYPE,
            "api_key": define(
                "datastore.ApiKey",
                record(
                    {"header_name": text(), "header_value": text(f"`{REDACTED}` where the key may only read.")},
                ),
            ),
            "basic_auth": define(
                "datastore.BasicAuth", record({"username": text(), "password": text(f"Always `{REDACTED}`.")})
            ),
            "oauth2": OAUTH2,
        },
        "`type` and the member that it names.",
        required=False,
    ),
)
ENDPOINT_PROPERTIES: dict[str, Schema] = {
    "uid": UID,
    "project_id": UID,
    "owner_id": text("The customer whose endpoint it is; empty: the project's as a whole."),
    "url": text(),
    "name": text(),
    "secrets": array(SECRET, "Oldest first; the last one is the current one."),
    "advanced_signatures": flag(),
    "description": text(),
    "status": define("datastore.EndpointStatus", text(enum=list(Endpoint.Status.values))),
    "http_timeout": integer("In seconds; 0 stands for the default."),
    "authentication": nullable(
        AUTHENTICATION, "Where there is none, null in the answer to a creation, and an empty object later."
    ),
    "rate_limit": integer("Requests in `rate_limit_duration`; 0: no limit."),
    "rate_limit_duration": integer("In seconds; 0: no limit."),
    "content_type": text(enum=list(CONTENT_TYPES)),
    "support_email": text(),
    "slack_webhook_url": text(f"`{REDACTED}` where the key may only read."),
    "teams_webhook_url": text(f"`{REDACTED}` where the key may only read."),
    "mtls_client_cert": nullable(
        define(
            "datastore.MtlsClientCert",
            record({"client_cert": text("PEM."), "client_key": text(f"Always `{REDACTED}`.")}),
        )
    ),
    "metadata": texts("That of the portal session in which it was created."),
    "events": integer("Deliveries of which at least one attempt was made."),
    "failure_rate": nullable({"type": "number"}, "In percent, of the last attempts; 0 where none was made."),
    "cb_state": nullable(
        text(enum=list(CIRCUIT_BREAKER)), "The circuit breaker; null where no attempt was counted yet."
    ),
    "period_failure_rate": nullable({"type": "number"}, "Always null: see period-failure-rates."),
    "success_count": nullable(integer(), "Always null: see period-failure-rates."),
    "failure_count": nullable(integer(), "Always null: see period-failure-rates."),
    "retry_count": nullable(integer(), "Always null: see period-failure-rates."),
    "created_at": TIME,
    "updated_at": TIME,
    "deleted_at": DELETED_AT,
}
ENDPOINT = define("models.EndpointResponse", record(ENDPOINT_PROPERTIES))
#: The same inside of other objects, where X-Convoy-Version has no effect.
#: Where it is shown for its name only, what would be secret or is measured is empty.
NESTED_ENDPOINT = define("datastore.Endpoint", record(ENDPOINT_PROPERTIES | {"content_type": text()}))

# Request bodies

describe(serializers.ApiKey, "models.ApiKey")
describe(serializers.BasicAuth, "models.BasicAuth")
describe(serializers.OAuth2FieldMapping, "models.OAuth2FieldMapping")
describe(serializers.OAuth2SigningKey, "models.OAuth2SigningKey")
describe(serializers.OAuth2Test, "models.TestOAuth2Request", ("oauth2",))
describe(
    serializers.OAuth2,
    "models.OAuth2",
    grant_type={"description": "`client_credentials` where it is not sent."},
    client_secret={"description": f"Required with {SHARED_SECRET}."},
    signing_key={"description": f"Required with {CLIENT_ASSERTION}."},
    signing_algorithm={"description": "`ES256` where it is not sent."},
    issuer={"description": f"Required with {CLIENT_ASSERTION}."},
    subject={"description": f"Required with {CLIENT_ASSERTION}."},
)
describe(serializers.EndpointAuthentication, "models.EndpointAuthentication", type=AUTHENTICATION_TYPE)
describe(serializers.MtlsClientCert, "models.MtlsClientCert")
FIELDS: dict[str, Schema] = {
    "url": {"description": "An http or https URL.", "pattern": URL_PATTERN},
    "name": {"pattern": r"\S"},
    "owner_id": {"description": "The customer whose endpoint it is. It groups endpoints for portal links."},
    "support_email": {"description": "An e-mail address, or empty.", "pattern": "^(.+@.+)?$"},
    "slack_webhook_url": {"description": "A URL with a public host, or empty.", "pattern": URL_OR_EMPTY_PATTERN},
    "teams_webhook_url": {"description": "A URL with a public host, or empty.", "pattern": URL_OR_EMPTY_PATTERN},
    "http_timeout": {"description": "In seconds; 0 stands for the default."},
    "rate_limit": {"description": "Requests in `rate_limit_duration`; 0: no limit. Less counts as not sent."},
    "rate_limit_duration": {"description": "In seconds; 0: no limit."},
    "content_type": {
        "description": "Of deliveries. Empty stands for application/json.",
        "enum": [*CONTENT_TYPES, "", None],
    },
    "is_disabled": {"description": "Accepted and ignored."},
}
describe(
    serializers.CreateEndpoint,
    "models.CreateEndpoint",
    **FIELDS,
    secret={"description": "Generated where it is not sent."},
    advanced_signatures={"description": "True where it is not sent; always true in an incoming project."},
    appID={"description": "Accepted and ignored."},
)
CHAT_URL: Schema = {
    "description": f"A URL with a public host, or empty; `{REDACTED}` keeps the stored one.",
    "pattern": rf"{URL_OR_EMPTY_PATTERN}|^\[REDACTED\]$",
}
describe(
    serializers.UpdateEndpoint,
    "models.UpdateEndpoint",
    **FIELDS | {"slack_webhook_url": CHAT_URL, "teams_webhook_url": CHAT_URL},
    secret={"description": "Accepted and ignored: a secret is replaced by expire_secret."},
)
describe(
    serializers.ExpireSecret,
    "models.ExpireSecret",
    secret={"description": "The new secret. Generated where it is not sent."},
    expiration={"description": "Hours for which deliveries are signed with the old secret too."},
)
takes_null(serializers.ExpireSecret)

# Examples

SECRET_EXAMPLE: dict[str, Any] = {
    "uid": "01JZ8QM5XA3B5C7D9E1F3G5H7J",
    "value": "aB3dE6gH9jK2mN5pQ8sT1vW4_",
    "expires_at": None,
    "created_at": "2026-07-03T09:20:01.500231Z",
    "updated_at": "2026-07-03T09:20:01.500231Z",
    "deleted_at": None,
}
CREATED_EXAMPLE: dict[str, Any] = {
    "uid": "01JZ8QM5X9C1D3F5G7H9J1K3M5",
    "project_id": "01JZ8QK3V7M2N4P6R8T0W2Y4A6",
    "owner_id": "acme",
    "url": "https://hooks.example.com/orders",
    "name": "Orders",
    "secrets": [SECRET_EXAMPLE],
    "advanced_signatures": True,
    "description": "",
    "status": "active",
    "http_timeout": 0,
    "authentication": None,
    "rate_limit": 0,
    "rate_limit_duration": 0,
    "content_type": "application/json",
    "support_email": "",
    "slack_webhook_url": "",
    "teams_webhook_url": "",
    "mtls_client_cert": None,
    "metadata": {},
    "events": 0,
    "failure_rate": 0,
    "cb_state": None,
    "period_failure_rate": None,
    "success_count": None,
    "failure_count": None,
    "retry_count": None,
    "created_at": "2026-07-03T09:20:01.500231Z",
    "updated_at": "2026-07-03T09:20:01.500231Z",
    "deleted_at": None,
}
EXAMPLE = CREATED_EXAMPLE | {"authentication": {}}
UPDATED_EXAMPLE = EXAMPLE | {"name": "Orders, Europe", "updated_at": "2026-07-04T08:00:00.5Z"}
PAUSED_EXAMPLE = EXAMPLE | {"status": "paused", "updated_at": "2026-07-04T08:00:00.5Z"}
ROTATED_EXAMPLE = EXAMPLE | {
    "secrets": [
        SECRET_EXAMPLE | {"expires_at": "2026-07-05T08:00:00.5Z", "updated_at": "2026-07-04T08:00:00.5Z"},
        {
            "uid": "01JZB4F0M2A4C6E8G0J2M4P6R8",
            "value": "X4w1V8t5S2q9P6n3M0k7J4h1-",
            "expires_at": None,
            "created_at": "2026-07-04T08:00:00.5Z",
            "updated_at": "2026-07-04T08:00:00.5Z",
            "deleted_at": None,
        },
    ],
    "updated_at": "2026-07-04T08:00:00.5Z",
}
REFUSED_VALUES = {
    "The URL's scheme": "invalid endpoint scheme",
    "The project takes https only": "only https endpoints allowed",
    "A chat URL with a private host": "invalid slack webhook url",
    "An incomplete authentication": "api key field is required",
}

# Operations

ENDPOINT_ID = path_parameter("endpointID", "The id of the endpoint.")
VERSION = version_parameter(
    "This document describes the versions that are listed. Before 2024-04-01 an answer has `target_url` and `title` "
    "in place of `url` and `name`; before 2024-01-01 `http_timeout` and `rate_limit_duration` are also texts such as "
    '"10s", in requests too, and `advanced_signatures` is false where it is not sent. What is not a date counts as '
    "older than both."
)
ONE = [PROJECT_ID, ENDPOINT_ID]

list_endpoints = operation(
    "GetEndpoints",
    "List all endpoints",
    tag=TAG,
    description="A page of the project's endpoints, newest first.",
    parameters=[PROJECT_ID, *PAGE_PARAMETERS, VERSION],
    message="Endpoints fetched successfully",
    data=page_of(ENDPOINT),
    examples={"One endpoint": {"content": [EXAMPLE], "pagination": PAGINATION_EXAMPLE}},
)
create_endpoint = operation(
    "CreateEndpoint",
    "Create an endpoint",
    tag=TAG,
    description="Creates an active endpoint with one secret.",
    parameters=[PROJECT_ID, VERSION],
    request=body(
        serializers.CreateEndpoint,
        {
            "For a customer": {"url": "https://hooks.example.com/orders", "name": "Orders", "owner_id": "acme"},
            "With an API key": {
                "url": "https://hooks.example.com/orders",
                "name": "Orders",
                "rate_limit": 50,
                "rate_limit_duration": 1,
                "authentication": {
                    "type": "api_key",
                    "api_key": {"header_name": "X-Api-Key", "header_value": "the value"},
                },
            },
        },
    ),
    status=201,
    message="Endpoint created successfully",
    data=ENDPOINT,
    examples={"Created": CREATED_EXAMPLE},
    refused={
        400: {
            "Not JSON, or of a wrong type": "Invalid request format",
            "Something is missing or not allowed": "Invalid input provided",
            **REFUSED_VALUES,
        }
    },
)
get_endpoint = operation(
    "GetEndpoint",
    "Retrieve endpoint",
    tag=TAG,
    description="The endpoint with its secrets.",
    parameters=[*ONE, VERSION],
    message="Endpoint fetched successfully",
    data=ENDPOINT,
    examples={"Endpoint": EXAMPLE},
    refused={404: {"Project": "project not found", "Endpoint": "Resource not found"}},
)
update_endpoint = operation(
    "UpdateEndpoint",
    "Update an endpoint",
    tag=TAG,
    description="Changes what is sent and keeps the rest. An empty `owner_id` and an `http_timeout` of 0 count as "
    f"not sent, a credential that reads `{REDACTED}` is kept, and an `authentication` without a type removes it.",
    parameters=[*ONE, VERSION],
    request=body(
        serializers.UpdateEndpoint,
        {"Another name": {"url": "https://hooks.example.com/orders", "name": "Orders, Europe"}},
    ),
    status=202,
    message="Endpoint updated successfully",
    data=ENDPOINT,
    examples={"Renamed": UPDATED_EXAMPLE},
    refused={
        400: {
            "No body": "body must not be empty",
            "Not JSON": "body contains badly-formed JSON (at character 2)",
            "Of a wrong type": 'body contains incorrect JSON type for field "http_timeout"',
            "Something is missing": "url:please provide a url for your endpoint",
            "Something is empty": f"header_name:{NON_ZERO}",
            "No such endpoint": "endpoint not found",
            **REFUSED_VALUES,
        }
    },
)
delete_endpoint = operation(
    "DeleteEndpoint",
    "Delete endpoint",
    tag=TAG,
    description="Deletes the endpoint. It leaves every portal link at once.",
    parameters=ONE,
    message="Endpoint deleted successfully",
    examples={"Deleted": None},
    refused={400: {"No such endpoint": "endpoint not found"}},
)
pause_endpoint = operation(
    "PauseEndpoint",
    "Pause endpoint",
    tag=TAG,
    description="Pauses an active endpoint, and makes a paused one active. A body is ignored.",
    parameters=[*ONE, VERSION],
    status=202,
    message="endpoint status updated successfully",
    data=ENDPOINT,
    examples={"Paused": PAUSED_EXAMPLE},
    refused={
        400: {
            "No such endpoint": "failed to find endpoint",
            "Neither active nor paused": "current endpoint status - inactive, does not support pausing or unpausing",
        }
    },
)
activate_endpoint = operation(
    "ActivateEndpoint",
    "Activate endpoint",
    tag=TAG,
    description="Makes an endpoint active that is not. A body is ignored.",
    parameters=[*ONE, VERSION],
    status=202,
    message="endpoint status successfully activated",
    data=ENDPOINT,
    examples={"Active": EXAMPLE | {"updated_at": "2026-07-04T08:00:00.5Z"}},
    refused={
        400: {
            "No such endpoint": "failed to find endpoint",
            "Already active": "current endpoint status - active, does not support activation",
        }
    },
)
expire_secret = operation(
    "ExpireSecret",
    "Roll endpoint secret",
    tag=TAG,
    description="Adds a new secret. Deliveries are signed with the old one too until its time is over.",
    parameters=ONE,
    request=body(
        serializers.ExpireSecret,
        {"A day for the old one": {"expiration": 24}, "At once": {"secret": "a secret of my own", "expiration": 0}},
    ),
    message="endpoint secret expired successfully",
    data=ENDPOINT,
    examples={"Two secrets": ROTATED_EXAMPLE},
    refused={
        400: {
            "No body": "body must not be empty",
            "Of a wrong type": 'body contains incorrect JSON type for field "expiration"',
            "No such endpoint": "endpoint not found",
            "Too many": "at most 20 secrets may be live at once",
        }
    },
)
test_oauth2 = operation(
    "TestOAuth2Connection",
    "Test OAuth2 connection",
    tag=TAG,
    description="Asks the token server for a token, as a delivery would. It has ten seconds, and nothing is stored.",
    parameters=[PROJECT_ID],
    request=body(
        serializers.OAuth2Test,
        {
            "With a secret": {
                "oauth2": {
                    "url": "https://auth.example.invalid/token",
                    "client_id": "the client",
                    "authentication_type": SHARED_SECRET,
                    "client_secret": "the secret",
                }
            }
        },
    ),
    message="OAuth2 connection test successful",
    data=define(
        "models.TestOAuth2Response",
        record(
            {
                "success": flag("Whether there is a token."),
                "access_token": text(),
                "token_type": text(example="Bearer"),
                "expires_at": text(f"`{ZERO_TIME}` where there is no token."),
                "message": text(),
                "error": text("Why there is no token."),
            },
            required=False,
        ),
    ),
    examples={
        "A token": {
            "success": True,
            "access_token": "the-token",
            "token_type": "Bearer",
            "expires_at": "2026-07-03T10:20:01.500231Z",
            "message": "OAuth2 connection successful",
        },
    },
    other_examples={
        "OAuth2 connection test failed": {
            "No token": {
                "success": False,
                "error": "oauth2: the token server answered 401 (invalid_client)",
                "expires_at": ZERO_TIME,
            }
        }
    },
    refused={
        400: {
            "Not JSON, or of a wrong type": "Invalid request format",
            "Something is missing or not allowed": "Invalid input provided",
            "No configuration": "OAuth2 configuration is required",
            "An incomplete one": "oauth2 client_secret is required for shared_secret authentication",
        }
    },
)
