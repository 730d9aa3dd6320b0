"""List the routes of Nahook's API, below /management/v1."""

from django.urls import path, re_path

from nahook_api import portal_sessions
from nahook_api.base import NahookUnknownPath

APPLICATIONS = "/workspaces/<projectID>/applications"

urlpatterns = [
    path(f"{APPLICATIONS}/<path:ownerID>/portal", portal_sessions.NahookPortal.as_view()),
    re_path(r"^(/|\Z)", NahookUnknownPath.as_view()),
]
