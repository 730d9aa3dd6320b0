"""Make the groups of Django that are the roles of the admin: operator, support, auditor.

Each `migrate` gives them just these permissions. For other rights an instance makes groups of its own.
"""

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connections, transaction
from django.db.models import Q

OPERATOR, SUPPORT, AUDITOR = "operator", "support", "auditor"
#: The apps whose tables the roles see; users and groups are the superuser's.
APPS = (
    *("activity", "applications", "endpoints", "events", "jobs", "meta_events", "onboarding", "portal_links"),
    *("projects", "subscriptions", "switches"),
)
_TABLES = {model._meta.db_table for model in (ContentType, Group, Permission)}
_SEES = Q(content_type__app_label__in=APPS, codename__startswith="view_")
#: Django's own log of all that was done in the admin.
_LOG = Q(content_type__app_label="admin", codename="view_logentry")
ROLES = {
    # All that the pages offer.
    OPERATOR: Q(content_type__app_label__in=APPS) | _LOG,
    # Payloads that a project hides, links and credentials are for those who may change what they belong to.
    SUPPORT: _SEES | Q(content_type__app_label="events", codename="resend_eventdelivery"),
    AUDITOR: _SEES | _LOG,
}


def make_roles(using: str = "default", **_: Any) -> None:
    """Create the groups that are missing, and give each its permissions. Safe to repeat.

    `migrate APP` calls this too, which may come before the tables of groups: then the next `migrate` makes the roles.
    """
    if not set(connections[using].introspection.table_names()) >= _TABLES:
        return
    # This is called before Django makes those of the admin.
    create_permissions(installed.get_app_config("admin"), verbosity=0, using=using)
    with transaction.atomic(using):
        for name, chosen in ROLES.items():
            group, _created = Group.objects.using(using).get_or_create(name=name)
            wanted = set(Permission.objects.using(using).filter(chosen).values_list("pk", flat=True))
            if wanted != set(group.permissions.values_list("pk", flat=True)):
                group.permissions.set(wanted)
