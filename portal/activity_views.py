"""The portal API's view of the record of activity. Contract: docs/contract/activity.md#portal."""

from activity import views
from activity.documents import ActivityDocument
from activity.models import Activity, ActivityQuerySet
from activity.openapi import list_activity
from portal import activity
from portal.api import PortalView
from portal.openapi import twin

list_own_activity = twin(
    list_activity,
    "GetPortalActivity",
    "List the customer's activity",
    description="A page of who did what to the customer's endpoints, newest first. It is kept for 90 days.",
    without=["ownerId"],
)


class ActivityList(PortalView, views.ActivityList):
    """The record of what concerns the caller. An API key sees that of its whole project."""

    get = list_own_activity(views.ActivityList.get)

    def rows(self) -> ActivityQuerySet:
        """Return the rows that concern the customer."""
        return activity.visible(self.access)

    def documents(self, rows: list[Activity]) -> list[ActivityDocument]:
        """Return the rows as a customer sees them."""
        return activity.documents(self.access, rows)
