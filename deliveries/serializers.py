"""Define the body of a request about event deliveries. Contract: docs/contract/deliveries.md#force-resend."""

from core.api.fields import Items, Shape, Text
from core.api.openapi import describe, takes_null

MOST_IDS = 10_000


class DeliveryIDs(Shape):
    """Deliveries by their ids."""

    ids = Items(
        child=Text(), required=False, max_length=MOST_IDS, help_text="The deliveries; none where it is not sent."
    )


# Their schemas

describe(DeliveryIDs, "models.IDs")
takes_null(DeliveryIDs)
