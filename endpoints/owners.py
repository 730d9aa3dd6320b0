"""Give endpoints to owners: within what one may have, and without what another one had."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import F, Func, IntegerField, Value

from core.ulid import new_ulid
from endpoints.exceptions import TooManyEndpoints
from endpoints.models import Endpoint, EndpointHour, EndpointState
from projects.exceptions import ProjectNotFound
from projects.models import Project

#: The checks that apps above add for endpoints that have got another owner. Each gets their ids, within the
#: transaction, and raises InvalidInput where the new owner now has more than the project allows.
CHECKS_OF_OWNER: list[Callable[[Sequence[str]], None]] = []


def hand_over(endpoint: Endpoint) -> None:
    """Let an endpoint that had another owner begin afresh: what was sent to it so far stays that owner's."""
    endpoint.held_from = new_ulid()
    endpoint.save(update_fields=["held_from"])
    EndpointHour.objects.filter(endpoint=endpoint).delete()
    EndpointState.objects.filter(pk=endpoint.pk).update(
        failed_in_a_row=0,
        delivered_in_a_row=0,
        failing_since=None,
        last_failure="",
        last_failure_text="",
        last_failure_at=None,
        last_delivered_at=None,
    )


def project_with_room(project_id: str, *, owner_id: str) -> Project:
    """Return the project to which an owner is to get an endpoint. Raises TooManyEndpoints.

    The owner is locked until the caller's transaction ends, so that two calls at once are counted both.
    """
    owned = Func(
        F("uid"), Value(owner_id), F("owner_endpoints"), function="endpoints_of_owner", output_field=IntegerField()
    )
    # Without an owner an endpoint belongs to the company.
    rows = Project.objects.live()
    try:
        project: Any = (rows.annotate(owned=owned) if owner_id else rows).get(pk=project_id)
    except Project.DoesNotExist:
        raise ProjectNotFound from None
    if owner_id and project.owner_endpoints and project.owned >= project.owner_endpoints:
        raise TooManyEndpoints(most=project.owner_endpoints)
    found: Project = project
    return found


def check_adopted(project_id: str, owner_id: str, endpoint_ids: Sequence[str]) -> None:
    """Refuse endpoints, just given to an owner, with which that owner has more than the project allows.

    The owner is locked until the caller's transaction ends. Raises InvalidInput.
    """
    counted_to = F("owner_endpoints") + 1
    owned = Func(F("uid"), Value(owner_id), counted_to, function="endpoints_of_owner", output_field=IntegerField())
    rows = Project.objects.filter(pk=project_id, owner_endpoints__gt=0)
    for number, most in rows.values_list(owned, "owner_endpoints"):
        if number > most:
            raise TooManyEndpoints(most=most)
    for check in CHECKS_OF_OWNER:
        check(endpoint_ids)
