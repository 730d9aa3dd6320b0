"""A project's configuration: its shape, its defaults, and how an update changes a stored one.

Contract: docs/contract/projects.md#configuration, docs/contract/projects.md#update. Durations are whole
seconds, those of `search_policy` and `retention_policy` Go durations in text. `meta_event` holds a secret and
is stored apart, encrypted.
"""

import copy
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypedDict

from core.api.documents import Component, Example, Keywords, Time, Uid, component, example
from core.api.values import REDACTED, ZERO_TIME, wire_time
from core.header_names import TOKEN_CHARACTER
from core.tokens import SECRET_ALPHABET, random_text
from core.ulid import new_ulid
from outbound.documents import StrategyType
from outbound.retries import LINEAR
from outbound.signatures import ENCODINGS, HASHES

MAX_PAYLOAD_READ_SIZE = 51_200
REQUEST_ID_HEADER = "X-Convoy-Idempotency-Key"
SIGNATURE_HEADER = "X-Convoy-Signature"
#: The ways to send meta events that a configuration may name. Only `http` can be enabled.
META_EVENT_TYPES = ["http", "pub_sub"]

SignatureHeader = Annotated[
    str,
    "The header that carries a delivery's signature.",
    Keywords(minLength=1, pattern=f"^{TOKEN_CHARACTER}+$"),
    Component("config.SignatureHeaderProvider"),
    Example(SIGNATURE_HEADER),
]
RequestIDHeader = Annotated[
    str,
    "The header that carries an event's idempotency key. Incoming projects have the default.",
    Keywords(maxLength=255, pattern=f"^{TOKEN_CHARACTER}*$"),
    Component("config.RequestIDHeaderProvider"),
    Example(REQUEST_ID_HEADER),
]


# Convoy's document of today has no component for it.
class RetentionDocument(TypedDict):
    """`config.retention_policy`."""

    policy: Annotated[str, 'How long events, deliveries and attempts are kept, such as "720h".']


@component("datastore.SSLConfiguration")
class SSLDocument(TypedDict):
    """`config.ssl`."""

    enforce_secure_endpoints: Annotated[bool, "Whether endpoints must have https URLs."]


@component("datastore.RateLimitConfiguration")
class RateLimitDocument(TypedDict):
    """`config.ratelimit`."""

    count: Annotated[int, "Requests in `duration`."]
    duration: Annotated[int, "In seconds."]


@component("datastore.StrategyConfiguration")
class StrategyDocument(TypedDict):
    """`config.strategy`."""

    type: Annotated[StrategyType, "Whether the pauses between attempts stay equal or grow."]
    duration: Annotated[int, "Seconds between two attempts, or before the second one."]
    retry_count: Annotated[int, "Attempts of a delivery, the first one included."]


@component("datastore.SignatureVersion")
class SignatureVersionDocument(TypedDict):
    """A hash and an encoding that deliveries are signed with."""

    uid: Annotated[Uid, Example("01JZ8QK3V8A0B2C4D6E8F0G2H4")]
    hash: Annotated[str, "The hash function of the HMAC.", Keywords(enum=list(HASHES)), Example("SHA256")]
    encoding: Annotated[
        str,
        "How the signature is written in the header.",
        Keywords(enum=list(ENCODINGS)),
        Component("datastore.EncodingType"),
        Example("hex"),
    ]
    created_at: Time


@component("datastore.SignatureConfiguration")
class SignatureDocument(TypedDict):
    """`config.signature`."""

    header: SignatureHeader
    versions: Annotated[
        list[SignatureVersionDocument],
        "The signatures that each webhook carries, one for each entry and live secret.",
        Example([example(SignatureVersionDocument)]),
    ]


@component("datastore.MetaEventConfiguration", "Events about the project itself.")
class MetaEventSettings(TypedDict):
    """`config.meta_event`."""

    is_enabled: Annotated[bool, "Whether meta events are sent."]
    type: Annotated[
        str,
        "How they are sent: `http`, or empty where that was never set.",
        Keywords(enum=[*META_EVENT_TYPES, ""]),
        Component("datastore.MetaEventType"),
    ]
    event_type: Annotated[list[str], "The types of meta events that are sent; empty: none."]
    url: Annotated[str, "The URL to which they are sent."]
    secret: Annotated[str, f"`{REDACTED}` where the key may only read."]
    pub_sub: Annotated[Annotated[dict[str, Any], Component("datastore.PubSubConfig")] | None, "Always null."]


# The same can be read as can be written, so its component is that of the request's serializer.
@component("datastore.CircuitBreakerConfiguration")
class CircuitBreakerDocument(TypedDict):
    """`config.circuit_breaker`."""

    sample_rate: Annotated[int, "Seconds, from 1 to 3600. Stored; the window must be longer."]
    error_timeout: Annotated[
        int, "Seconds for which an open circuit breaker sends nothing to the endpoint, from 1 to 86400."
    ]
    failure_threshold: Annotated[int, "The percentage of failed attempts in the window at which it opens."]
    success_threshold: Annotated[int, "The percentage of successful attempts at which a half-open one closes."]
    minimum_request_count: Annotated[int, "The attempts in the window below which it does not open."]
    observability_window: Annotated[int, "Minutes before now whose attempts count, from 1 to 60."]
    consecutive_failure_threshold: Annotated[int, "How often in a row it opens before the endpoint is disabled."]


CIRCUIT_BREAKER: CircuitBreakerDocument = {
    "sample_rate": 30,
    "error_timeout": 30,
    "failure_threshold": 70,
    "success_threshold": 5,
    "minimum_request_count": 10,
    "observability_window": 5,
    "consecutive_failure_threshold": 10,
}
META_EVENT: MetaEventSettings = {
    "is_enabled": False,
    "type": "",
    "event_type": [],
    "url": "",
    "secret": "",
    "pub_sub": None,
}
RETENTION_POLICY: RetentionDocument = {"policy": "720h"}
RATE_LIMIT: RateLimitDocument = {"count": 1000, "duration": 60}
STRATEGY: StrategyDocument = {"type": LINEAR, "duration": 100, "retry_count": 10}


class StoredConfig(TypedDict):
    """`config` of a project, as it is stored."""

    max_payload_read_size: Annotated[
        int, "In bytes; 0 stands for the server's default.", Example(MAX_PAYLOAD_READ_SIZE)
    ]
    replay_attacks_prevention_enabled: Annotated[bool, "Stored, without effect: an advanced signature has the time."]
    add_event_id_trace_headers: Annotated[
        bool, "Whether webhooks carry the ids of their event and delivery as headers."
    ]
    disable_endpoint: Annotated[bool, "Whether an endpoint is made inactive when a delivery to it fails for good."]
    multiple_endpoint_subscriptions: Annotated[bool, "Whether an endpoint may have several subscriptions."]
    verify_dynamic_events: Annotated[
        bool, "Whether a dynamic event whose URL is a template is refused instead of stored as failed."
    ]
    allow_unmatched_dynamic_urls: Annotated[bool, "Stored, without effect: there are no URL templates."]
    search_policy: Annotated[str, 'How far back events can be searched, such as "720h".']
    is_retention_policy_enabled: Annotated[bool, "Whether objects older than `retention_policy` are deleted."]
    retention_policy: Annotated[RetentionDocument, Example(RETENTION_POLICY)]
    ssl: SSLDocument
    ratelimit: Annotated[RateLimitDocument, Example(RATE_LIMIT)]
    strategy: Annotated[StrategyDocument, Example(STRATEGY)]
    signature: SignatureDocument
    request_id_header: RequestIDHeader
    circuit_breaker: Annotated[CircuitBreakerDocument, Example(CIRCUIT_BREAKER)]


@component("datastore.ProjectConfig")
class ConfigDocument(StoredConfig):
    """`config` of a project."""

    meta_event: Annotated[MetaEventSettings, Example(META_EVENT)]


NESTED = ("retention_policy", "ssl", "ratelimit", "strategy", "signature", "circuit_breaker")


def default_config(now: datetime) -> StoredConfig:
    """Return the configuration of a project that is created without one, `meta_event` aside."""
    return {
        "max_payload_read_size": MAX_PAYLOAD_READ_SIZE,
        "replay_attacks_prevention_enabled": False,
        "add_event_id_trace_headers": False,
        "disable_endpoint": False,
        "multiple_endpoint_subscriptions": False,
        "verify_dynamic_events": False,
        "allow_unmatched_dynamic_urls": False,
        "search_policy": "",
        "is_retention_policy_enabled": False,
        "retention_policy": {**RETENTION_POLICY},
        "ssl": {"enforce_secure_endpoints": False},
        "ratelimit": {**RATE_LIMIT},
        "strategy": {**STRATEGY},
        "signature": {
            "header": SIGNATURE_HEADER,
            "versions": [{"uid": new_ulid(), "hash": "SHA256", "encoding": "hex", "created_at": wire_time(now)}],
        },
        "request_id_header": REQUEST_ID_HEADER,
        "circuit_breaker": {**CIRCUIT_BREAKER},
    }


def created_config(sent: Mapping[str, Any] | None, now: datetime) -> StoredConfig:
    """Return the configuration of a new project: the values that were sent, over the defaults.

    Where a configuration is sent without `max_payload_read_size` it is 0, which stands for the
    instance's default when an event is taken in.
    """
    config = default_config(now)
    if sent is None:
        return config
    return merged_config(config | {"max_payload_read_size": 0}, sent, now)


def merged_config(stored: StoredConfig, sent: Mapping[str, Any], now: datetime) -> StoredConfig:
    """Return `stored` with the values that an update sends: nested objects whole, the rest key by key.

    A circuit breaker is merged with its stored values: the original stores 0 for each value that is not sent.
    A signature without a version gets the default one, as there would be nothing to sign with.
    """
    config: dict[str, Any] = {**copy.deepcopy(stored)}
    defaults: dict[str, Any] = {**default_config(now)}
    for key, value in sent.items():
        if key == "meta_event" or (key == "max_payload_read_size" and value <= 0):
            continue
        if key == "circuit_breaker":
            config[key] |= value
        elif key == "signature":
            versions = _versions(value.get("versions", []), now)
            config[key] = {"header": value["header"], "versions": versions or defaults[key]["versions"]}
        elif key in NESTED:
            config[key] = defaults[key] | value
        elif key == "request_id_header":
            config[key] = value or REQUEST_ID_HEADER
        else:
            config[key] = value
    return config  # type: ignore[return-value]  # checked by the serializer, key by key


def merged_meta_event(stored: MetaEventSettings, sent: Mapping[str, Any]) -> MetaEventSettings:
    """Return the meta event settings that replace the stored ones; an enabled one has a type and a secret.

    A secret that reads `[REDACTED]` keeps the stored one, and so does a blank one while events are
    enabled: an update of something else must not change the key that they are signed with.
    """
    meta_event: MetaEventSettings = {**META_EVENT, **sent}  # type: ignore[typeddict-item]  # sent is validated
    if meta_event["secret"] == REDACTED:
        meta_event["secret"] = stored["secret"]
    if meta_event["is_enabled"]:
        meta_event["type"] = meta_event["type"] or "http"
        meta_event["secret"] = meta_event["secret"] or stored["secret"] or random_text(25, SECRET_ALPHABET)
    return meta_event


def _versions(sent: list[dict[str, Any]], now: datetime) -> list[SignatureVersionDocument]:
    return [
        {
            "uid": version.get("uid") or new_ulid(),
            "hash": version["hash"],
            "encoding": version["encoding"],
            "created_at": wire_time(now) if version.get("created_at", "") in ("", ZERO_TIME) else version["created_at"],
        }
        for version in sent
    ]
