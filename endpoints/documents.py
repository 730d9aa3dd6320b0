"""Read endpoints as the API shows them, in one statement and without model instances.

An answer can hold thousands of endpoints (portal links do), so this path is short: rows come as tuples, times as
PostgreSQL's own text, and the secrets, which are stored as rendered JSON, go into the answer without being parsed.
Figures: docs/performance.md. Contract: docs/contract/endpoints.md#object.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, TypedDict

import orjson
from orjson import Fragment

from core.api.documents import Component, DeletedAt, Example, Keywords, Time, Uid, component, example
from core.api.values import REDACTED, ZERO_TIME, wire_time, wire_time_from_sql
from core.encryption import context_of, decrypter
from core.rows import Row, read_rows
from endpoints import authentication, certificates
from endpoints.authentication import API_KEY, CLIENT_ASSERTION, EXPIRY_UNITS, SHARED_SECRET, TYPES
from endpoints.certificates import ClientCertificateDocument
from endpoints.models import CONTENT_TYPES, Endpoint, EndpointState

#: The columns that `documents` takes, in its order: those of `e`, joined by JOIN those of `s`, and the version of `e`.
COLUMNS = """
e.uid, e.project_id, e.owner_id, e.url, e.name, e.description, e.status, e.advanced_signatures,
e.http_timeout, e.rate_limit, e.rate_limit_duration, e.content_type, e.support_email,
e.slack_webhook_url, e.teams_webhook_url, e.secrets, e.authentication, e.mtls_client_cert,
e.metadata::text, e.created_at::text, e.updated_at::text, s.events, s.failure_rate, s.breaker,
e.xmin::text, e.ctid::text
"""
#: The figures that workers have counted (EndpointState). An endpoint without figures has no such row.
JOIN = "LEFT JOIN endpoints_endpointstate s ON s.endpoint_id = e.uid"

_SELECT = f"SELECT {COLUMNS} FROM endpoints_endpoint e {JOIN}"
_LIVE = "e.project_id = %s AND e.deleted_at IS NULL"
_OF_IDS, _OF_OWNERS = "e.uid = ANY(%s)", "e.owner_id = ANY(%s)"

# An API key that is shown is shown as it is stored. Not parsing it saves 1 µs an endpoint, of 7.
_API_KEY_STORED = f'{{"type":"{API_KEY}",'.encode()

#: The time of the examples.
_CREATED = "2026-07-03T09:20:01.500231Z"


@component("datastore.Secret", "A secret that signs deliveries.")
class SecretDocument(TypedDict):
    """A secret of an endpoint."""

    uid: Annotated[Uid, Example("01JZ8QM5XA3B5C7D9E1F3G5H7J")]
    value: Annotated[str, f"`{REDACTED}` where the key may only read.", Example("aB3dE6gH9jK2mN5pQ8sT1vW4_")]
    expires_at: Annotated[str | None, "Null: the current secret."]
    created_at: Annotated[Time, Example(_CREATED)]
    updated_at: Annotated[Time, Example(_CREATED)]
    deleted_at: DeletedAt


@component("datastore.ApiKey")
class ApiKeyDocument(TypedDict):
    """A header that each delivery carries."""

    header_name: Annotated[str, "The name of the header."]
    header_value: Annotated[str, f"`{REDACTED}` where the key may only read."]


@component("datastore.BasicAuth")
class BasicAuthDocument(TypedDict):
    """HTTP basic authentication."""

    username: Annotated[str, "The user name."]
    password: Annotated[str, f"Always `{REDACTED}`."]


@component("datastore.OAuth2SigningKey", f"Private members read `{REDACTED}`.")
class SigningKeyDocument(TypedDict, total=False):
    """A private key as a JSON web key."""

    kty: Annotated[str, "The type of the key: `EC` or `RSA`."]
    crv: Annotated[str, "The curve of an EC key."]
    x: Annotated[str, "The x coordinate of an EC key."]
    y: Annotated[str, "The y coordinate of an EC key."]
    d: Annotated[str, "The private key."]
    kid: Annotated[str, "The id of the key, which the assertion names."]
    n: Annotated[str, "The modulus of an RSA key."]
    e: Annotated[str, "The public exponent of an RSA key."]
    p: Annotated[str, "The first prime factor of an RSA key."]
    q: Annotated[str, "The second prime factor of an RSA key."]
    dp: Annotated[str, "The first factor's exponent of an RSA key."]
    dq: Annotated[str, "The second factor's exponent of an RSA key."]
    qi: Annotated[str, "The coefficient of an RSA key."]


@component("datastore.OAuth2FieldMapping")
class FieldMappingDocument(TypedDict, total=False):
    """The names of the members of a token answer."""

    access_token: Annotated[str, "The member that holds the token; empty: `access_token`."]
    token_type: Annotated[str, "The member that holds the type of the token; empty: `token_type`."]
    expires_in: Annotated[str, "The member that holds the token's lifetime; empty: `expires_in`."]


@component("datastore.OAuth2")
class OAuth2Document(TypedDict, total=False):
    """OAuth2 client credentials."""

    url: Annotated[str, "The URL of the token server."]
    client_id: Annotated[str, "The id of the client at the token server."]
    grant_type: Annotated[str, "`client_credentials`."]
    scope: Annotated[str, "The scope that is asked for."]
    audience: Annotated[str, "The audience that is asked for."]
    authentication_type: Annotated[
        str,
        "How the client authenticates itself: by a secret or by a signed assertion.",
        Keywords(enum=[SHARED_SECRET, CLIENT_ASSERTION]),
        Component("datastore.OAuth2AuthenticationType"),
    ]
    client_secret: Annotated[str, f"Always `{REDACTED}`."]
    signing_key: SigningKeyDocument
    signing_algorithm: Annotated[str, "The algorithm of the assertion's signature."]
    issuer: Annotated[str, "The issuer of the assertion."]
    subject: Annotated[str, "The subject of the assertion."]
    field_mapping: FieldMappingDocument
    expiry_time_unit: Annotated[
        str,
        "The unit of the token's lifetime.",
        Keywords(enum=EXPIRY_UNITS),
        Component("datastore.OAuth2ExpiryTimeUnit"),
    ]


#: The discriminator of an authentication, in requests and in answers.
AuthenticationType = Annotated[
    str,
    "Which of the other members counts; empty, or not sent: none.",
    Keywords(enum=[*TYPES, ""]),
    Component("datastore.EndpointAuthenticationType"),
]


@component("datastore.EndpointAuthentication", "`type` and the member that it names.")
class AuthenticationDocument(TypedDict, total=False):
    """The authentication of deliveries."""

    type: AuthenticationType
    api_key: ApiKeyDocument
    basic_auth: BasicAuthDocument
    oauth2: OAuth2Document


class _Endpoint(TypedDict):
    uid: Annotated[Uid, Example("01JZ8QM5X9C1D3F5G7H9J1K3M5")]
    project_id: Uid
    owner_id: Annotated[str, "The customer whose endpoint it is; empty: the project's as a whole.", Example("acme")]
    url: Annotated[str, "The URL to which webhooks are sent.", Example("https://hooks.example.com/orders")]
    name: Annotated[str, "The name. Several endpoints may have the same.", Example("Orders")]
    secrets: Annotated[
        list[SecretDocument] | Fragment,
        "Oldest first; the last one is the current one.",
        Example([example(SecretDocument)]),
    ]
    advanced_signatures: Annotated[bool, "Whether the signature has the time of the attempt in it.", Example(True)]
    description: Annotated[str, "A text for people."]
    status: Annotated[
        str,
        "Webhooks are sent to an `active` endpoint only. While it is `paused`, deliveries that wait are held, and "
        "those of new events are discarded.",
        Keywords(enum=list(Endpoint.Status.values)),
        Component("datastore.EndpointStatus"),
        Example("active"),
    ]
    http_timeout: Annotated[int, "In seconds; 0 stands for the default."]
    authentication: Annotated[
        AuthenticationDocument | Fragment | None,
        "Where there is none, null in the answer to a creation, and an empty object later.",
    ]
    rate_limit: Annotated[int, "Requests in `rate_limit_duration`; 0: no limit."]
    rate_limit_duration: Annotated[int, "In seconds; 0: no limit."]
    support_email: Annotated[str, "The address to which a mail is sent when the endpoint is disabled, or empty."]
    slack_webhook_url: Annotated[str, f"`{REDACTED}` where the key may only read."]
    teams_webhook_url: Annotated[str, f"`{REDACTED}` where the key may only read."]
    mtls_client_cert: ClientCertificateDocument | None
    metadata: Annotated[dict[str, str] | Fragment, "That of the portal session in which it was created."]
    events: Annotated[int, "Deliveries of which at least one attempt was made."]
    failure_rate: Annotated[float | None, "In percent, of the last attempts; 0 where none was made.", Example(0)]
    cb_state: Annotated[
        str | None,
        "The circuit breaker; null where no attempt was counted yet.",
        Keywords(enum=list(EndpointState.Breaker.values)),
    ]
    period_failure_rate: Annotated[float | None, "Always null: see period-failure-rates."]
    success_count: Annotated[int | None, "Always null: see period-failure-rates."]
    failure_count: Annotated[int | None, "Always null: see period-failure-rates."]
    retry_count: Annotated[int | None, "Always null: see period-failure-rates."]
    created_at: Annotated[Time, Example(_CREATED)]
    updated_at: Annotated[Time, Example(_CREATED)]
    deleted_at: DeletedAt


@component("models.EndpointResponse")
class EndpointDocument(_Endpoint):
    """An endpoint."""

    content_type: Annotated[
        str, "The Content-Type of webhooks.", Keywords(enum=list(CONTENT_TYPES)), Example(CONTENT_TYPES[0])
    ]


@component("datastore.Endpoint")
class NestedEndpointDocument(_Endpoint):
    """An endpoint inside of another object, where X-Convoy-Version has no effect.

    Where it is shown for its name only, its secrets and figures are empty.
    """

    content_type: Annotated[str, "The Content-Type of webhooks.", Example(CONTENT_TYPES[0])]


#: An example of one that is shown for its name only.
IDENTIFIED_ENDPOINT = example(
    NestedEndpointDocument,
    secrets=[],
    advanced_signatures=False,
    content_type="",
    failure_rate=None,
    created_at=ZERO_TIME,
    updated_at=ZERO_TIME,
)


def endpoint_documents(project_id: str, *, ids: Sequence[str], reveal: bool) -> list[EndpointDocument]:
    """Return the live endpoints of a project with these ids, newest first. One statement, or none without ids.

    `reveal` shows the values of secrets; without it they are masked.
    """
    return documents(endpoint_rows(project_id, ids=ids), reveal=reveal)


def endpoint_rows(project_id: str, *, ids: Sequence[str]) -> list[Row]:
    """Return the rows of COLUMNS for `endpoint_documents`."""
    if not ids:
        return []
    condition, parameters = chosen(project_id, ids=ids)
    return read_rows(f"{_SELECT} WHERE {condition} ORDER BY e.uid DESC", parameters)


def chosen(project_id: str, *, ids: Sequence[str] = (), owners: Sequence[str] = ()) -> tuple[str, list[Any]]:
    """Return the condition of a project's live endpoints `e` with these ids or of these owners, with its parameters.

    At least one of the two lists must not be empty.
    """
    conditions = ([_OF_IDS] if ids else []) + ([_OF_OWNERS] if owners else [])
    parameters = [project_id, *(list(given) for given in (ids, owners) if given)]
    return f"{_LIVE} AND ({' OR '.join(conditions)})", parameters


def documents(rows: Iterable[Row], *, reveal: bool) -> list[EndpointDocument]:
    """Return the endpoint objects for rows of COLUMNS. Figures that were not counted yet are 0 or null."""
    open_secrets = decrypter(context_of(Endpoint, "secrets"))
    open_authentication = decrypter(context_of(Endpoint, "authentication"))
    open_certificate = decrypter(context_of(Endpoint, "mtls_client_cert"))
    show_secrets = orjson.Fragment if reveal else _masked_secrets
    return [
        {
            "uid": uid,
            "project_id": project_id,
            "owner_id": owner_id,
            "url": url,
            "name": name,
            "secrets": show_secrets(open_secrets(secrets, uid)),
            "advanced_signatures": advanced_signatures,
            "description": description,
            "status": status,
            "http_timeout": http_timeout,
            "authentication": credentials and _authentication(open_authentication(credentials, uid), reveal),
            "rate_limit": rate_limit,
            "rate_limit_duration": rate_limit_duration,
            "content_type": content_type,
            "support_email": support_email,
            # Everyone who has such a URL can write to the channel.
            "slack_webhook_url": slack_webhook_url if reveal else slack_webhook_url and REDACTED,
            "teams_webhook_url": teams_webhook_url if reveal else teams_webhook_url and REDACTED,
            "mtls_client_cert": certificate and certificates.shown(orjson.loads(open_certificate(certificate, uid))),
            "metadata": orjson.Fragment(metadata),
            "events": events or 0,
            "failure_rate": failure_rate or 0,
            "cb_state": breaker,
            "period_failure_rate": None,
            "success_count": None,
            "failure_count": None,
            "retry_count": None,
            "created_at": wire_time_from_sql(created_at),
            "updated_at": wire_time_from_sql(updated_at),
            "deleted_at": None,
        }
        for (
            uid,
            project_id,
            owner_id,
            url,
            name,
            description,
            status,
            advanced_signatures,
            http_timeout,
            rate_limit,
            rate_limit_duration,
            content_type,
            support_email,
            slack_webhook_url,
            teams_webhook_url,
            secrets,
            credentials,
            certificate,
            metadata,
            created_at,
            updated_at,
            events,
            failure_rate,
            breaker,
            _,
            _,
        ) in rows
    ]


def endpoint_metadata(endpoint: Endpoint) -> NestedEndpointDocument:
    """Return an endpoint as its deliveries and subscriptions show it: a few facts, and the rest empty.

    Contract: docs/contract/endpoints.md#endpoint-metadata.
    """
    return {
        "uid": endpoint.uid,
        "project_id": endpoint.project_id,
        "owner_id": endpoint.owner_id,
        "url": endpoint.url,
        "name": endpoint.name,
        "secrets": [],
        "advanced_signatures": False,
        "description": "",
        "status": endpoint.status,
        "http_timeout": 0,
        "authentication": None,
        "rate_limit": 0,
        "rate_limit_duration": 0,
        "content_type": "",
        "support_email": endpoint.support_email,
        "slack_webhook_url": "",
        "teams_webhook_url": "",
        "mtls_client_cert": None,
        "metadata": {},
        "events": 0,
        "failure_rate": None,
        "cb_state": None,
        "period_failure_rate": None,
        "success_count": None,
        "failure_count": None,
        "retry_count": None,
        "created_at": ZERO_TIME,
        "updated_at": ZERO_TIME,
        "deleted_at": wire_time(endpoint.deleted_at) if endpoint.deleted_at else None,
    }


def _masked_secrets(plain: bytes) -> list[SecretDocument]:
    return [secret | {"value": REDACTED} for secret in orjson.loads(plain)]


def _authentication(plain: bytes, reveal: bool) -> Any:
    if reveal and plain.startswith(_API_KEY_STORED):
        return orjson.Fragment(plain)
    return authentication.shown(orjson.loads(plain), reveal=reveal)
