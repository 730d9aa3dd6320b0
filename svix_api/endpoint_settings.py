"""The secret and the headers of Svix's endpoints. Contract: docs/contract/svix.md#secrets."""

from typing import Annotated, Any, TypedDict

from rest_framework.request import Request

from core.api.documents import Example, component
from core.api.fields import IntegerBetween, Items, Secret, Shape, Text
from core.api.openapi import Outcome, body, describe
from core.exceptions import InvalidInput
from endpoints import operations
from endpoints.exceptions import EndpointNotFound, TooManySecrets
from endpoints.models import Endpoint
from outbound.signatures import standard_secret
from portal_links.capabilities import MANAGE_ENDPOINT, ROTATE_SECRET, VIEW_SECRET
from portal_links.exceptions import CapabilityMissing
from projects.exceptions import ReadOnlyKey
from svix_api.applications import APPLICATION_ID
from svix_api.base import REFUSED_ALWAYS, REFUSED_BODY, WRONG_FIELDS, OtherApplication, SvixUnknownPath
from svix_api.endpoint_shapes import HeadersField
from svix_api.endpoints import ENDPOINT_ID, TAG, EndpointView, headers_refused
from svix_api.portal_access import WEEK
from svix_api.secrets import SECRET_PATTERN, new_secret, stored_secret

DAY = 24 * 3600
#: The headers whose values are never shown.
SENSITIVE = {"authorization", "proxy-authorization", "www-authenticate", "x-auth-token", "cookie"}
MAX_DELETED = 100


class NoTransformations(InvalidInput):
    """There are no transformations."""

    message = "this server has no transformations"


@component("svix.EndpointSecretOut")
class SecretDocument(TypedDict):
    """The current secret of an endpoint."""

    key: Annotated[
        str,
        "The secret as `whsec_` and base64, in whichever form it was set.",
        Example("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ]


@component("svix.EndpointHeadersOut")
class HeadersDocument(TypedDict):
    """The headers that each delivery to an endpoint carries beside its own."""

    headers: Annotated[dict[str, str], "Values by name, without those that are hidden.", Example({"X-Tenant": "acme"})]
    sensitive: Annotated[list[str], "The names of those whose values are hidden.", Example(["Authorization"])]


class EndpointSecretRotateIn(Shape):
    """The body that gives an endpoint another secret."""

    key = Secret(required=False, help_text="Base64 of 24 to 75 bytes after `whsec_`. Generated where not sent.")
    gracePeriodSeconds = IntegerBetween(  # noqa: N815 - the wire's name
        0, WEEK, required=False, help_text="How long the old secret signs too; a day where it is not sent."
    )

    def validate_key(self, key: str) -> str:
        """Refuse a secret that is not a key in base64."""
        return stored_secret(key)


class EndpointHeadersIn(Shape):
    """The body that sets the headers of an endpoint."""

    headers = HeadersField(help_text="Values by name, which each delivery carries beside its own headers.")


class EndpointHeadersPatchIn(EndpointHeadersIn):
    """The body that adds headers to an endpoint, and removes some."""

    headers = HeadersField(required=False, help_text="Values by name, which are added or replaced.")
    deleteHeaders = Items(  # noqa: N815
        child=Text(), required=False, max_length=MAX_DELETED, help_text="Names of headers to remove."
    )


_HEADERS: dict[str, Any] = {
    "headers": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 4096}, "maxProperties": 50}
}
describe(EndpointSecretRotateIn, "svix.EndpointSecretRotateIn", key={"pattern": SECRET_PATTERN})
describe(EndpointHeadersIn, "svix.EndpointHeadersIn", **_HEADERS)
describe(EndpointHeadersPatchIn, "svix.EndpointHeadersPatchIn", **_HEADERS)

# Operations

KEY = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
get_secret = TAG.operation(
    "v1.endpoint.get-secret",
    "Get an endpoint's secret (Svix)",
    description="Returns the secret that signs, as the libraries of Standard Webhooks and Svix want it.",
    parameters=[APPLICATION_ID, ENDPOINT_ID],
    success=Outcome("The secret.", SecretDocument, "Secret"),
    refused=[*REFUSED_ALWAYS, CapabilityMissing, EndpointNotFound],
)
rotate_secret = TAG.operation(
    "v1.endpoint.rotate-secret",
    "Rotate an endpoint's secret (Svix)",
    description="Gives an endpoint another secret. The old one signs too until `gracePeriodSeconds` are over.",
    parameters=[APPLICATION_ID, ENDPOINT_ID],
    request=body(
        EndpointSecretRotateIn, {"Defaults": {}, "One of your own, at once": {"key": KEY, "gracePeriodSeconds": 0}}
    ),
    success=Outcome("The new secret.", SecretDocument, "Secret"),
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_BODY[1:], OtherApplication, TooManySecrets(most=20), CapabilityMissing, EndpointNotFound],
)
get_headers = TAG.operation(
    "v1.endpoint.get-headers",
    "Get an endpoint's headers (Svix)",
    description="Returns the endpoint's own headers. A caller who may not see secrets sees only their names.",
    parameters=[APPLICATION_ID, ENDPOINT_ID],
    success=Outcome("The headers.", HeadersDocument, "Headers"),
    refused=[*REFUSED_ALWAYS, EndpointNotFound],
)
update_headers = TAG.operation(
    "v1.endpoint.update-headers",
    "Set an endpoint's headers (Svix)",
    description="Replaces the endpoint's own headers.",
    parameters=[APPLICATION_ID, ENDPOINT_ID],
    request=body(EndpointHeadersIn, {"One": {"headers": {"X-Tenant": "acme"}}, "None": {"headers": {}}}),
    success=Outcome("Set.", type(None), status=204),
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_BODY, OtherApplication, CapabilityMissing, EndpointNotFound],
)
patch_headers = update_headers.twin(
    "v1.endpoint.patch-headers",
    "Change an endpoint's headers (Svix)",
    description="Sets some of the endpoint's own headers, and removes others.",
    request=body(
        EndpointHeadersPatchIn, {"One more, one less": {"headers": {"X-Tier": "gold"}, "deleteHeaders": ["X-Tenant"]}}
    ),
)


# Views


class EndpointSecret(EndpointView):
    """The secret of an endpoint."""

    http_method_names = ["get", "head", "options"]
    needs = {"GET": VIEW_SECRET, "HEAD": VIEW_SECRET}

    @get_secret
    def get(self, request: Request, ownerID: str, endpointID: str) -> SecretDocument:  # noqa: N803
        """Return the current one."""
        if not self.reveals:
            raise ReadOnlyKey
        return _secret(self.endpoint(ownerID, endpointID))


class RotateSecret(EndpointView):
    """The rotation of a secret."""

    http_method_names = ["post", "options"]
    needs = {"POST": ROTATE_SECRET}
    is_body_optional = True

    @rotate_secret
    def post(self, request: Request, ownerID: str, endpointID: str) -> SecretDocument:  # noqa: N803
        """Give the endpoint a new secret."""
        row = self.endpoint(ownerID, endpointID)
        sent = self.body(request, EndpointSecretRotateIn)
        changed = operations.expire_secret(
            row.project_id,
            row.uid,
            secret=sent.get("key") or new_secret(),
            expiration=sent.get("gracePeriodSeconds", DAY) / 3600,
            scope=self.scope(row.owner_id),
        )
        return _secret(changed)


class EndpointHeaders(EndpointView):
    """The headers of an endpoint."""

    http_method_names = ["get", "head", "put", "patch", "options"]
    needs = {"PUT": MANAGE_ENDPOINT, "PATCH": MANAGE_ENDPOINT}

    @get_headers
    def get(self, request: Request, ownerID: str, endpointID: str) -> HeadersDocument:  # noqa: N803
        """Return them, without the values that are hidden."""
        headers = self.endpoint(ownerID, endpointID).custom_headers or {}
        hidden = [name for name in headers if not self.reveals or name.lower() in SENSITIVE]
        return {
            "headers": {name: value for name, value in headers.items() if name not in hidden},
            "sensitive": hidden,
        }

    @update_headers
    def put(self, request: Request, ownerID: str, endpointID: str) -> None:  # noqa: N803
        """Replace them."""
        row = self.endpoint(ownerID, endpointID)
        self.set_headers(row, self.body(request, EndpointHeadersIn)["headers"])

    @patch_headers
    def patch(self, request: Request, ownerID: str, endpointID: str) -> None:  # noqa: N803
        """Set some, and remove others; their names are the same in any letter case."""
        row = self.endpoint(ownerID, endpointID)
        sent = self.body(request, EndpointHeadersPatchIn)
        given = sent.get("headers", {})
        gone = {name.lower() for name in (*given, *sent.get("deleteHeaders", ()))}
        kept = {name: value for name, value in (row.custom_headers or {}).items() if name.lower() not in gone}
        self.set_headers(row, kept | given)

    def set_headers(self, row: Endpoint, headers: dict[str, str]) -> None:
        """Store the headers of an endpoint. Raises DomainError, WrongFields."""
        with headers_refused():
            operations.set_custom_headers(row.project_id, row.uid, headers, scope=self.scope(row.owner_id))


class Transformation(SvixUnknownPath):
    """The transformation of an endpoint, which it cannot have."""

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Raise NoTransformations for every method."""
        raise NoTransformations


def _secret(row: Endpoint) -> SecretDocument:
    return {"key": standard_secret(row.secrets[-1]["value"])}
