"""The bodies of portal-link requests. Contract: portal-links section 2.

One language for old and new clients: `owner_id`, `endpoints`, or both (docs/compatibility.md).
"""

from rest_framework import serializers

from convoyclone.api.fields import Choice, Flag, Shape, Text
from portal_links.models import PortalLink

MAX_ENDPOINTS = 10_000


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

    def validate_auth_type(self, auth_type: str) -> str:
        """Blank stands for "not sent"."""
        return auth_type


class UpdatePortalLinkRequest(CreatePortalLinkRequest):
    """The body of a portal link's update."""
