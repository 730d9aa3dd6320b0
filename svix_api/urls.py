"""List the routes of Svix's API, below /api/v1, which is Convoy's too."""

from django.urls import path, re_path

from svix_api import applications, portal_access
from svix_api.base import SvixUnknownPath

#: The beginnings of Svix's paths, but for auth/.
RESOURCES = (
    *("app", "background-task", "connector", "environment", "event-type", "health", "ingest", "message"),
    *("operational-webhook", "stats", "stream"),
)
APP = "app/<ownerID>"

urlpatterns = [
    path("app", applications.Applications.as_view()),
    path(APP, applications.ApplicationDetail.as_view()),
    path("auth/app-portal-access/<path:ownerID>", portal_access.AppPortalAccess.as_view()),
    path("auth/app/<path:ownerID>/expire-all", portal_access.ExpireAll.as_view()),
    path("auth/app/<path:ownerID>", portal_access.ExpireAllInQuery.as_view()),
    path("auth/logout", portal_access.Logout.as_view()),
    re_path(rf"^({'|'.join(RESOURCES)})(/|\Z)", SvixUnknownPath.as_view()),
]
