"""Find the addresses of the portal's pages for a customer."""

from django.urls import reverse

from portal_links.access import Access


def url_of(access: Access, route: str, *names: str) -> str:
    """Return the address of a page below the customer's project."""
    return reverse(route, args=[access.project.pk, *names])
