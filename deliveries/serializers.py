"""The body of a request about event deliveries. Contract: docs/contract/deliveries.md#force-resend."""

from rest_framework import serializers

from core.api.fields import Shape, Text
from core.api.openapi import describe, takes_null

MOST_IDS = 10_000


class DeliveryIDs(Shape):
    """Deliveries by their ids."""

    ids = serializers.ListField(
        child=Text(), required=False, max_length=MOST_IDS, help_text="The deliveries; none where it is not sent."
    )


# Their schemas

describe(DeliveryIDs, "models.IDs")
takes_null(DeliveryIDs)
