"""List every route of the server."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerView

from activity import views as activity
from convoyclone.health import health, metrics, ready
from convoyclone.schema import schema
from convoyclone.welcome import readme, welcome
from core.api import errors
from deliveries import copy_views as delivery_copies
from deliveries import link_views as delivery_links
from deliveries import views as deliveries
from endpoints import views as endpoints
from endpoints.operations import reactivate_endpoints
from events import views as events
from jobs import views as jobs
from meta_events import views as meta_events
from nahook_api.base import NahookView
from onboarding import views as onboarding
from portal import activity_views as portal_activity
from portal import api as portal_api
from portal import delivery_views as portal_deliveries
from portal import event_views as portal_events
from portal import job_views as portal_jobs
from portal import subscription_views as portal_subscriptions
from portal.embed import embed_script
from portal.pages.opening import portal
from portal.pages.shell import unavailable
from portal_links import feather, scope_views
from portal_links import session_views as sessions
from portal_links import views as portal_links
from projects import views as projects
from projects.convoy_view import UnknownPath
from subscriptions import views as subscriptions
from svix_api.base import SvixView
from svix_api.urls import RESOURCES

PROJECT = "api/v1/projects/<projectID>"
ENDPOINT = f"{PROJECT}/endpoints/<endpointID>"
EVENT_TYPE = f"{PROJECT}/event-types/<eventTypeId>"
SUBSCRIPTION = f"{PROJECT}/subscriptions/<subscriptionID>"
PORTAL_SUBSCRIPTION = "portal-api/subscriptions/<subscriptionID>"
DELIVERY = f"{PROJECT}/eventdeliveries/<eventDeliveryID>"
PORTAL_ENDPOINT = "portal-api/endpoints/<endpointID>"
META_EVENT = f"{PROJECT}/meta-events/<metaEventID>"
PORTAL_DELIVERY = "portal-api/eventdeliveries/<eventDeliveryID>"
JOB = f"{PROJECT}/jobs/<jobID>"
PORTAL_JOB = "portal-api/jobs/<jobID>"
PORTAL_LINK = f"{PROJECT}/portal-links/<portalLinkID>"

urlpatterns = [
    path("healthz", health),
    path("readyz", ready),
    path("metrics", metrics),
    # Pages of the demo, which production does not have
    path("", welcome),
    path("README.md", readme, name="readme"),
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    # The customers' pages, which are an empty frame without a credential (portal/pages/shell.py).
    path("portal", portal, name="portal"),
    path("portal/embed.js", embed_script, name="portal-embed"),
    path("portal/<projectID>/", include("portal.pages.urls")),
    # The documentation
    path("api/schema", schema, name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("api/docs/", RedirectView.as_view(pattern_name="docs")),
    re_path(r"^docs/?\Z", RedirectView.as_view(pattern_name="docs")),
    # The Convoy API. A collection answers with and without a slash at its end, a single object only without.
    re_path(r"^api/v1/projects/?\Z", projects.Projects.as_view()),
    path(PROJECT, projects.ProjectDetail.as_view(reactivate_endpoints=reactivate_endpoints)),
    path(f"{PROJECT}/endpoints", endpoints.Endpoints.as_view()),
    path(f"{PROJECT}/endpoints/", endpoints.Endpoints.as_view()),
    path(f"{PROJECT}/endpoints/period-failure-rates", deliveries.PeriodFailureRates.as_view()),
    path(f"{PROJECT}/endpoints/oauth2/test", endpoints.OAuth2Test.as_view()),
    path(ENDPOINT, endpoints.EndpointDetail.as_view()),
    path(f"{ENDPOINT}/pause", endpoints.PauseEndpoint.as_view()),
    path(f"{ENDPOINT}/activate", endpoints.ActivateEndpoint.as_view()),
    path(f"{ENDPOINT}/expire_secret", endpoints.ExpireEndpointSecret.as_view()),
    path(f"{ENDPOINT}/test", events.TestEvents.as_view()),
    path(f"{PROJECT}/event-types", subscriptions.EventTypes.as_view()),
    path(f"{PROJECT}/event-types/", subscriptions.EventTypes.as_view()),
    path(f"{PROJECT}/event-types/import", subscriptions.ImportEventTypes.as_view()),
    path(f"{PROJECT}/event-types/import/jobs", subscriptions.ImportJobs.as_view()),
    path(EVENT_TYPE, subscriptions.EventTypeDetail.as_view()),
    path(f"{EVENT_TYPE}/deprecate", subscriptions.DeprecateEventType.as_view()),
    path(f"{PROJECT}/subscriptions", subscriptions.Subscriptions.as_view()),
    path(f"{PROJECT}/subscriptions/", subscriptions.Subscriptions.as_view()),
    path(f"{PROJECT}/subscriptions/test_filter", subscriptions.TestSubscriptionFilter.as_view()),
    path(f"{PROJECT}/subscriptions/test_function", subscriptions.TestSubscriptionFunction.as_view()),
    path(SUBSCRIPTION, subscriptions.SubscriptionDetail.as_view()),
    path(f"{SUBSCRIPTION}/toggle_status", subscriptions.ToggleSubscriptionStatus.as_view()),
    path(f"{SUBSCRIPTION}/filters", subscriptions.Filters.as_view()),
    path(f"{SUBSCRIPTION}/filters/", subscriptions.Filters.as_view()),
    path(f"{SUBSCRIPTION}/filters/bulk", subscriptions.BulkCreateFilters.as_view()),
    path(f"{SUBSCRIPTION}/filters/bulk_update", subscriptions.BulkUpdateFilters.as_view()),
    path(f"{SUBSCRIPTION}/filters/test/<path:eventType>", subscriptions.TestEventAgainstFilters.as_view()),
    path(f"{SUBSCRIPTION}/filters/<filterID>", subscriptions.FilterDetail.as_view()),
    path(f"{PROJECT}/events", events.Events.as_view()),
    path(f"{PROJECT}/events/", events.Events.as_view()),
    path(f"{PROJECT}/events/fanout", events.FanoutEvents.as_view()),
    path(f"{PROJECT}/events/broadcast", events.BroadcastEvents.as_view()),
    path(f"{PROJECT}/events/dynamic", events.DynamicEvents.as_view()),
    path(f"{PROJECT}/events/batchreplay", events.BatchReplay.as_view()),
    path(f"{PROJECT}/events/batchreplay/jobs", events.BatchReplayJobs.as_view()),
    path(f"{PROJECT}/events/countbatchreplayevents", events.CountBatchReplay.as_view()),
    path(f"{PROJECT}/events/<eventID>", events.EventDetail.as_view()),
    path(f"{PROJECT}/events/<eventID>/replay", events.ReplayEvent.as_view()),
    path(f"{PROJECT}/eventdeliveries", deliveries.EventDeliveries.as_view()),
    path(f"{PROJECT}/eventdeliveries/", deliveries.EventDeliveries.as_view()),
    path(f"{PROJECT}/eventdeliveries/forceresend", deliveries.ForceResendEventDeliveries.as_view()),
    path(f"{PROJECT}/eventdeliveries/batchretry", deliveries.BatchRetryEventDeliveries.as_view()),
    path(DELIVERY, deliveries.EventDelivery.as_view()),
    path(f"{DELIVERY}/resend", deliveries.ResendEventDelivery.as_view()),
    path(f"{DELIVERY}/copy", delivery_copies.CopyEventDelivery.as_view()),
    path(f"{DELIVERY}/links", delivery_links.DeliveryLinks.as_view()),
    path(f"{DELIVERY}/links/<linkID>/revoke", delivery_links.RevokeDeliveryLink.as_view()),
    path(f"{DELIVERY}/deliveryattempts", deliveries.DeliveryAttempts.as_view()),
    path(f"{DELIVERY}/deliveryattempts/", deliveries.DeliveryAttempts.as_view()),
    path(f"{DELIVERY}/deliveryattempts/<deliveryAttemptID>", deliveries.DeliveryAttempt.as_view()),
    path(f"{PROJECT}/portal-links", portal_links.PortalLinks.as_view()),
    path(f"{PROJECT}/portal-links/", portal_links.PortalLinks.as_view()),
    path(PORTAL_LINK, portal_links.PortalLinkDetail.as_view()),
    path(f"{PORTAL_LINK}/revoke", portal_links.RevokePortalLink.as_view()),
    path(f"{PORTAL_LINK}/refresh_token", portal_links.RefreshPortalLinkToken.as_view()),
    path(f"{PORTAL_LINK}/scope", scope_views.PortalLinkScope.as_view()),
    path(f"{PROJECT}/portal-sessions", sessions.PortalSessions.as_view()),
    path(f"{PROJECT}/portal-sessions/", sessions.PortalSessions.as_view()),
    path(f"{PROJECT}/portal-sessions/<sessionID>/revoke", sessions.RevokePortalSession.as_view()),
    path(f"{PROJECT}/portal-sessions/<sessionID>/scope", scope_views.PortalSessionScope.as_view()),
    path(f"{PROJECT}/activity", activity.ActivityList.as_view()),
    path(f"{PROJECT}/activity/", activity.ActivityList.as_view()),
    path(f"{PROJECT}/jobs", jobs.Jobs.as_view()),
    path(f"{PROJECT}/jobs/", jobs.Jobs.as_view()),
    path(JOB, jobs.JobDetail.as_view()),
    path(f"{JOB}/pause", jobs.PauseJob.as_view()),
    path(f"{JOB}/resume", jobs.ResumeJob.as_view()),
    path(f"{JOB}/cancel", jobs.CancelJob.as_view()),
    path(f"{PROJECT}/onboard", onboarding.Onboard.as_view()),
    path(f"{PROJECT}/onboard/batches", onboarding.OnboardBatches.as_view()),
    path(f"{PROJECT}/onboard/batches/<batchID>", onboarding.OnboardBatchDetail.as_view()),
    path(f"{PROJECT}/meta-events", meta_events.MetaEvents.as_view()),
    path(f"{PROJECT}/meta-events/", meta_events.MetaEvents.as_view()),
    path(META_EVENT, meta_events.MetaEventDetail.as_view()),
    path(f"{META_EVENT}/resend", meta_events.ResendMetaEvent.as_view()),
    # Feather's portal sessions
    path("v1/webhooks/portal", feather.FeatherPortal.as_view()),
    # The APIs of other products, with their unknown paths in their own errors
    path("management/v1", include("nahook_api.urls")),
    path("api/v1/", include("svix_api.urls")),
    # The portal API
    path("portal-api/portal_link", portal_api.OwnPortalLink.as_view()),
    path("portal-api/license/features", portal_api.LicenseFeatures.as_view()),
    path("portal-api/endpoints", portal_api.Endpoints.as_view()),
    path("portal-api/endpoints/", portal_api.Endpoints.as_view()),
    path("portal-api/endpoints/period-failure-rates", portal_deliveries.PeriodFailureRates.as_view()),
    path(PORTAL_ENDPOINT, portal_api.EndpointDetail.as_view()),
    path(f"{PORTAL_ENDPOINT}/pause", portal_api.PauseEndpoint.as_view()),
    path(f"{PORTAL_ENDPOINT}/activate", portal_api.ActivateEndpoint.as_view()),
    path(f"{PORTAL_ENDPOINT}/expire_secret", portal_api.ExpireEndpointSecret.as_view()),
    path(f"{PORTAL_ENDPOINT}/test", portal_events.TestEvents.as_view()),
    path("portal-api/event-types", portal_subscriptions.EventTypes.as_view()),
    path("portal-api/event-types/", portal_subscriptions.EventTypes.as_view()),
    path("portal-api/event-types/<eventTypeId>", portal_subscriptions.EventTypeDetail.as_view()),
    path("portal-api/event-types/<eventTypeId>/deprecate", portal_subscriptions.DeprecateEventType.as_view()),
    path("portal-api/subscriptions", portal_subscriptions.Subscriptions.as_view()),
    path("portal-api/subscriptions/", portal_subscriptions.Subscriptions.as_view()),
    path("portal-api/subscriptions/test_filter", portal_subscriptions.TestSubscriptionFilter.as_view()),
    path("portal-api/subscriptions/test_function", portal_subscriptions.TestSubscriptionFunction.as_view()),
    path(PORTAL_SUBSCRIPTION, portal_subscriptions.SubscriptionDetail.as_view()),
    path(f"{PORTAL_SUBSCRIPTION}/filters", portal_subscriptions.Filters.as_view()),
    path(f"{PORTAL_SUBSCRIPTION}/filters/", portal_subscriptions.Filters.as_view()),
    path(f"{PORTAL_SUBSCRIPTION}/filters/bulk", portal_subscriptions.BulkCreateFilters.as_view()),
    path(f"{PORTAL_SUBSCRIPTION}/filters/bulk_update", portal_subscriptions.BulkUpdateFilters.as_view()),
    path(
        f"{PORTAL_SUBSCRIPTION}/filters/test/<path:eventType>", portal_subscriptions.TestEventAgainstFilters.as_view()
    ),
    path(f"{PORTAL_SUBSCRIPTION}/filters/<filterID>", portal_subscriptions.FilterDetail.as_view()),
    path("portal-api/events", portal_events.Events.as_view()),
    path("portal-api/events/", portal_events.Events.as_view()),
    path("portal-api/events/batchreplay", portal_events.BatchReplay.as_view()),
    path("portal-api/events/batchreplay/jobs", portal_events.BatchReplayJobs.as_view()),
    path("portal-api/events/countbatchreplayevents", portal_events.CountBatchReplay.as_view()),
    path("portal-api/events/<eventID>", portal_events.EventDetail.as_view()),
    path("portal-api/events/<eventID>/replay", portal_events.ReplayEvent.as_view()),
    path("portal-api/eventdeliveries", portal_deliveries.EventDeliveries.as_view()),
    path("portal-api/eventdeliveries/", portal_deliveries.EventDeliveries.as_view()),
    path("portal-api/eventdeliveries/forceresend", portal_deliveries.ForceResendEventDeliveries.as_view()),
    path("portal-api/eventdeliveries/batchretry", portal_deliveries.BatchRetryEventDeliveries.as_view()),
    path("portal-api/eventdeliveries/countbatchretryevents", portal_deliveries.CountBatchRetry.as_view()),
    path("portal-api/eventdeliveries/statustotals", portal_deliveries.StatusTotals.as_view()),
    path(PORTAL_DELIVERY, portal_deliveries.EventDelivery.as_view()),
    path(f"{PORTAL_DELIVERY}/resend", portal_deliveries.ResendEventDelivery.as_view()),
    path(f"{PORTAL_DELIVERY}/copy", portal_deliveries.CopyEventDelivery.as_view()),
    path(f"{PORTAL_DELIVERY}/links", portal_deliveries.DeliveryLinks.as_view()),
    path(f"{PORTAL_DELIVERY}/links/<linkID>/revoke", portal_deliveries.RevokeDeliveryLink.as_view()),
    path(f"{PORTAL_DELIVERY}/deliveryattempts", portal_deliveries.DeliveryAttempts.as_view()),
    path(f"{PORTAL_DELIVERY}/deliveryattempts/", portal_deliveries.DeliveryAttempts.as_view()),
    path(f"{PORTAL_DELIVERY}/deliveryattempts/<deliveryAttemptID>", portal_deliveries.DeliveryAttempt.as_view()),
    path("portal-api/jobs", portal_jobs.Jobs.as_view()),
    path("portal-api/jobs/", portal_jobs.Jobs.as_view()),
    path(PORTAL_JOB, portal_jobs.JobDetail.as_view()),
    path(f"{PORTAL_JOB}/pause", portal_jobs.PauseJob.as_view()),
    path(f"{PORTAL_JOB}/resume", portal_jobs.ResumeJob.as_view()),
    path(f"{PORTAL_JOB}/cancel", portal_jobs.CancelJob.as_view()),
    path("portal-api/activity", portal_activity.ActivityList.as_view()),
    path("portal-api/activity/", portal_activity.ActivityList.as_view()),
    path("portal-api/dashboard/summary", portal_deliveries.DashboardSummary.as_view()),
    re_path(r"^portal-api(/|\Z)", portal_api.UnknownPath.as_view()),
    re_path(r"^api/v1(?!/auth/)(/|\Z)", UnknownPath.as_view()),
]

# Refusals that no view makes, in the shape of the path's API
errors.RENDERERS |= {
    "/management/": NahookView.error,
    "/v1/": feather.FeatherPortal.error,
    **{f"/api/v1/{resource}": SvixView.error for resource in ("auth/", *RESOURCES)},
}
errors.OUTAGE_PAGES["/portal"] = unavailable

handler400 = "core.api.errors.bad_request"
handler404 = "core.api.errors.not_found"
handler500 = "core.api.errors.server_error"
