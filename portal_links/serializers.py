"""The bodies of requests for portal links, and for portal sessions. Contracts: portal-links section 2, portal-sessions.

One language for old and new clients: `owner_id`, `endpoints`, or both (docs/compatibility.md).
"""

import re
from typing import Any

from rest_framework import serializers

from core.api.fields import INCORRECT_TYPE, Choice, Flag, IntegerBetween, Shape, Text
from portal_links.capabilities import ROLES, SVIX
from portal_links.models import PortalLink

MAX_ENDPOINTS = 10_000
MAX_METADATA_KEYS = 10
MAX_METADATA_KEY = 128
MAX_METADATA_VALUE = 1024
HOUR = 3600
WEEK = 7 * 24 * HOUR

_feature_flag = re.compile(r"[a-zA-Z0-9\-_.]{1,256}")


class CreatePortalLinkRequest(Shape):
    """The body of a portal link's creation, and of its update."""

    name = Text(allow_blank=False)
    owner_id = Text(required=False)
    endpoints = serializers.ListField(child=Text(max_length=64), required=False, max_length=MAX_ENDPOINTS)
    auth_type = Choice(list(PortalLink.AuthType.values), required=False)
    can_manage_endpoint = Flag(required=False)

    def validate_name(self, name: str) -> str:
        """A name of spaces is none."""
        if not name.strip():
            raise serializers.ValidationError("please provide the name field")
        return name

    def validate_owner_id(self, owner_id: str) -> str:
        """An owner of spaces is a mistake: the original gives such a link an owner of its own."""
        if owner_id and not owner_id.strip():
            raise serializers.ValidationError("please provide the owner_id field")
        return owner_id


class UpdatePortalLinkRequest(CreatePortalLinkRequest):
    """The body of a portal link's update."""


# Nahook


class Metadata(serializers.JSONField):
    """A flat object of texts."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Return `data` as it is. Raises ValidationError."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("must be an object", code=INCORRECT_TYPE)
        if len(data) > MAX_METADATA_KEYS:
            raise serializers.ValidationError(f"must have at most {MAX_METADATA_KEYS} keys")
        for key, value in data.items():
            if not isinstance(value, str):
                raise serializers.ValidationError(f"the value of {key!r} must be a string")
            if len(key) > MAX_METADATA_KEY or len(value) > MAX_METADATA_VALUE or "\x00" in key + value:
                raise serializers.ValidationError(f"the key or value of {key[:MAX_METADATA_KEY]!r} is not acceptable")
        return data


class CreatePortalSession(Shape):
    """The body of a portal session's creation: all of it is optional."""

    role = Choice(list(ROLES), required=False, allow_blank=False)
    expiresInMinutes = IntegerBetween(1, 60, required=False)  # noqa: N815 - the wire's name
    metadata = Metadata(required=False)

    def to_internal_value(self, data: Any) -> Any:
        """Refuse a key that is not known: a misspelt one would silently give more than was meant."""
        if isinstance(data, dict) and (unknown := data.keys() - self.fields.keys()):
            raise serializers.ValidationError({sorted(unknown)[0]: ["is not a known field"]})
        return super().to_internal_value(data)


# Svix


class AppPortalAccessIn(Shape):
    """The body of a portal access."""

    application = serializers.DictField(required=False)
    capabilities = serializers.ListField(child=Choice(list(SVIX), allow_blank=False), required=False, max_length=20)
    readOnly = Flag(required=False)  # noqa: N815 - the wire's names
    featureFlags = serializers.ListField(child=Text(max_length=256), required=False, max_length=100)  # noqa: N815
    expiry = IntegerBetween(HOUR, WEEK, required=False)
    sessionId = Text(required=False, max_length=256)  # noqa: N815

    def validate_featureFlags(self, flags: list[str]) -> list[str]:  # noqa: N802
        """Svix's alphabet."""
        if not all(map(_feature_flag.fullmatch, flags)):
            raise serializers.ValidationError("a feature flag is 1 to 256 of a-z, A-Z, 0-9, '-', '_' and '.'")
        return flags


class ApplicationTokenExpireIn(Shape):
    """The body of the end of all tokens."""

    expiry = IntegerBetween(0, WEEK, required=False)
    sessionIds = serializers.ListField(  # noqa: N815
        child=Text(max_length=256), required=False, max_length=1000
    )
