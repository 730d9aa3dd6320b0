"""The shapes of projects and keys. Contract: projects sections 2 and 3."""

import re
from datetime import datetime
from typing import Any

from rest_framework import serializers

from core.addresses import SCHEMES, is_loopback, is_public_url, split_url
from core.api.fields import INCORRECT_TYPE, INT32_MAX, Choice, Flag, Integer, IntegerBetween, Shape, Text
from core.api.values import REDACTED, parse_go_duration, wire_time
from core.header_names import TOKEN_CHARACTER, is_header_name, is_taken
from outbound import signatures
from projects.config import RETENTION_POLICY
from projects.models import APIKey, Project

HASHES = list(signatures.HASHES)
#: Each version is computed with each secret of the endpoint, over the whole payload.
MOST_SIGNATURES = 4
SHORTEST_RETENTION_SECONDS = 3600
LONGEST_RETENTION_SECONDS = 87_600 * 3600
_rfc3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
_token = re.compile(f"{TOKEN_CHARACTER}*")


def _own_text(message: str) -> serializers.ValidationError:
    """A failure whose text is answered as it is, in both families of body errors."""
    return serializers.ValidationError(message, code="own_text")


def _meta_event_url_problem(url: str) -> str:
    """Why meta events cannot be sent to `url`; empty where they can."""
    if not url.strip():
        return "please provide the endpoint url"
    try:
        parts = split_url(url)
    except ValueError as error:
        return str(error)
    if parts.scheme not in SCHEMES:
        return "invalid endpoint scheme"
    if not parts.hostname:
        return "endpoint url must include a valid host"
    if is_loopback(parts.hostname):
        return "endpoint url must not point to localhost or loopback addresses"
    return "" if is_public_url(url) else "endpoint url must not point to private or reserved IP addresses"


class SSLConfiguration(Shape):
    """`config.ssl`."""

    enforce_secure_endpoints = Flag(required=False)


class RateLimitConfiguration(Shape):
    """`config.ratelimit`: requests in so many seconds."""

    count = Integer(required=False)
    duration = Integer(required=False)


class StrategyConfiguration(Shape):
    """`config.strategy`: how deliveries are tried again."""

    type = Choice(["linear", "exponential"], required=False, allow_blank=False)
    duration = Integer(required=False)
    retry_count = Integer(required=False)


class SignatureVersion(Shape):
    """One hash and encoding that deliveries are signed with."""

    uid = Text(required=False, max_length=26)
    hash = Choice(HASHES, allow_blank=False)
    encoding = Choice(["hex", "base64"], allow_blank=False)
    created_at = Text(required=False, max_length=40)

    def validate_created_at(self, text: str) -> str:
        """A time as RFC 3339 writes it, or nothing."""
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
    versions = SignatureVersion(many=True, required=False, max_length=MOST_SIGNATURES)  # type: ignore[call-arg]

    def validate_header(self, header: str) -> str:
        """The header's name must be one that HTTP can carry, and not one that a webhook has anyway."""
        if not is_header_name(header) or is_taken(header):
            raise serializers.ValidationError("please provide a valid signature header")
        return header


class MetaEventConfiguration(Shape):
    """`config.meta_event`."""

    is_enabled = Flag(required=False)
    type = Choice(["http", "pub_sub"], required=False)
    event_type = serializers.ListField(child=Text(), required=False, max_length=100)
    url = Text(required=False, max_length=2048)
    secret = Text(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """An enabled one needs somewhere to go, by HTTP. Contract: meta-events-and-onboard section 2.1."""
        if attrs.get("is_enabled"):
            if attrs.get("type", "") not in ("", "http"):
                raise serializers.ValidationError("only http is supported")
            if problem := _meta_event_url_problem(attrs.get("url", "")):
                raise _own_text(problem)
        return attrs


class CircuitBreakerConfiguration(Shape):
    """`config.circuit_breaker`."""

    # The ranges are those of the contract, deliveries section 7.
    sample_rate = IntegerBetween(1, 3600, required=False)
    error_timeout = IntegerBetween(1, 86_400, required=False)
    failure_threshold = IntegerBetween(1, 100, required=False)
    success_threshold = IntegerBetween(1, 100, required=False)
    minimum_request_count = IntegerBetween(1, INT32_MAX, required=False)
    observability_window = IntegerBetween(1, 60, required=False)
    consecutive_failure_threshold = IntegerBetween(1, INT32_MAX, required=False)


class RetentionPolicyConfiguration(Shape):
    """`config.retention_policy`: how long what has ended is kept, as old versions of Convoy wrote it."""

    policy = Text(required=False, max_length=64)

    def validate_policy(self, policy: str) -> str:
        """A Go duration between an hour and ten years; nothing stands for the default."""
        if not policy:
            return RETENTION_POLICY["policy"]
        try:
            seconds = parse_go_duration(policy)
        except ValueError as error:
            raise _own_text(str(error)) from None
        if not SHORTEST_RETENTION_SECONDS <= seconds <= LONGEST_RETENTION_SECONDS:
            raise _own_text("retention_policy.policy must be between 1h and 87600h")
        return policy


class ProjectConfig(Shape):
    """`config` of a project."""

    max_payload_read_size = Integer(required=False)
    replay_attacks_prevention_enabled = Flag(required=False)
    add_event_id_trace_headers = Flag(required=False)
    disable_endpoint = Flag(required=False)
    multiple_endpoint_subscriptions = Flag(required=False)
    verify_dynamic_events = Flag(required=False)
    allow_unmatched_dynamic_urls = Flag(required=False)
    search_policy = Text(required=False, max_length=64)
    is_retention_policy_enabled = Flag(required=False)
    retention_policy = RetentionPolicyConfiguration(required=False)
    ssl = SSLConfiguration(required=False)
    ratelimit = RateLimitConfiguration(required=False)
    strategy = StrategyConfiguration(required=False)
    signature = SignatureConfiguration(required=False)
    request_id_header = Text(required=False)
    meta_event = MetaEventConfiguration(required=False)
    circuit_breaker = CircuitBreakerConfiguration(required=False)

    def to_internal_value(self, data: Any) -> Any:
        """Name the successor of a key that is gone."""
        if isinstance(data, dict) and "sync_dynamic_event_ack" in data:
            raise _own_text("sync_dynamic_event_ack has been renamed to verify_dynamic_events")
        return super().to_internal_value(data)

    def validate_search_policy(self, policy: str) -> str:
        """A Go duration, or nothing."""
        try:
            if policy:
                parse_go_duration(policy)
        except ValueError as error:
            raise _own_text(str(error)) from None
        return policy

    def validate_request_id_header(self, header: str) -> str:
        """The header's name must be one that HTTP can carry, and not one that a webhook has anyway."""
        valid = _token.match(header)
        if valid and valid.end() < len(header):
            raise _own_text(
                f"request_id_header must be a valid HTTP header token: invalid character at position {valid.end()}"
            )
        if is_taken(header):
            raise _own_text(f"request_id_header must not be {header}: each webhook has that header already")
        return header


class UpdateProject(Shape):
    """The body of a project update."""

    name = Text(allow_blank=False)
    logo_url = Text(required=False, max_length=2048)
    config = ProjectConfig(required=False)

    def validate_name(self, name: str) -> str:
        """A name of spaces is none."""
        if not name.strip():
            raise serializers.ValidationError("please provide a valid name")
        return name

    def validate_logo_url(self, url: str) -> str:
        """A picture that a page may show."""
        try:
            valid = not url or (split_url(url).scheme in SCHEMES and split_url(url).hostname)
        except ValueError:
            valid = False
        if not valid:
            raise serializers.ValidationError("please provide a valid logo url")
        return url


class CreateProject(UpdateProject):
    """The body of a project creation."""

    type = Choice(list(Project.Type.values), allow_blank=False)


def project_document(project: Project, *, reveal: bool) -> dict[str, Any]:
    """A project as the API shows it; without `reveal` the meta events' secret is masked."""
    config = project.full_config
    if not reveal and config["meta_event"]["secret"]:
        config["meta_event"] = config["meta_event"] | {"secret": REDACTED}
    return {
        "uid": project.uid,
        "name": project.name,
        "logo_url": project.logo_url,
        "organisation_id": project.organisation_id,
        "type": project.type,
        "config": config,
        "statistics": None,
        "retained_events": 0,
        "created_at": wire_time(project.created_at),
        "updated_at": wire_time(project.updated_at),
        "deleted_at": None,
    }


def created_key_document(api_key: APIKey, key: str) -> dict[str, Any]:
    """A project's default key in the one answer that holds the key itself. Contract: projects 3.2."""
    return {
        "name": api_key.name,
        "role": {"type": api_key.role, "project": api_key.project_id},
        "key_type": "",
        "expires_at": None if api_key.expires_at is None else wire_time(api_key.expires_at),
        "key": key,
        "uid": api_key.uid,
        "created_at": wire_time(api_key.created_at),
    }
