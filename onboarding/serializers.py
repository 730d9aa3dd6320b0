"""Define the body of a bulk onboarding in JSON. Contract: docs/contract/onboarding.md#json."""

from typing import Any

from rest_framework import serializers

from core.api.fields import Shape, Text, checked_items
from core.api.openapi import NOT_ONLY_SPACES, URL_PATTERN, describe
from onboarding.exceptions import TooManyItems
from onboarding.parsing import LONGEST, MAX_ITEMS, REQUIRED


class OnboardItems(serializers.ListSerializer[Any]):
    """At most MAX_ITEMS items, whose check stops after MOST_FAILURES failures. The view refuses an empty list."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, list):
            return super().to_internal_value(data)
        if len(data) > MAX_ITEMS:
            raise serializers.ValidationError(str(TooManyItems(most=MAX_ITEMS)), code="own_text")
        return checked_items(data, self.child)


class OnboardItem(Shape):
    """One endpoint with one subscription. Its other failures are reported by row."""

    name = Text(required=False, max_length=LONGEST["name"], help_text="The name of the endpoint.")
    url = Text(required=False, max_length=LONGEST["url"], help_text="An http or https URL.")
    event_type = Text(
        required=False,
        max_length=LONGEST["event_type"],
        help_text="The one type that is subscribed to; `*`, which is all types, where it is not sent.",
    )
    auth_username = Text(
        required=False,
        max_length=LONGEST["auth_username"],
        help_text="For basic authentication, together with `auth_password`.",
    )
    auth_password = Text(
        required=False,
        max_length=LONGEST["auth_password"],
        help_text="For basic authentication, together with `auth_username`.",
    )

    class Meta:
        list_serializer_class = OnboardItems


class BulkOnboard(Shape):
    """The body of a bulk onboarding."""

    items = OnboardItem(many=True, required=False, help_text="The endpoints to create, 1 to 1,000.")


# Their schemas

describe(OnboardItem, "models.OnboardItem", REQUIRED, name={"pattern": NOT_ONLY_SPACES}, url={"pattern": URL_PATTERN})
describe(BulkOnboard, "models.BulkOnboardRequest", ("items",), items={"minItems": 1, "maxItems": MAX_ITEMS})
