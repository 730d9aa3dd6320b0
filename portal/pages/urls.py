"""Route the customer's pages of one project, below /portal/<projectID>/."""

from django.urls import path, register_converter
from django.urls.converters import PathConverter

from portal.pages import (
    activity,
    alerts,
    deliveries,
    delivery,
    endpoint_form,
    endpoints,
    events,
    filter_editor,
    opening,
    shared,
    test,
)


class TextConverter(PathConverter):
    """Takes any text, with slashes and line breaks: the names of event types have no rules."""

    regex = r"[\s\S]+"


register_converter(TextConverter, "text")

urlpatterns = [
    path("open", opening.open_link, name="portal-open"),
    path("theme.css", opening.theme_css, name="portal-theme"),
    path("end", opening.end_session, name="portal-end"),
    path("activity", activity.activity, name="portal-activity"),
    # Endpoints
    path("", endpoints.endpoints, name="portal-endpoints"),
    path("endpoints/new", endpoint_form.new_endpoint, name="portal-new"),
    path("endpoints/check", endpoint_form.check_url, name="portal-check"),
    path("endpoints/event-types", endpoint_form.event_types, name="portal-event-tree"),
    path("endpoints/<endpointID>", endpoints.endpoint, name="portal-endpoint"),
    path("endpoints/<endpointID>/settings", endpoint_form.edit_endpoint, name="portal-edit"),
    path("endpoints/<endpointID>/settings/filters", filter_editor.choose_filter, name="portal-filters"),
    path(
        "endpoints/<endpointID>/settings/filters/<text:eventType>",
        filter_editor.edit_filter,
        name="portal-filter",
    ),
    path("endpoints/<endpointID>/filters/try", filter_editor.try_out, name="portal-filter-try"),
    path("endpoints/<endpointID>/pause", endpoints.pause_endpoint, name="portal-pause"),
    path("endpoints/<endpointID>/activate", endpoints.activate_endpoint, name="portal-activate"),
    path("endpoints/<endpointID>/secret", endpoints.reveal_secret, name="portal-secret"),
    path("endpoints/<endpointID>/rotate", endpoints.rotate_secret, name="portal-rotate"),
    path("endpoints/<endpointID>/delete", endpoints.delete_endpoint, name="portal-delete"),
    path("endpoints/<endpointID>/alerts", alerts.alert_settings, name="portal-alerts"),
    path("alerts/<endpointID>/confirm", alerts.confirm_alert_address, name="portal-alert-confirm"),
    # Tests
    path("endpoints/<endpointID>/test", test.test_endpoint, name="portal-test"),
    path("endpoints/<endpointID>/test/example", test.test_example, name="portal-test-example"),
    path("endpoints/<endpointID>/test/<deliveryID>", test.test_outcome, name="portal-test-outcome"),
    path("endpoints/<endpointID>/rehearse", test.rehearse, name="portal-rehearse"),
    path("endpoints/<endpointID>/debug", test.debug_signature, name="portal-debug"),
    # The event catalogue
    path("events", events.event_catalogue, name="portal-catalogue"),
    path("listen/<text:eventType>", events.add_to_endpoint, name="portal-event-type-add"),
    path("move/<text:eventType>", events.move_endpoints, name="portal-event-type-move"),
    path("events/<text:eventType>", events.event_type, name="portal-event-type"),
    # Deliveries
    path("endpoints/<endpointID>/deliveries", deliveries.endpoint_deliveries, name="portal-endpoint-deliveries"),
    path("deliveries", deliveries.deliveries, name="portal-deliveries"),
    path("deliveries/new", deliveries.new_deliveries, name="portal-new-deliveries"),
    path("deliveries/rows", deliveries.delivery_rows, name="portal-delivery-rows"),
    path("deliveries/retry", deliveries.retry_deliveries, name="portal-retry-deliveries"),
    path("deliveries/retry/<batchID>", deliveries.retry_progress, name="portal-retry-progress"),
    path("deliveries/<deliveryID>", delivery.delivery, name="portal-delivery"),
    path("deliveries/<deliveryID>/attempts/<attemptID>", delivery.delivery_attempt, name="portal-delivery-attempt"),
    path("deliveries/<deliveryID>/payload", delivery.delivery_payload, name="portal-delivery-payload"),
    path("deliveries/<deliveryID>/retry", delivery.retry_delivery, name="portal-retry-delivery"),
    path("deliveries/<deliveryID>/share", delivery.share_delivery, name="portal-share"),
    path("deliveries/<deliveryID>/links/<linkID>/end", delivery.end_share, name="portal-end-share"),
    path("shared", shared.shared_delivery, name="portal-shared"),
]
