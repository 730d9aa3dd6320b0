"""List the routes of Nahook's calls that send, below /api/ingest."""

from django.urls import path, re_path

from nahook_api import ingest
from nahook_api.base import IngestUnknownPath

urlpatterns = [
    path("/batch", ingest.SendMany.as_view()),
    path("/event/batch", ingest.TriggerMany.as_view()),
    path("/event/<path:eventType>", ingest.TriggerEvent.as_view()),
    path("/<endpointID>", ingest.SendToEndpoint.as_view()),
    re_path(r"^(/|\Z)", IngestUnknownPath.as_view()),
]
