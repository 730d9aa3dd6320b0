"""Declare the operations on endpoints. Contract: docs/contract/endpoints.md."""

from types import NoneType

from core.api.bodies import HIDDEN, MALFORMED, BlankFields, NoBody, WrongFields, WrongType
from core.api.documents import PageOf, example
from core.api.openapi import PAGE_PARAMETERS, Outcome, Tag, body, name_in_path, page_example, version_parameter
from core.api.values import REDACTED, ZERO_TIME
from endpoints import exceptions as refusals
from endpoints import serializers
from endpoints.authentication import SHARED_SECRET
from endpoints.documents import EndpointDocument, SecretDocument
from endpoints.models import Endpoint
from endpoints.oauth2_test import CONNECTED, OAuth2TestDocument
from endpoints.secrets import MAX_LIVE, SECONDS_FROM
from endpoints.serializers import NON_ZERO
from outbound.exceptions import UrlNotSecure, UrlScheme
from projects.models import OWNER_ENDPOINTS

TAG = Tag("Endpoints")

# Examples

_LATER = "2026-07-04T08:00:00.5Z"
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

name_in_path(endpointID="The id of the endpoint.")
VERSION = version_parameter(
    "This document describes the versions that are listed. Before 2024-04-01 an answer has `target_url` and `title` "
    "in place of `url` and `name`; before 2024-01-01 `http_timeout` and `rate_limit_duration` are also texts such as "
    '"10s", in requests too, and `advanced_signatures` is false where it is not sent. A text that is no date counts as '
    "older than both."
)

list_endpoints = TAG.operation(
    "GetEndpoints",
    "List all endpoints",
    description="A page of the project's endpoints, newest first.",
    parameters=[*PAGE_PARAMETERS, VERSION],
    success=Outcome(
        "Endpoints fetched successfully", PageOf[EndpointDocument], {"One endpoint": page_example(EXAMPLE)}
    ),
)
create_endpoint = TAG.operation(
    "CreateEndpoint",
    "Create an endpoint",
    description="Creates an active endpoint with one secret.",
    parameters=[VERSION],
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
    success=Outcome("Endpoint created successfully", EndpointDocument, "Created", status=201),
    refused=[*HIDDEN, *REFUSED_VALUES, refusals.TooManyEndpoints(most=OWNER_ENDPOINTS)],
)
get_endpoint = TAG.operation(
    "GetEndpoint",
    "Retrieve endpoint",
    description="The endpoint with its secrets.",
    parameters=[VERSION],
    success=Outcome("Endpoint fetched successfully", EndpointDocument, {"Endpoint": EXAMPLE}),
    not_found=refusals.EndpointNotThere,
)
update_endpoint = TAG.operation(
    "UpdateEndpoint",
    "Update an endpoint",
    description="Updates the fields that are sent and leaves the others unchanged. "
    "An empty `owner_id` and an `http_timeout` of 0 count as "
    f"not sent, a credential that reads `{REDACTED}` is kept, and an `authentication` without a type removes it.",
    parameters=[VERSION],
    request=body(
        serializers.UpdateEndpoint,
        {"Another name": {"url": "https://hooks.example.com/orders", "name": "Orders, Europe"}},
    ),
    success=Outcome("Endpoint updated successfully", EndpointDocument, {"Renamed": UPDATED_EXAMPLE}, status=202),
    refused=[
        *MALFORMED,
        WrongType(name="http_timeout"),
        WrongFields(failures="url:please provide a url for your endpoint"),
        BlankFields(failures=f"header_name:{NON_ZERO}"),
        *REFUSED_VALUES,
    ],
    not_found=refusals.EndpointUnknown,
)
delete_endpoint = TAG.operation(
    "DeleteEndpoint",
    "Delete endpoint",
    description="Deletes the endpoint. It leaves every portal link at once.",
    success=Outcome("Endpoint deleted successfully", NoneType, "Deleted"),
    not_found=refusals.EndpointUnknown,
)
pause_endpoint = TAG.operation(
    "PauseEndpoint",
    "Pause endpoint",
    description="Pauses an active endpoint, and activates a paused one. A body is ignored.",
    parameters=[VERSION],
    success=Outcome("endpoint status updated successfully", EndpointDocument, {"Paused": PAUSED_EXAMPLE}, status=202),
    refused=[refusals.StatusNotChangeable(status="inactive", change=refusals.PAUSING)],
    not_found=refusals.EndpointToChangeNotFound,
)
activate_endpoint = pause_endpoint.twin(
    "ActivateEndpoint",
    "Activate endpoint",
    description="Activates an endpoint that is not active. A body is ignored.",
    success=Outcome(
        "endpoint status successfully activated", EndpointDocument, {"Active": ACTIVATED_EXAMPLE}, status=202
    ),
    refused=[refusals.StatusNotChangeable(status="active", change=refusals.ACTIVATION)],
)
READ_AS_SECONDS = Outcome(
    f"endpoint secret expired successfully; an expiration of {SECONDS_FROM} or more counts as seconds",
    EndpointDocument,
    {"Counted as seconds": ROTATED_EXAMPLE},
)
expire_secret = TAG.operation(
    "ExpireSecret",
    "Roll endpoint secret",
    description="Adds a new secret. Deliveries are signed with the old one as well until it expires.",
    request=body(
        serializers.ExpireSecret,
        {
            "A day for the old one": {"expiration": 24},
            "At once": {"secret": "a secret of my own", "expiration": 0},
            "A week in seconds": {"expiration": 604_800},
        },
    ),
    success=Outcome("endpoint secret expired successfully", EndpointDocument, {"Two secrets": ROTATED_EXAMPLE}),
    outcomes=[READ_AS_SECONDS],
    refused=[NoBody, WrongType(name="expiration"), refusals.TooManySecrets(most=MAX_LIVE)],
    not_found=refusals.EndpointUnknown,
)


NO_TOKEN = Outcome(
    "OAuth2 connection test failed",
    OAuth2TestDocument,
    {
        "No token": example(
            OAuth2TestDocument, expires_at=ZERO_TIME, error="oauth2: the token server answered 401 (invalid_client)"
        )
    },
)
test_oauth2 = TAG.operation(
    "TestOAuth2Connection",
    "Test OAuth2 connection",
    description="Asks the token server for a token, as a delivery would, for at most ten seconds. Nothing is stored.",
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
    success=Outcome(
        "OAuth2 connection test successful",
        OAuth2TestDocument,
        {
            "A token": example(
                OAuth2TestDocument,
                {"access_token": "the-token", "token_type": "Bearer"},
                success=True,
                expires_at="2026-07-03T10:20:01.500231Z",
                message=CONNECTED,
            )
        },
    ),
    outcomes=[NO_TOKEN],
    refused=[*HIDDEN, refusals.OAuth2SecretMissing],
)
