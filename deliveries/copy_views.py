"""Answer the operation that makes a copy of a delivery. Contract: docs/contract/deliveries.md#copies."""

from rest_framework.request import Request

from deliveries import openapi
from deliveries.copies import CopyDocument, make_copy
from deliveries.views import DeliveryView


class CopyEventDelivery(DeliveryView):
    """A copy of a delivery's request."""

    @openapi.make_copy
    def post(self, request: Request, eventDeliveryID: str, **_: str) -> CopyDocument:  # noqa: N803
        """Answer the request, signed now."""
        return make_copy(self.project_id, eventDeliveryID, is_masked=self.is_masked, scope=self.scope)
