"""The endpoint operations in the OpenAPI document. Contract: docs/contract/endpoints.md."""

from types import NoneType

from django.http import HttpResponse

from core.api.bodies import HIDDEN, BlankFields, NoBody, NotJSON, WrongFields, WrongType
from core.api.documents import PageOf, Schema, example, schema_of
from core.api.openapi import (
    PAGE_PARAMETERS,
    PROJECT_ID,
    URL_OR_EMPTY_PATTERN,
    URL_PATTERN,
    Operation,
    Outcome,
    body,
    describe,
    page_example,
    path_parameter,
    takes_null,
    version_parameter,
)
from core.api.values import REDACTED, ZERO_TIME
from endpoints import exceptions as refusals
from endpoints import serializers
from endpoints.authentication import SHARED_SECRET
from endpoints.documents import AuthenticationType, EndpointDocument, SecretDocument
from endpoints.models import CONTENT_TYPES, Endpoint
from endpoints.oauth2_test import OAuth2TestDocument
from endpoints.secrets import MAX_LIVE, SECONDS_FROM, is_in_seconds
from endpoints.serializers import NON_ZERO
from outbound.exceptions import UrlNotSecure, UrlScheme
from projects.exceptions import ProjectNotFound

TAG = "Endpoints"

# Request bodies

describe(serializers.OAuth2Test, "models.TestOAuth2Request", ("oauth2",))
describe(serializers.EndpointAuthentication, "models.EndpointAuthentication", type=schema_of(AuthenticationType))
FIELDS: dict[str, Schema] = {
    "url": {"pattern": URL_PATTERN},
    "name": {"pattern": r"\S"},
    "support_email": {"pattern": "^(.+@.+)?$"},
    "slack_webhook_url": {"pattern": URL_OR_EMPTY_PATTERN},
    "teams_webhook_url": {"pattern": URL_OR_EMPTY_PATTERN},
    "content_type": {"enum": [*CONTENT_TYPES, "", None]},
}
describe(
    serializers.CreateEndpoint,
    "models.CreateEndpoint",
    **FIELDS,
    secret={"description": "Generated where it is not sent."},
    advanced_signatures={"description": "True where it is not sent; always true in an incoming project."},
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
takes_null(serializers.ExpireSecret)

# Examples

_LATER = "2026-07-04T08:00:00.5Z"
CREATED_EXAMPLE = example(EndpointDocument)
EXAMPLE = example(EndpointDocument, authentication={})
UPDATED_EXAMPLE = example(EndpointDocument, name="Orders, Europe", updated_at=_LATER)
PAUSED_EXAMPLE = example(EndpointDocument, authentication={}, status=Endpoint.Status.PAUSED.value, updated_at=_LATER)
ACTIVATED_EXAMPLE = example(EndpointDocument, authentication={}, updated_at=_LATER)
ROTATED_EXAMPLE = example(
    EndpointDocument,
    authentication={},
    secrets=[
        example(SecretDocument, expires_at="2026-07-05T08:00:00.5Z", updated_at=_LATER),
        example(
            SecretDocument,
            uid="01JZB4F0M2A4C6E8G0J2M4P6R8",
            value="X4w1V8t5S2q9P6n3M0k7J4h1-",
            created_at=_LATER,
            updated_at=_LATER,
        ),
    ],
    updated_at=_LATER,
)
#: The refusals of a body's values.
REFUSED_VALUES = (UrlScheme, UrlNotSecure, refusals.ChatUrl(product="slack"), refusals.ApiKeyMissing)

# Operations

ENDPOINT_ID = path_parameter("endpointID", "The id of the endpoint.")
VERSION = version_parameter(
    "This document describes the versions that are listed. Before 2024-04-01 an answer has `target_url` and `title` "
    "in place of `url` and `name`; before 2024-01-01 `http_timeout` and `rate_limit_duration` are also texts such as "
    '"10s", in requests too, and `advanced_signatures` is false where it is not sent. What is not a date counts as '
    "older than both."
)
ONE = [PROJECT_ID, ENDPOINT_ID]

list_endpoints = Operation(
    "GetEndpoints",
    "List all endpoints",
    tag=TAG,
    description="A page of the project's endpoints, newest first.",
    parameters=[PROJECT_ID, *PAGE_PARAMETERS, VERSION],
    message="Endpoints fetched successfully",
    data=PageOf[EndpointDocument],
    examples={"One endpoint": page_example(EXAMPLE)},
)
create_endpoint = Operation(
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
    data=EndpointDocument,
    examples={"Created": CREATED_EXAMPLE},
    refused=[*HIDDEN, *REFUSED_VALUES],
)
get_endpoint = Operation(
    "GetEndpoint",
    "Retrieve endpoint",
    tag=TAG,
    description="The endpoint with its secrets.",
    parameters=[*ONE, VERSION],
    message="Endpoint fetched successfully",
    data=EndpointDocument,
    examples={"Endpoint": EXAMPLE},
    refused=[ProjectNotFound],
    not_found=refusals.EndpointNotThere,
)
update_endpoint = Operation(
    "UpdateEndpoint",
    "Update an endpoint",
    tag=TAG,
    description="Updates the fields that are sent and leaves the others unchanged. "
    "An empty `owner_id` and an `http_timeout` of 0 count as "
    f"not sent, a credential that reads `{REDACTED}` is kept, and an `authentication` without a type removes it.",
    parameters=[*ONE, VERSION],
    request=body(
        serializers.UpdateEndpoint,
        {"Another name": {"url": "https://hooks.example.com/orders", "name": "Orders, Europe"}},
    ),
    status=202,
    message="Endpoint updated successfully",
    data=EndpointDocument,
    examples={"Renamed": UPDATED_EXAMPLE},
    refused=[
        NoBody,
        NotJSON(where=" (at character 2)"),
        WrongType(name="http_timeout"),
        WrongFields(failures="url:please provide a url for your endpoint"),
        BlankFields(failures=f"header_name:{NON_ZERO}"),
        *REFUSED_VALUES,
    ],
    not_found=refusals.EndpointUnknown,
)
delete_endpoint = Operation(
    "DeleteEndpoint",
    "Delete endpoint",
    tag=TAG,
    description="Deletes the endpoint. It leaves every portal link at once.",
    parameters=ONE,
    message="Endpoint deleted successfully",
    data=NoneType,
    examples={"Deleted": None},
    not_found=refusals.EndpointUnknown,
)
pause_endpoint = Operation(
    "PauseEndpoint",
    "Pause endpoint",
    tag=TAG,
    description="Pauses an active endpoint, and activates a paused one. A body is ignored.",
    parameters=[*ONE, VERSION],
    status=202,
    message="endpoint status updated successfully",
    data=EndpointDocument,
    examples={"Paused": PAUSED_EXAMPLE},
    refused=[refusals.StatusNotChangeable(status="inactive", change="pausing or unpausing")],
    not_found=refusals.EndpointToChangeNotFound,
)
activate_endpoint = Operation(
    "ActivateEndpoint",
    "Activate endpoint",
    tag=TAG,
    description="Activates an endpoint that is not active. A body is ignored.",
    parameters=[*ONE, VERSION],
    status=202,
    message="endpoint status successfully activated",
    data=EndpointDocument,
    examples={"Active": ACTIVATED_EXAMPLE},
    refused=[refusals.StatusNotChangeable(status="active", change="activation")],
    not_found=refusals.EndpointToChangeNotFound,
)
READ_AS_SECONDS = Outcome(
    f"endpoint secret expired successfully; an expiration of {SECONDS_FROM} or more counts as seconds",
    {"Counted as seconds": ROTATED_EXAMPLE},
)
expire_secret = Operation(
    "ExpireSecret",
    "Roll endpoint secret",
    tag=TAG,
    description="Adds a new secret. Deliveries are signed with the old one as well until it expires.",
    parameters=ONE,
    request=body(
        serializers.ExpireSecret,
        {
            "A day for the old one": {"expiration": 24},
            "At once": {"secret": "a secret of my own", "expiration": 0},
            "A week in seconds": {"expiration": 604_800},
        },
    ),
    message="endpoint secret expired successfully",
    data=EndpointDocument,
    examples={"Two secrets": ROTATED_EXAMPLE},
    outcomes=[READ_AS_SECONDS],
    refused=[NoBody, WrongType(name="expiration"), refusals.TooManySecrets(most=MAX_LIVE)],
    not_found=refusals.EndpointUnknown,
)


def answer_rotation(document: EndpointDocument, expiration: int) -> HttpResponse:
    """Answer a rotation, and say where `expiration` was read as seconds."""
    return expire_secret.answer(document, READ_AS_SECONDS if is_in_seconds(expiration) else None)


NO_TOKEN = Outcome(
    "OAuth2 connection test failed",
    {
        "No token": example(
            OAuth2TestDocument, expires_at=ZERO_TIME, error="oauth2: the token server answered 401 (invalid_client)"
        )
    },
)
test_oauth2 = Operation(
    "TestOAuth2Connection",
    "Test OAuth2 connection",
    tag=TAG,
    description="Asks the token server for a token, as a delivery would, for at most ten seconds. Nothing is stored.",
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
    data=OAuth2TestDocument,
    examples={
        "A token": example(
            OAuth2TestDocument,
            {"access_token": "the-token", "token_type": "Bearer"},
            success=True,
            expires_at="2026-07-03T10:20:01.500231Z",
            message="OAuth2 connection successful",
        )
    },
    outcomes=[NO_TOKEN],
    refused=[*HIDDEN, refusals.OAuth2SecretMissing],
)
