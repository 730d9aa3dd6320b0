"""The request bodies of portal links and portal sessions.

Contract: docs/contract/portal-links.md#body, docs/contract/portal-sessions.md.

Old and new clients share one body: `owner_id`, `endpoints`, or both (docs/compatibility.md).
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
    """The body that creates a portal link."""

    name = Text(allow_blank=False, help_text="The name of the link.")
    owner_id = Text(
        required=False, help_text="The customer. The link opens all of their endpoints, now and in the future."
    )
    endpoints = serializers.ListField(
        child=Text(max_length=64),
        required=False,
        max_length=MAX_ENDPOINTS,
        help_text="Ids of endpoints. With `owner_id`, those that have no owner become that customer's; without it they "
        "are the endpoints that the link opens.",
    )
    auth_type = Choice(
        list(PortalLink.AuthType.values),
        required=False,
        help_text="Empty or not sent: a new link gets static_token, an updated one keeps its own.",
    )
    can_manage_endpoint = Flag(required=False, help_text="False where it is not sent, also in an update.")

    def validate_name(self, name: str) -> str:
        """Refuse a blank name."""
        if not name.strip():
            raise serializers.ValidationError("please provide the name field")
        return name

    def validate_owner_id(self, owner_id: str) -> str:
        """Refuse an owner_id of spaces only, which is a mistake: Convoy creates a new owner for such a link."""
        if owner_id and not owner_id.strip():
            raise serializers.ValidationError("please provide the owner_id field")
        return owner_id


class UpdatePortalLinkRequest(CreatePortalLinkRequest):
    """The body that updates a portal link."""


# Nahook


class Metadata(serializers.JSONField):
    """A JSON object whose values are strings."""

    most_keys = MAX_METADATA_KEYS

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Return `data` unchanged. Raises ValidationError."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("must be an object", code=INCORRECT_TYPE)
        if len(data) > self.most_keys:
            raise serializers.ValidationError(f"must have at most {self.most_keys} keys")
        for key, value in data.items():
            if not isinstance(value, str):
                raise serializers.ValidationError(f"the value of {key!r} must be a string")
            if len(key) > MAX_METADATA_KEY or len(value) > MAX_METADATA_VALUE or "\x00" in key + value:
                raise serializers.ValidationError(f"the key or value of {key[:MAX_METADATA_KEY]!r} is not acceptable")
        return data


class CreatePortalSession(Shape):
    """The body that creates a portal session of Nahook's contract. Every member is optional."""

    role = Choice(list(ROLES), required=False, allow_blank=False, help_text="editor where it is not sent.")
    expiresInMinutes = IntegerBetween(1, 60, required=False, help_text="60 where it is not sent.")  # noqa: N815
    metadata = Metadata(required=False, help_text="Copied to every endpoint that is created in the session.")

    def to_internal_value(self, data: Any) -> Any:
        """Refuse an unknown key: a misspelt one would silently give more access than intended."""
        if isinstance(data, dict) and (unknown := data.keys() - self.fields.keys()):
            raise serializers.ValidationError({sorted(unknown)[0]: ["is not a known field"]})
        return super().to_internal_value(data)


# Svix


class AppPortalAccessIn(Shape):
    """The body that creates a session of Svix's contract."""

    application = serializers.DictField(
        required=False, help_text="Accepted and ignored: an owner_id needs no creation."
    )
    capabilities = serializers.ListField(
        child=Choice(list(SVIX), allow_blank=False),
        required=False,
        max_length=20,
        help_text="All capabilities where it is not sent.",
    )
    readOnly = Flag(  # noqa: N815 - the wire's names
        required=False, help_text="Whether the session may read only; takes precedence over `capabilities`."
    )
    featureFlags = serializers.ListField(  # noqa: N815
        child=Text(max_length=256), required=False, max_length=100, help_text="Accepted and ignored."
    )
    expiry = IntegerBetween(HOUR, WEEK, required=False, help_text="In seconds; a week where it is not sent.")
    sessionId = Text(  # noqa: N815
        required=False, max_length=256, help_text="The caller's own name for the session."
    )

    def validate_featureFlags(self, flags: list[str]) -> list[str]:  # noqa: N802
        """Refuse a flag that is not written in Svix's alphabet."""
        if not all(map(_feature_flag.fullmatch, flags)):
            raise serializers.ValidationError("a feature flag is 1 to 256 of a-z, A-Z, 0-9, '-', '_' and '.'")
        return flags


class ApplicationTokenExpireIn(Shape):
    """The body that ends the sessions of an application."""

    expiry = IntegerBetween(0, WEEK, required=False, help_text="In seconds; at once where it is not sent.")
    sessionIds = serializers.ListField(  # noqa: N815
        child=Text(max_length=256),
        required=False,
        max_length=1000,
        help_text="The `sessionId`s of the sessions that end; not sent: all of them.",
    )
