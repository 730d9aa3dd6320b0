"""Route the customer's pages of one project, below /portal/<projectID>/."""

from django.urls import path

from portal.pages import endpoint_form, endpoints, opening

urlpatterns = [
    path("open", opening.open_link, name="portal-open"),
    path("theme.css", opening.theme_css, name="portal-theme"),
    path("end", opening.end_session, name="portal-end"),
    # Endpoints
    path("", endpoints.endpoints, name="portal-endpoints"),
    path("endpoints/new", endpoint_form.new_endpoint, name="portal-new"),
    path("endpoints/<endpointID>", endpoints.endpoint, name="portal-endpoint"),
    path("endpoints/<endpointID>/edit", endpoint_form.edit_endpoint, name="portal-edit"),
    path("endpoints/<endpointID>/pause", endpoints.pause_endpoint, name="portal-pause"),
    path("endpoints/<endpointID>/activate", endpoints.activate_endpoint, name="portal-activate"),
    path("endpoints/<endpointID>/secret", endpoints.reveal_secret, name="portal-secret"),
    path("endpoints/<endpointID>/rotate", endpoints.rotate_secret, name="portal-rotate"),
    path("endpoints/<endpointID>/delete", endpoints.delete_endpoint, name="portal-delete"),
]
