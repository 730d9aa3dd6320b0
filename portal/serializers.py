"""Define the bodies of the portal API that have fields of their own. Contract: docs/contract/portal-sessions.md."""

from core.api.fields import Items, Shape, Text
from endpoints.serializers import CreateEndpoint
from subscriptions.serializers import MOST_EVENT_TYPES


class ChosenEventTypes(Shape):
    """The field by which an endpoint's creation subscribes it."""

    event_types = Items(
        child=Text(allow_blank=False),
        required=False,
        max_length=MOST_EVENT_TYPES,
        allow_empty=False,
        help_text='Subscribes the new endpoint to these event types, `["*"]` to all, in the same transaction. '
        "Not sent: it is not subscribed.",
    )


class CreatePortalEndpoint(ChosenEventTypes, CreateEndpoint):
    """The body of an endpoint's creation by a customer."""
