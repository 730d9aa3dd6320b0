"""Answer the meta event operations of the Convoy API. Contract: docs/contract/meta-events.md#operations."""

from rest_framework.request import Request

from core.api.documents import PageOf
from core.api.pagination import Bytes, JsonBytes, read_page
from core.api.windows import read_window
from meta_events import openapi, operations
from meta_events.documents import MetaEventDocument, meta_event_document
from meta_events.exceptions import MetaEventNotFound
from meta_events.models import MetaEvent
from projects.convoy_view import ConvoyView


class MetaEvents(ConvoyView):
    """The meta events of a project."""

    @openapi.list_meta_events
    def get(self, request: Request, projectID: str) -> PageOf[MetaEventDocument]:  # noqa: N803
        """Answer a page of the meta events between two times, newest first."""
        window = read_window(request)
        rows = MetaEvent.objects.filter(project_id=projectID, pk__gte=window.first_uid, pk__lt=window.beyond_uid)
        page = read_page(request, rows.only("pk"), size=Bytes("body") + JsonBytes("attempt"))
        return page.of([meta_event_document(row) for row in page.read(MetaEvent.objects.all())])


class MetaEventDetail(ConvoyView):
    """One meta event."""

    @openapi.get_meta_event
    def get(self, request: Request, projectID: str, metaEventID: str) -> MetaEventDocument:  # noqa: N803
        """Answer the meta event."""
        meta_event = MetaEvent.objects.filter(project_id=projectID, pk=metaEventID).first()
        if meta_event is None:
            raise MetaEventNotFound
        return meta_event_document(meta_event)


class ResendMetaEvent(ConvoyView):
    """Another delivery of a meta event."""

    @openapi.resend_meta_event
    def put(self, request: Request, projectID: str, metaEventID: str) -> MetaEventDocument:  # noqa: N803
        """Queue the meta event again; a body is ignored."""
        return meta_event_document(operations.resend_meta_event(projectID, metaEventID))
