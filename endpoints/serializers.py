"""Define the bodies of endpoint requests. Contract: docs/contract/endpoints.md#body."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from rest_framework import serializers

from core.api.documents import Schema, schema_of
from core.api.fields import INT32_MAX, Choice, Flag, Integer, Secret, Shape, Text
from core.api.openapi import URL_OR_EMPTY_PATTERN, URL_PATTERN, describe, takes_null
from core.api.values import REDACTED
from endpoints.authentication import CLIENT_ASSERTION, EXPIRY_UNITS, SHARED_SECRET, TYPES
from endpoints.documents import (
    ApiKeyDocument,
    AuthenticationType,
    BasicAuthDocument,
    EndpointDocument,
    FieldMappingDocument,
    OAuth2Document,
    SigningKeyDocument,
)
from endpoints.models import CONTENT_TYPES
from endpoints.secrets import SECONDS_FROM

NON_ZERO = "non zero value required"


def required(message: str, **kwargs: Any) -> Text:
    """Return a field for a string that must be sent and not be empty; `message` is the refusal."""
    return Text(allow_blank=False, error_messages={"required": message, "blank": message}, **kwargs)


class ApiKey(Shape):
    """A header that each delivery carries."""

    document = ApiKeyDocument

    header_name = required(NON_ZERO)
    header_value = required(NON_ZERO, max_length=4096, help_text="The value of the header.")


class BasicAuth(Shape):
    """HTTP basic authentication."""

    document = BasicAuthDocument

    username = Secret(allow_blank=False, error_messages={"required": NON_ZERO, "blank": NON_ZERO})
    password = Secret(
        allow_blank=False, error_messages={"required": NON_ZERO, "blank": NON_ZERO}, help_text="The password."
    )


class OAuth2FieldMapping(Shape):
    """The names of the members of a token answer."""

    document = FieldMappingDocument

    access_token = Text(required=False)
    token_type = Text(required=False)
    expires_in = Text(required=False)


class OAuth2SigningKey(Shape):
    """A private key as a JSON web key."""

    document = SigningKeyDocument

    kty = Text(required=False)
    crv = Text(required=False)
    x = Text(required=False, max_length=1024)
    y = Text(required=False, max_length=1024)
    d = Text(required=False, max_length=4096)
    kid = Text(required=False)
    n = Text(required=False, max_length=4096)
    e = Text(required=False)
    p = Text(required=False, max_length=4096)
    q = Text(required=False, max_length=4096)
    dp = Text(required=False, max_length=4096)
    dq = Text(required=False, max_length=4096)
    qi = Text(required=False, max_length=4096)


class OAuth2(Shape):
    """OAuth2 client credentials."""

    document = OAuth2Document

    url = required(NON_ZERO, max_length=2048, help_text="The http or https URL of the token server.")
    client_id = Secret(
        allow_blank=False,
        error_messages={"required": NON_ZERO, "blank": NON_ZERO},
    )
    grant_type = Text(required=False, help_text="`client_credentials` where it is not sent.")
    scope = Text(required=False, max_length=2048)
    audience = Text(required=False, max_length=2048)
    authentication_type = Choice(
        [SHARED_SECRET, CLIENT_ASSERTION],
        message="unsupported authentication type",
        allow_blank=False,
        error_messages={"required": NON_ZERO, "blank": NON_ZERO},
        help_text="How the client authenticates itself: by a secret or by a signed assertion.",
    )
    client_secret = Secret(required=False, max_length=4096, help_text=f"Required with {SHARED_SECRET}.")
    signing_key = OAuth2SigningKey(required=False, help_text=f"Required with {CLIENT_ASSERTION}.")
    signing_algorithm = Text(required=False, help_text="`ES256` where it is not sent.")
    issuer = Text(required=False, help_text=f"Required with {CLIENT_ASSERTION}.")
    subject = Text(required=False, help_text=f"Required with {CLIENT_ASSERTION}.")
    field_mapping = OAuth2FieldMapping(required=False)
    expiry_time_unit = Choice(
        EXPIRY_UNITS,
        message="unsupported expiry time unit",
        required=False,
        help_text="The unit of the token's lifetime; `seconds` where it is empty.",
    )


class OAuth2Test(Shape):
    """The body of a trial of an OAuth2 configuration."""

    oauth2 = OAuth2(required=False)


class EndpointAuthentication(Shape):
    """The authentication of deliveries. Only the member that `type` names counts."""

    type = Choice(TYPES, message="unsupported authentication type", required=False)
    api_key = ApiKey(required=False)
    basic_auth = BasicAuth(required=False)
    oauth2 = OAuth2(required=False)


class MtlsClientCert(Shape):
    """A client certificate and its private key, both PEM."""

    client_cert = Text(required=False, max_length=65_536, help_text="The certificate, as PEM.")
    client_key = Text(
        required=False,
        max_length=65_536,
        help_text="Its private key, as PEM without a password. `[REDACTED]` keeps the stored one.",
    )


class _EndpointBody(Shape):
    document = EndpointDocument

    url = required("please provide a url for your endpoint", max_length=2048, help_text="An http or https URL.")
    name = required("please provide your endpointName")
    secret = Secret(required=False, help_text="The secret that signs webhooks. Generated where it is not sent.")
    owner_id = Text(
        required=False, help_text="The customer whose endpoint it is. It groups endpoints for portal links."
    )
    description = Text(required=False, max_length=4096)
    advanced_signatures = Flag(required=False)
    support_email = Text(required=False, max_length=254, help_text="An e-mail address, or empty.")
    slack_webhook_url = Text(required=False, max_length=2048, help_text="A URL with a public host, or empty.")
    teams_webhook_url = Text(required=False, max_length=2048, help_text="A URL with a public host, or empty.")
    http_timeout: serializers.Field[Any, Any, Any, Any] = Integer(
        required=False, help_text="In seconds; 0 stands for the default."
    )
    rate_limit = Integer(
        required=False,
        min_value=-(2**31),
        help_text="Requests in `rate_limit_duration`; 0: no limit. A negative number counts as not sent.",
    )
    rate_limit_duration: serializers.Field[Any, Any, Any, Any] = Integer(
        required=False, help_text="In seconds; 0: no limit."
    )
    content_type = Text(required=False, help_text="The Content-Type of deliveries. Empty stands for application/json.")
    authentication = EndpointAuthentication(required=False, help_text="The credentials that each delivery carries.")
    mtls_client_cert = MtlsClientCert(required=False)
    is_disabled = Flag(required=False, help_text="Accepted and ignored.")

    def validate_support_email(self, email: str) -> str:
        """Refuse a text that is neither an address nor empty."""
        try:
            if email:
                validate_email(email)
        except ValidationError:
            raise serializers.ValidationError("please provide a valid email") from None
        return email


class CreateEndpoint(_EndpointBody):
    """The body of an endpoint creation."""

    appID = Text(required=False, help_text="Accepted and ignored.")  # noqa: N815 - the wire's name


class UpdateEndpoint(_EndpointBody):
    """The body of an endpoint update."""


class CreateEndpointBefore2024(CreateEndpoint):
    """The body of clients of versions before 2024-01-01: durations are text, such as "10s"."""

    http_timeout = Text(required=False, help_text="A Go duration such as `10s`.")
    rate_limit_duration = Text(required=False, help_text="A Go duration such as `1m0s`.")


class UpdateEndpointBefore2024(UpdateEndpoint):
    """The body of clients of versions before 2024-01-01: durations are text, such as "10s"."""

    http_timeout = Text(required=False, help_text="A Go duration such as `10s`.")
    rate_limit_duration = Text(required=False, help_text="A Go duration such as `1m0s`.")


class ExpireSecret(Shape):
    """The body of a secret's rotation."""

    secret = Secret(required=False, help_text="The new secret. Generated where it is not sent.")
    expiration = Integer(
        required=False,
        min_value=-INT32_MAX,
        help_text="Hours for which deliveries are signed with the old secret too; none where it is 0 or less. "
        f"From {SECONDS_FROM} on it counts as seconds.",
    )


# Their schemas

describe(OAuth2Test, "models.TestOAuth2Request", ("oauth2",))
describe(EndpointAuthentication, "models.EndpointAuthentication", type=schema_of(AuthenticationType))
FIELDS: dict[str, Schema] = {
    "url": {"pattern": URL_PATTERN},
    "name": {"pattern": r"\S"},
    "support_email": {"pattern": "^(.+@.+)?$"},
    "slack_webhook_url": {"pattern": URL_OR_EMPTY_PATTERN},
    "teams_webhook_url": {"pattern": URL_OR_EMPTY_PATTERN},
    "content_type": {"enum": [*CONTENT_TYPES, "", None]},
}
describe(
    CreateEndpoint,
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
    UpdateEndpoint,
    "models.UpdateEndpoint",
    **FIELDS | {"slack_webhook_url": CHAT_URL, "teams_webhook_url": CHAT_URL},
    secret={"description": "Accepted and ignored: a secret is replaced by expire_secret."},
)
takes_null(ExpireSecret)
