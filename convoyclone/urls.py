"""List every route of the server."""

from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from activity import views as activity
from convoyclone.health import health, metrics, ready
from convoyclone.reference import guide, reference
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
from replay import views as replay
from subscriptions import views as subscriptions
from svix_api.base import SvixUnknownPath, SvixView
from svix_api.urls import RESOURCES


def collection(name: str, view: Any, *below: URLPattern | URLResolver) -> URLResolver:
    """Route a collection, which answers with and without a slash at its end, and the paths `below` it."""
    return path(name, include([path("", view), path("/", view), *below]))


# A path is looked up part by part, so that a request tries a dozen patterns, and not all two hundred.
_PROJECT: list[URLPattern | URLResolver] = [
    # The most frequent paths come first: each pattern that is tried in vain takes one to two per cent of a request.
    collection(
        "portal-links",
        portal_links.PortalLinks.as_view(),
        path("/<portalLinkID>", portal_links.PortalLinkDetail.as_view()),
        path("/<portalLinkID>/revoke", portal_links.RevokePortalLink.as_view()),
        path("/<portalLinkID>/refresh_token", portal_links.RefreshPortalLinkToken.as_view()),
        path("/<portalLinkID>/scope", scope_views.PortalLinkScope.as_view()),
    ),
    collection(
        "events",
        events.Events.as_view(),
        path("/fanout", events.FanoutEvents.as_view()),
        path("/broadcast", events.BroadcastEvents.as_view()),
        path("/dynamic", events.DynamicEvents.as_view()),
        path("/batchreplay", replay.BatchReplay.as_view()),
        path("/batchreplay/jobs", replay.BatchReplayJobs.as_view()),
        path("/countbatchreplayevents", replay.CountBatchReplay.as_view()),
        path("/<eventID>", events.EventDetail.as_view()),
        path("/<eventID>/replay", replay.ReplayEvent.as_view()),
    ),
    collection(
        "endpoints",
        endpoints.Endpoints.as_view(),
        path("/period-failure-rates", deliveries.PeriodFailureRates.as_view()),
        path("/oauth2/test", endpoints.OAuth2Test.as_view()),
        path("/<endpointID>", endpoints.EndpointDetail.as_view()),
        path("/<endpointID>/pause", endpoints.PauseEndpoint.as_view()),
        path("/<endpointID>/activate", endpoints.ActivateEndpoint.as_view()),
        path("/<endpointID>/expire_secret", endpoints.ExpireEndpointSecret.as_view()),
        path("/<endpointID>/test", events.TestEvents.as_view()),
    ),
    collection(
        "event-types",
        subscriptions.EventTypes.as_view(),
        path("/import", subscriptions.ImportEventTypes.as_view()),
        path("/import/jobs", subscriptions.ImportJobs.as_view()),
        path("/<eventTypeId>", subscriptions.EventTypeDetail.as_view()),
        path("/<eventTypeId>/deprecate", subscriptions.DeprecateEventType.as_view()),
    ),
    collection(
        "subscriptions",
        subscriptions.Subscriptions.as_view(),
        path("/test_filter", subscriptions.TestSubscriptionFilter.as_view()),
        path("/test_function", subscriptions.TestSubscriptionFunction.as_view()),
        path("/<subscriptionID>", subscriptions.SubscriptionDetail.as_view()),
        path("/<subscriptionID>/toggle_status", subscriptions.ToggleSubscriptionStatus.as_view()),
        collection(
            "/<subscriptionID>/filters",
            subscriptions.Filters.as_view(),
            path("/bulk", subscriptions.BulkCreateFilters.as_view()),
            path("/bulk_update", subscriptions.BulkUpdateFilters.as_view()),
            path("/test/<path:eventType>", subscriptions.TestEventAgainstFilters.as_view()),
            path("/<filterID>", subscriptions.FilterDetail.as_view()),
        ),
    ),
    collection(
        "eventdeliveries",
        deliveries.EventDeliveries.as_view(),
        path("/forceresend", deliveries.ForceResendEventDeliveries.as_view()),
        path("/batchretry", deliveries.BatchRetryEventDeliveries.as_view()),
        path("/batchretry/jobs", deliveries.BatchRetryJobs.as_view()),
        path("/<eventDeliveryID>", deliveries.EventDelivery.as_view()),
        path("/<eventDeliveryID>/resend", deliveries.ResendEventDelivery.as_view()),
        path("/<eventDeliveryID>/copy", delivery_copies.CopyEventDelivery.as_view()),
        path("/<eventDeliveryID>/links", delivery_links.DeliveryLinks.as_view()),
        path("/<eventDeliveryID>/links/<linkID>/revoke", delivery_links.RevokeDeliveryLink.as_view()),
        collection(
            "/<eventDeliveryID>/deliveryattempts",
            deliveries.DeliveryAttempts.as_view(),
            path("/<deliveryAttemptID>", deliveries.DeliveryAttempt.as_view()),
        ),
    ),
    collection(
        "portal-sessions",
        sessions.PortalSessions.as_view(),
        path("/<sessionID>/revoke", sessions.RevokePortalSession.as_view()),
        path("/<sessionID>/scope", scope_views.PortalSessionScope.as_view()),
    ),
    collection("activity", activity.ActivityList.as_view()),
    collection(
        "jobs",
        jobs.Jobs.as_view(),
        path("/<jobID>", jobs.JobDetail.as_view()),
        path("/<jobID>/pause", jobs.PauseJob.as_view()),
        path("/<jobID>/resume", jobs.ResumeJob.as_view()),
        path("/<jobID>/cancel", jobs.CancelJob.as_view()),
    ),
    path("onboard", onboarding.Onboard.as_view()),
    path("onboard/batches", onboarding.OnboardBatches.as_view()),
    path("onboard/batches/<batchID>", onboarding.OnboardBatchDetail.as_view()),
    collection(
        "meta-events",
        meta_events.MetaEvents.as_view(),
        path("/<metaEventID>", meta_events.MetaEventDetail.as_view()),
        path("/<metaEventID>/resend", meta_events.ResendMetaEvent.as_view()),
    ),
]

_PORTAL_API: list[URLPattern | URLResolver] = [
    path("portal_link", portal_api.OwnPortalLink.as_view()),
    path("license/features", portal_api.LicenseFeatures.as_view()),
    collection(
        "endpoints",
        portal_api.Endpoints.as_view(),
        path("/period-failure-rates", portal_deliveries.PeriodFailureRates.as_view()),
        path("/<endpointID>", portal_api.EndpointDetail.as_view()),
        path("/<endpointID>/pause", portal_api.PauseEndpoint.as_view()),
        path("/<endpointID>/activate", portal_api.ActivateEndpoint.as_view()),
        path("/<endpointID>/expire_secret", portal_api.ExpireEndpointSecret.as_view()),
        path("/<endpointID>/test", portal_events.TestEvents.as_view()),
    ),
    collection(
        "event-types",
        portal_subscriptions.EventTypes.as_view(),
        path("/<eventTypeId>", portal_subscriptions.EventTypeDetail.as_view()),
        path("/<eventTypeId>/deprecate", portal_subscriptions.DeprecateEventType.as_view()),
    ),
    collection(
        "subscriptions",
        portal_subscriptions.Subscriptions.as_view(),
        path("/test_filter", portal_subscriptions.TestSubscriptionFilter.as_view()),
        path("/test_function", portal_subscriptions.TestSubscriptionFunction.as_view()),
        path("/<subscriptionID>", portal_subscriptions.SubscriptionDetail.as_view()),
        collection(
            "/<subscriptionID>/filters",
            portal_subscriptions.Filters.as_view(),
            path("/bulk", portal_subscriptions.BulkCreateFilters.as_view()),
            path("/bulk_update", portal_subscriptions.BulkUpdateFilters.as_view()),
            path("/test/<path:eventType>", portal_subscriptions.TestEventAgainstFilters.as_view()),
            path("/<filterID>", portal_subscriptions.FilterDetail.as_view()),
        ),
    ),
    collection(
        "events",
        portal_events.Events.as_view(),
        path("/batchreplay", portal_events.BatchReplay.as_view()),
        path("/batchreplay/jobs", portal_events.BatchReplayJobs.as_view()),
        path("/countbatchreplayevents", portal_events.CountBatchReplay.as_view()),
        path("/<eventID>", portal_events.EventDetail.as_view()),
        path("/<eventID>/replay", portal_events.ReplayEvent.as_view()),
    ),
    collection(
        "eventdeliveries",
        portal_deliveries.EventDeliveries.as_view(),
        path("/forceresend", portal_deliveries.ForceResendEventDeliveries.as_view()),
        path("/batchretry", portal_deliveries.BatchRetryEventDeliveries.as_view()),
        path("/batchretry/jobs", portal_deliveries.BatchRetryJobs.as_view()),
        path("/countbatchretryevents", portal_deliveries.CountBatchRetry.as_view()),
        path("/statustotals", portal_deliveries.StatusTotals.as_view()),
        path("/<eventDeliveryID>", portal_deliveries.EventDelivery.as_view()),
        path("/<eventDeliveryID>/resend", portal_deliveries.ResendEventDelivery.as_view()),
        path("/<eventDeliveryID>/copy", portal_deliveries.CopyEventDelivery.as_view()),
        path("/<eventDeliveryID>/links", portal_deliveries.DeliveryLinks.as_view()),
        path("/<eventDeliveryID>/links/<linkID>/revoke", portal_deliveries.RevokeDeliveryLink.as_view()),
        collection(
            "/<eventDeliveryID>/deliveryattempts",
            portal_deliveries.DeliveryAttempts.as_view(),
            path("/<deliveryAttemptID>", portal_deliveries.DeliveryAttempt.as_view()),
        ),
    ),
    collection(
        "jobs",
        portal_jobs.Jobs.as_view(),
        path("/<jobID>", portal_jobs.JobDetail.as_view()),
        path("/<jobID>/pause", portal_jobs.PauseJob.as_view()),
        path("/<jobID>/resume", portal_jobs.ResumeJob.as_view()),
        path("/<jobID>/cancel", portal_jobs.CancelJob.as_view()),
    ),
    collection("activity", portal_activity.ActivityList.as_view()),
    path("dashboard/summary", portal_deliveries.DashboardSummary.as_view()),
]

urlpatterns = [
    # The Convoy API. A collection answers with and without a slash at its end, a single object only without.
    path("api/v1/projects/<projectID>/", include(_PROJECT)),
    path("api/v1/projects/<projectID>", projects.ProjectDetail.as_view(reactivate_endpoints=reactivate_endpoints)),
    re_path(r"^api/v1/projects/?\Z", projects.Projects.as_view()),
    # The portal API
    path("portal-api/", include(_PORTAL_API)),
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
    path("api/docs", reference, name="docs"),
    path("api/docs/guides/<path:page>", guide),
    path("api/docs/", RedirectView.as_view(pattern_name="docs")),
    re_path(r"^docs/?\Z", RedirectView.as_view(pattern_name="docs")),
    # Feather's portal sessions
    path("v1/webhooks/portal", feather.FeatherPortal.as_view()),
    # The APIs of other products, with their unknown paths in their own errors
    path("management/v1", include("nahook_api.urls")),
    path("api/ingest", include("nahook_api.ingest_urls")),
    path("api/v1/", include("svix_api.urls")),
    re_path(r"^ingest/api/v1(/|\Z)", SvixUnknownPath.as_view()),
    re_path(r"^portal-api(/|\Z)", portal_api.UnknownPath.as_view()),
    re_path(r"^api/v1(?!/auth/)(/|\Z)", UnknownPath.as_view()),
]

# Refusals that no view makes, in the shape of the path's API
errors.RENDERERS |= {
    "/management/": NahookView.error,
    "/api/ingest": NahookView.error,
    "/ingest/": SvixView.error,
    "/v1/": feather.FeatherPortal.error,
    **{f"/api/v1/{resource}": SvixView.error for resource in ("auth/", *RESOURCES)},
}
errors.OUTAGE_PAGES["/portal"] = unavailable

handler400 = "core.api.errors.bad_request"
handler404 = "core.api.errors.not_found"
handler500 = "core.api.errors.server_error"
