"""Tell which switches a user may see and use."""

from django.http import HttpRequest

#: The tables of the switches, and what is done with each.
TABLES = {"pause": ("pause", "resume"), "worker": ("drain", "refill"), "discard": ("discard", "undo")}


def may_use(request: HttpRequest) -> set[str]:
    """Return the acts that the user may do with the switches."""
    return {act for table, acts in TABLES.items() if request.user.has_perm(f"switches.change_{table}") for act in acts}


def may_look(request: HttpRequest) -> bool:
    """Tell whether the user may see the switches."""
    return all(request.user.has_perm(f"switches.view_{table}") for table in TABLES)
