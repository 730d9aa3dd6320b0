"""The operators' pages that need all that is below: the search and the page of a customer."""

from django.contrib.admin.apps import AdminConfig


class OperatorsAdmin(AdminConfig):
    """Django's admin, with a site that has the pages of this app too."""

    default_site = "operators.site.OperatorSite"
