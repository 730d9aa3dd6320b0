"""Tell which tables a user may see and act on, and which switches a user may see and use."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

#: The tables of the switches, and what is done with each.
TABLES = {"pause": ("pause", "resume"), "worker": ("drain", "refill"), "discard": ("discard", "undo")}


def may_see(request: HttpRequest, model: type[Model]) -> bool:
    """Return whether the user may see the pages of a table."""
    return admin.site.get_model_admin(model).has_view_permission(request)


def may_act(request: HttpRequest, model: type[Model], needs: str = "operate") -> bool:
    """Return whether the user may see the pages of a table, and has the permission of theirs that an act needs."""
    page: Any = admin.site.get_model_admin(model)
    return bool(page.has_view_permission(request) and getattr(page, f"has_{needs}_permission")(request))


def may_use(request: HttpRequest) -> set[str]:
    """Return the acts that the user may do with the switches."""
    return {act for table, acts in TABLES.items() if request.user.has_perm(f"switches.change_{table}") for act in acts}


def may_look(request: HttpRequest) -> bool:
    """Return whether the user may see the switches."""
    return all(request.user.has_perm(f"switches.view_{table}") for table in TABLES)
