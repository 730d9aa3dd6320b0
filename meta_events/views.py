"""The meta event operations of the Convoy API. Contract: meta-events-and-onboard section 1, M1 to M3."""

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.envelope import success
from core.api.pagination import read_page
from core.api.windows import read_window
from core.exceptions import NotFound
from meta_events import openapi
from meta_events.documents import meta_event_document
from meta_events.models import MetaEvent
from meta_events.operations import NOT_FOUND, resend_meta_event
from projects.convoy_view import ConvoyView


class MetaEvents(ConvoyView):
    """The meta events of a project."""

    @openapi.list_meta_events
    def get(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Answer a page, newest first, of those of a stretch of time."""
        window = read_window(request)
        rows = MetaEvent.objects.filter(project_id=projectID, pk__gte=window.first_uid, pk__lt=window.beyond_uid)
        page = read_page(request, rows)
        content = [meta_event_document(row) for row in page.rows]
        return success("Meta events fetched successfully", {"content": content, "pagination": page.pagination})


class MetaEventDetail(ConvoyView):
    """One meta event."""

    @openapi.get_meta_event
    def get(self, request: Request, projectID: str, metaEventID: str) -> HttpResponse:  # noqa: N803
        """Answer the meta event."""
        meta_event = MetaEvent.objects.filter(project_id=projectID, pk=metaEventID).first()
        if meta_event is None:
            raise NotFound(NOT_FOUND)
        return success("Meta event fetched successfully", meta_event_document(meta_event))


class ResendMetaEvent(ConvoyView):
    """Another delivery."""

    @openapi.resend_meta_event
    def put(self, request: Request, projectID: str, metaEventID: str) -> HttpResponse:  # noqa: N803
        """Queue the meta event once more; a body is ignored."""
        meta_event = resend_meta_event(projectID, metaEventID)
        return success("Meta event processed for retry successfully", meta_event_document(meta_event))
