"""Define the refusals of endpoint operations.

Contract: docs/contract/endpoints.md#operations, docs/contract/endpoints.md#body.
"""

from core.exceptions import Conflict, InvalidInput, NotFound


class EndpointNotFound(NotFound):
    """No such endpoint."""

    message = "endpoint not found"


class EndpointUnknown(InvalidInput):
    """No such endpoint."""

    message = EndpointNotFound.message


class EndpointNotThere(NotFound):
    """Endpoint."""

    message = "Resource not found"


class EndpointToChangeNotFound(InvalidInput):
    """No such endpoint."""

    message = "failed to find endpoint"


class UrlTemplate(InvalidInput):
    """The URL is a template."""

    message = "endpoint URL templates are not enabled"
    field = "url"


class CredentialsElsewhere(InvalidInput):
    """The URL leads to another server, and credentials are kept that the caller may not see."""

    message = (
        "the url leads to another server: send authentication and mtls_client_cert again without [REDACTED], "
        "or {} to remove them"
    )
    field = "url"


class HeadersElsewhere(InvalidInput):
    """The URL leads to another server, and headers are kept that the caller may not see."""

    message = "the url leads to another server, and the endpoint has headers that would be sent there"
    field = "url"


class EndpointExists(Conflict):
    """The uid is taken."""

    message = "the owner has an endpoint with this uid already"


class ChatUrl(InvalidInput):
    """A chat URL with a private host."""

    message = "invalid {product} webhook url"


class NotStored(InvalidInput):
    """A blank name, or an unknown content type."""

    message = "an error occurred while {doing}"


#: The changes of a status, as the refusal names them.
PAUSING = "pausing or unpausing"
ACTIVATION = "activation"


class StatusNotChangeable(InvalidInput):
    """The status does not allow it."""

    message = "current endpoint status - {status}, does not support {change}"


class TooManySecrets(InvalidInput):
    """Too many secrets."""

    message = "at most {most} secrets may be live at once"


class ApiKeyMissing(InvalidInput):
    """An incomplete authentication."""

    message = "api key field is required"
    field = "header_value"


class OAuth2SecretMissing(InvalidInput):
    """An incomplete configuration."""

    message = "oauth2 client_secret is required for shared_secret authentication"


class TooManyEndpoints(InvalidInput):
    """The owner has as many endpoints as it may."""

    message = "this owner_id has {most} endpoints, and may have no more"
    field = "owner_id"
