"""List the routes of Nahook's API, below /management/v1."""

from django.urls import include, path, re_path

from nahook_api import applications, deliveries, endpoints, environments, event_types, portal_sessions, subscriptions
from nahook_api.base import NahookUnknownPath

_APPLICATION = "applications/<path:ownerID>"
_ENDPOINT = "endpoints/<endpointID>"
_ENVIRONMENT = "environments/<environmentID>"
_DELIVERY = "deliveries/<eventDeliveryID>"

_WORKSPACE = [
    path("applications", applications.Applications.as_view()),
    # The id of an application may hold a slash, so that what follows it comes first.
    path(f"{_APPLICATION}/portal", portal_sessions.NahookPortal.as_view()),
    path(f"{_APPLICATION}/endpoints", endpoints.ApplicationEndpoints.as_view()),
    path(_APPLICATION, applications.ApplicationDetail.as_view()),
    path("endpoints", endpoints.Endpoints.as_view()),
    path(_ENDPOINT, endpoints.EndpointDetail.as_view()),
    path(f"{_ENDPOINT}/subscriptions", subscriptions.Subscriptions.as_view()),
    path(f"{_ENDPOINT}/subscriptions/<path:eventTypeId>", subscriptions.SubscriptionDetail.as_view()),
    path(f"{_ENDPOINT}/deliveries", deliveries.Deliveries.as_view()),
    path("event-types", event_types.EventTypes.as_view()),
    path("event-types/<path:eventTypeId>", event_types.EventTypeDetail.as_view()),
    path("environments", environments.Environments.as_view()),
    path(_ENVIRONMENT, environments.EnvironmentDetail.as_view()),
    path(f"{_ENVIRONMENT}/event-types", environments.Visibilities.as_view()),
    path(f"{_ENVIRONMENT}/event-types/<path:eventTypeId>/visibility", environments.Visibility.as_view()),
    path(_DELIVERY, deliveries.DeliveryDetail.as_view()),
    path(f"{_DELIVERY}/attempts", deliveries.DeliveryAttempts.as_view()),
]

urlpatterns = [
    path("/workspaces/<projectID>/", include(_WORKSPACE)),
    re_path(r"^(/|\Z)", NahookUnknownPath.as_view()),
]
