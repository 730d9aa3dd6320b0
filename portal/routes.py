"""Find the addresses of the portal's pages for a customer."""

from django.urls import NoReverseMatch, reverse

from portal_links.access import Access


def url_of(access: Access, route: str, *names: str) -> str:
    """Return the address of a page below the customer's project; blank where this server has no such page."""
    try:
        return reverse(route, args=[access.project.pk, *names])
    except NoReverseMatch:
        return ""
