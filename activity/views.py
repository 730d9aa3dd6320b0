"""Answer the record of activity in the Convoy API. Contract: docs/contract/activity.md#operations."""

from datetime import UTC, datetime

from rest_framework.request import Request

from activity import openapi
from activity.documents import ActivityDocument, activity_document
from activity.models import Activity, ActivityQuerySet
from core.api.documents import PageOf
from core.api.pagination import JsonBytes, read_page
from core.api.parameters import texts
from core.api.windows import BadEnd, BadOrder, BadStart, Window, parse_date
from projects.convoy_view import ConvoyView

_EVER, _ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class ActivityList(ConvoyView):
    """The record of a project."""

    @openapi.list_activity
    def get(self, request: Request, projectID: str = "") -> PageOf[ActivityDocument]:  # noqa: N803
        """Answer a page of the rows that match the query, newest first."""
        rows = _matching(request, self.rows())
        page = read_page(request, rows.only("pk"), size=JsonBytes("changes"))
        return page.of(self.documents(page.read(rows)))

    def rows(self) -> ActivityQuerySet:
        """Return the rows that the caller may see."""
        return Activity.objects.for_project(self.project_id)

    def documents(self, rows: list[Activity]) -> list[ActivityDocument]:
        """Return the rows of a page as the caller sees them."""
        return [activity_document(row) for row in rows]


def _matching(request: Request, rows: ActivityQuerySet) -> ActivityQuerySet:
    """Narrow the rows to the parameters of a request's query. Raises InvalidInput.

    Without dates, all that is kept: a customer who asks who deleted an endpoint does not know the week.
    """
    query = request.query_params
    start, end = parse_date(query.get("startDate", ""), BadStart), parse_date(query.get("endDate", ""), BadEnd)
    if start and end and start > end:
        raise BadOrder
    window = Window(start or _EVER, end or _ALWAYS)
    if start:
        rows = rows.filter(pk__gte=window.first_uid)
    if end:
        rows = rows.filter(pk__lt=window.beyond_uid)
    if endpoint_ids := texts(request, "endpointId"):
        rows = rows.filter(endpoint_id__in=endpoint_ids)
    if owner_id := query.get("ownerId", "").strip():
        rows = rows.filter(owner_id=owner_id)
    if kind := query.get("actorKind", "").strip():
        rows = rows.filter(actor_kind=kind)
    return rows
