"""Define the request bodies of portal links, and the metadata in the bodies of other contracts.

Contract: docs/contract/portal-links.md#body, docs/contract/portal-sessions.md.

Old and new clients share one body: `owner_id`, `endpoints`, or both (docs/compatibility.md).
"""

from typing import Any

from rest_framework import serializers

from core.api.documents import Schema
from core.api.fields import INCORRECT_TYPE, Choice, Flag, Items, Shape, Text
from core.api.openapi import NOT_ONLY_SPACES, describe
from portal_links.models import PortalLink

MAX_ENDPOINTS = 10_000
MAX_METADATA_KEYS = 10
MAX_METADATA_KEY = 128
MAX_METADATA_VALUE = 1024


class CreatePortalLinkRequest(Shape):
    """The body that creates a portal link."""

    name = Text(allow_blank=False, help_text="The name of the link.")
    owner_id = Text(
        required=False, help_text="The customer. The link opens all of their endpoints, now and in the future."
    )
    endpoints = Items(
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
        """Refuse an owner_id of spaces only, which is a mistake; Convoy creates a new owner for such a link."""
        if owner_id and not owner_id.strip():
            raise serializers.ValidationError("please provide the owner_id field")
        return owner_id


class UpdatePortalLinkRequest(CreatePortalLinkRequest):
    """The body that updates a portal link."""


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
                raise serializers.ValidationError(f"the value of {key[:MAX_METADATA_KEY]!r} must be a string")
            if len(key) > MAX_METADATA_KEY or len(value) > MAX_METADATA_VALUE or "\x00" in key + value:
                raise serializers.ValidationError(f"the key or value of {key[:MAX_METADATA_KEY]!r} is not acceptable")
        return data

    @classmethod
    def described(cls) -> Schema:
        """Return the keywords of its schema, for describe()."""
        values = {"type": "string", "maxLength": MAX_METADATA_VALUE}
        return {"type": "object", "additionalProperties": values, "maxProperties": cls.most_keys}


class ApplicationMetadata(Metadata):
    """The metadata of an application, or of another object with as many keys."""

    most_keys = 50


# Their schemas

describe(
    CreatePortalLinkRequest,
    "datastore.CreatePortalLinkRequest",
    name={"pattern": NOT_ONLY_SPACES},
    owner_id={"pattern": r"^$|\S"},
)
describe(UpdatePortalLinkRequest, "datastore.UpdatePortalLinkRequest")
