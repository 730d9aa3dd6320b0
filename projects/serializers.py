"""Define the bodies of project requests. Contract: docs/contract/projects.md#body, docs/contract/projects.md#object."""

import re
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.addresses import SCHEMES, is_loopback, is_public_url, split_url
from core.api.documents import Schema, schema_of
from core.api.fields import INCORRECT_TYPE, INT32_MAX, Choice, Flag, Integer, IntegerBetween, Items, Secret, Shape, Text
from core.api.openapi import NOT_ONLY_SPACES, URL_OR_EMPTY_PATTERN, describe
from core.api.values import parse_go_duration
from core.exceptions import InvalidInput
from core.header_names import TOKEN_CHARACTER, is_header_name, is_taken
from outbound.retries import STRATEGIES
from outbound.signatures import ENCODINGS, HASHES
from outbound.urls import check_sendable, parse_target
from projects.config import (
    META_EVENT_TYPES,
    RETENTION_POLICY,
    CircuitBreakerDocument,
    ConfigDocument,
    MetaEventSettings,
    RequestIDHeader,
    SignatureHeader,
    SignatureVersionDocument,
    SSLDocument,
    StrategyDocument,
)
from projects.exceptions import (
    KeyRenamed,
    MetaEventUrlLoopback,
    MetaEventUrlPrivate,
    RequestIDHeaderInvalid,
    RequestIDHeaderTaken,
    RetentionOutOfRange,
)
from projects.models import Project

#: The most versions of a signature: each is computed with each secret of the endpoint, over the whole payload.
MOST_SIGNATURES = 4
SHORTEST_RETENTION_SECONDS = 3600
LONGEST_RETENTION_SECONDS = 87_600 * 3600
_rfc3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
_token = re.compile(f"{TOKEN_CHARACTER}*")


def _own_text(refusal: InvalidInput) -> serializers.ValidationError:
    """Return a failure whose text is answered as it is, in both families of body errors."""
    return serializers.ValidationError(refusal.message, code="own_text")


def _check_meta_event_url(url: str) -> None:
    """Raise InvalidInput where meta events cannot be sent to `url`."""
    host = parse_target(url).hostname
    if host and is_loopback(host):
        raise MetaEventUrlLoopback
    if not is_public_url(url):
        raise MetaEventUrlPrivate
    check_sendable(url)


def _checked_duration(duration: str) -> float:
    """Return the seconds of a Go duration. Raises ValidationError."""
    try:
        return parse_go_duration(duration)
    except ValueError as error:
        raise _own_text(InvalidInput(str(error))) from None


class SSLConfiguration(Shape):
    """`config.ssl`."""

    document = SSLDocument

    enforce_secure_endpoints = Flag(required=False)


class RateLimitConfiguration(Shape):
    """`config.ratelimit`: `count` requests in `duration` seconds."""

    count = Integer(required=False, help_text="Requests in `duration`. Stored, without effect.")
    duration = Integer(required=False, help_text="In seconds. Stored, without effect.")


class StrategyConfiguration(Shape):
    """`config.strategy`: the pauses between the attempts of a delivery."""

    document = StrategyDocument

    type = Choice(
        list(STRATEGIES),
        required=False,
        allow_blank=False,
    )
    duration = Integer(required=False)
    retry_count = Integer(required=False)


class SignatureVersion(Shape):
    """A hash and an encoding that deliveries are signed with."""

    document = SignatureVersionDocument

    uid = Text(required=False, max_length=26, help_text="Generated where it is not sent.")
    hash = Choice(list(HASHES), allow_blank=False)
    encoding = Choice(list(ENCODINGS), allow_blank=False, help_text="How the signature is written in the header.")
    created_at = Text(required=False, max_length=40, help_text="Now, where it is not sent.")

    def validate_created_at(self, text: str) -> str:
        """Accept a time of RFC 3339, or an empty text."""
        try:
            valid = not text or bool(_rfc3339.fullmatch(text) and datetime.fromisoformat(text))
        except ValueError:
            valid = False
        if not valid:
            raise serializers.ValidationError("incorrect type", code=INCORRECT_TYPE)
        return text


class SignatureConfiguration(Shape):
    """`config.signature`."""

    header = Text(allow_blank=False)
    versions = SignatureVersion(
        many=True,
        required=False,
        max_length=MOST_SIGNATURES,
        help_text="The signatures that each webhook carries. Empty: one of SHA256 in hex.",
    )  # type: ignore[call-arg]

    def validate_header(self, header: str) -> str:
        """Refuse a name that HTTP cannot carry, and one that every webhook has already."""
        if not is_header_name(header) or is_taken(header):
            raise serializers.ValidationError("please provide a valid signature header")
        return header


class MetaEventConfiguration(Shape):
    """`config.meta_event`."""

    document = MetaEventSettings

    is_enabled = Flag(required=False)
    type = Choice(META_EVENT_TYPES, required=False, help_text="How they are sent. Only `http` can be enabled.")
    event_type = Items(
        child=Text(), required=False, max_length=100, help_text="The types of meta events that are sent."
    )
    url = Text(
        required=False,
        max_length=2048,
        help_text="An http or https URL with a public host; required where `is_enabled` is true.",
    )
    secret = Secret(required=False, help_text="Generated where it is not sent and `is_enabled` is true.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require an HTTP target of enabled meta events. Contract: docs/contract/meta-events.md#configuration."""
        if attrs.get("is_enabled"):
            if attrs.get("type", "") not in ("", "http"):
                raise serializers.ValidationError("only http is supported")
            try:
                _check_meta_event_url(attrs.get("url", ""))
            except InvalidInput as refusal:
                raise _own_text(refusal) from None
        return attrs


class CircuitBreakerConfiguration(Shape):
    """`config.circuit_breaker`."""

    document = CircuitBreakerDocument

    # The ranges are those of docs/contract/projects.md#config-validation.
    sample_rate = IntegerBetween(1, 3600, required=False, help_text="Seconds. Stored; the window must be longer.")
    error_timeout = IntegerBetween(
        1, 86_400, required=False, help_text="Seconds for which an open circuit breaker sends nothing to the endpoint."
    )
    failure_threshold = IntegerBetween(1, 100, required=False)
    success_threshold = IntegerBetween(1, 100, required=False)
    minimum_request_count = IntegerBetween(1, INT32_MAX, required=False)
    observability_window = IntegerBetween(1, 60, required=False, help_text="Minutes before now whose attempts count.")
    consecutive_failure_threshold = IntegerBetween(1, INT32_MAX, required=False)


class RetentionPolicyConfiguration(Shape):
    """`config.retention_policy`: how long events and settled deliveries are kept, in the form of old versions."""

    policy = Text(required=False, max_length=64)

    def validate_policy(self, policy: str) -> str:
        """Accept a Go duration between an hour and ten years; an empty text stands for the default."""
        if not policy:
            return RETENTION_POLICY["policy"]
        if not SHORTEST_RETENTION_SECONDS <= _checked_duration(policy) <= LONGEST_RETENTION_SECONDS:
            raise _own_text(RetentionOutOfRange())
        return policy


class ProjectConfig(Shape):
    """`config` of a project."""

    document = ConfigDocument

    max_payload_read_size = Integer(
        required=False, help_text="In bytes. Stored; an update changes it only to more than 0."
    )
    replay_attacks_prevention_enabled = Flag(required=False)
    add_event_id_trace_headers = Flag(required=False)
    disable_endpoint = Flag(required=False)
    multiple_endpoint_subscriptions = Flag(required=False)
    verify_dynamic_events = Flag(
        required=False,
    )
    allow_unmatched_dynamic_urls = Flag(required=False)
    search_policy = Text(required=False, max_length=64, help_text='A Go duration such as "720h", or empty.')
    is_retention_policy_enabled = Flag(required=False)
    retention_policy = RetentionPolicyConfiguration(required=False, help_text="How long objects are kept.")
    ssl = SSLConfiguration(required=False)
    ratelimit = RateLimitConfiguration(required=False)
    strategy = StrategyConfiguration(required=False)
    signature = SignatureConfiguration(required=False)
    request_id_header = Text(required=False)
    meta_event = MetaEventConfiguration(required=False)
    circuit_breaker = CircuitBreakerConfiguration(required=False)

    def to_internal_value(self, data: Any) -> Any:
        """Refuse a key of an old version with the name of its successor."""
        if isinstance(data, dict) and "sync_dynamic_event_ack" in data:
            raise _own_text(KeyRenamed())
        return super().to_internal_value(data)

    def validate_search_policy(self, policy: str) -> str:
        """Accept a Go duration, or an empty text."""
        if policy:
            _checked_duration(policy)
        return policy

    def validate_request_id_header(self, header: str) -> str:
        """Refuse a name that HTTP cannot carry, and one that every webhook has already."""
        valid = _token.match(header)
        if valid and valid.end() < len(header):
            raise _own_text(RequestIDHeaderInvalid(position=valid.end()))
        if is_taken(header):
            raise _own_text(RequestIDHeaderTaken(header=header))
        return header


class UpdateProject(Shape):
    """The body of a project update."""

    name = Text(allow_blank=False, help_text="Not the name of another project.")
    logo_url = Text(
        required=False, max_length=2048, help_text="An http or https URL of an image, which the portal shows; or empty."
    )
    config = ProjectConfig(required=False)

    def validate_name(self, name: str) -> str:
        """Refuse a name of nothing but spaces."""
        if not name.strip():
            raise serializers.ValidationError("please provide a valid name")
        return name

    def validate_logo_url(self, url: str) -> str:
        """Accept an http or https URL with a host, or an empty text."""
        try:
            valid = not url or (split_url(url).scheme in SCHEMES and split_url(url).hostname)
        except ValueError:
            valid = False
        if not valid:
            raise serializers.ValidationError("please provide a valid logo url")
        return url


class CreateProject(UpdateProject):
    """The body of a project creation."""

    type = Choice(list(Project.Type.values), allow_blank=False, help_text="It cannot be changed later.")


# Their schemas

_GO_DURATION = r"([+-]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+))?"

describe(SignatureConfiguration, "models.SignatureConfiguration", header=schema_of(SignatureHeader))
describe(CircuitBreakerConfiguration, "datastore.CircuitBreakerConfiguration")
_RETENTION: Schema = {
    "type": "string",
    "nullable": True,
    "description": "A Go duration from 1h to 87600h; an empty text stands for 720h.",
    "pattern": "^([1-9][0-9]{0,3}h)?$",
}
extend_schema_field({"type": "object", "properties": {"policy": _RETENTION}})(RetentionPolicyConfiguration)
describe(
    ProjectConfig,
    "models.ProjectConfig",
    search_policy={"pattern": f"^{_GO_DURATION}$"},
    request_id_header=schema_of(RequestIDHeader),
)
describe(
    UpdateProject,
    "models.UpdateProject",
    name={"pattern": NOT_ONLY_SPACES},
    logo_url={"pattern": URL_OR_EMPTY_PATTERN},
)
