"""List the routes of Svix's API, below /api/v1, which is Convoy's too."""

from django.urls import path, re_path, register_converter

from svix_api import (
    applications,
    attempts,
    endpoint_settings,
    endpoint_stats,
    endpoints,
    event_types,
    messages,
    portal_access,
    recovery,
    tasks,
)
from svix_api.base import SvixUnknownPath

#: The beginnings of Svix's paths, but for auth/.
RESOURCES = (
    *("app", "background-task", "connector", "environment", "event-type", "health", "ingest", "message"),
    *("operational-webhook", "stats", "stream"),
)
#: The names that follow an application in Svix's paths, of operations that this server has not, too.
OF_APP = ("attempt", "autoconfig", "destination", "endpoint", "integration", "msg", "poller")


class OwnerConverter:
    """An `owner_id` in a path, which may hold slashes: it ends where one of OF_APP follows."""

    regex = rf"(?:[^/]|/(?!(?:{'|'.join(OF_APP)})(?:/|\Z)))+"

    def to_python(self, value: str) -> str:
        """Return it as it is."""
        return value

    def to_url(self, value: str) -> str:
        """Return it as it is."""
        return value


register_converter(OwnerConverter, "owner")
APP = "app/<owner:ownerID>"
ENDPOINT = f"{APP}/endpoint/<endpointID>"

urlpatterns = [
    path("app", applications.Applications.as_view()),
    path(APP, applications.ApplicationDetail.as_view()),
    path(f"{APP}/msg", messages.Messages.as_view()),
    path(f"{APP}/msg/precheck/active", messages.MessagePrecheck.as_view()),
    path(f"{APP}/msg/<eventID>", messages.MessageDetail.as_view()),
    path(f"{APP}/msg/<eventID>/content", messages.MessageContent.as_view()),
    path(f"{APP}/msg/<eventID>/endpoint", attempts.EndpointsOfMessage.as_view()),
    path(f"{APP}/msg/<eventID>/endpoint/<endpointID>/resend", attempts.Resend.as_view()),
    path(f"{APP}/msg/<eventID>/attempt/<deliveryAttemptID>", attempts.AttemptDetail.as_view()),
    path(f"{APP}/msg/<eventID>/attempt/<deliveryAttemptID>/content", attempts.AttemptContent.as_view()),
    path(f"{APP}/attempt/msg/<eventID>", attempts.AttemptsOfMessage.as_view()),
    path(f"{APP}/attempt/endpoint/<endpointID>", attempts.AttemptsOfEndpoint.as_view()),
    path(f"{ENDPOINT}/msg", attempts.MessagesOfEndpoint.as_view()),
    path(f"{ENDPOINT}/recover", recovery.Recover.as_view()),
    path(f"{ENDPOINT}/replay-missing", recovery.ReplayMissing.as_view()),
    path(f"{ENDPOINT}/bulk-replay", recovery.BulkReplay.as_view()),
    path(f"{ENDPOINT}/send-example", recovery.SendExample.as_view()),
    path("background-task", tasks.Tasks.as_view()),
    path("background-task/<taskID>", tasks.TaskDetail.as_view()),
    path(f"{APP}/endpoint", endpoints.Endpoints.as_view()),
    path(ENDPOINT, endpoints.EndpointDetail.as_view()),
    path(f"{ENDPOINT}/secret", endpoint_settings.EndpointSecret.as_view()),
    path(f"{ENDPOINT}/secret/rotate", endpoint_settings.RotateSecret.as_view()),
    path(f"{ENDPOINT}/headers", endpoint_settings.EndpointHeaders.as_view()),
    path(f"{ENDPOINT}/stats", endpoint_stats.Stats.as_view()),
    path(f"{ENDPOINT}/attempt-stats", endpoint_stats.AttemptStats.as_view()),
    path(f"{ENDPOINT}/transformation", endpoint_settings.Transformation.as_view()),
    path("event-type", event_types.EventTypes.as_view()),
    path("event-type/import/openapi", event_types.ImportOpenApi.as_view()),
    path("event-type/<path:eventTypeName>", event_types.EventTypeDetail.as_view()),
    path("auth/app-portal-access/<path:ownerID>", portal_access.AppPortalAccess.as_view()),
    path("auth/app/<path:ownerID>/expire-all", portal_access.ExpireAll.as_view()),
    path("auth/app/<path:ownerID>", portal_access.ExpireAllInQuery.as_view()),
    path("auth/logout", portal_access.Logout.as_view()),
    re_path(rf"^({'|'.join(RESOURCES)})(/|\Z)", SvixUnknownPath.as_view()),
]
