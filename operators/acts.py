"""Act for a customer from the customer's page, by the operations of the API, with the operator as the actor."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from core.actors import acting_as, current_actor
from core.exceptions import NotFound
from deliveries.batch_retry import create_batch_retry
from deliveries.reads import counts
from endpoints import operations as endpoints
from endpoints.models import Endpoint
from events.models import EventDelivery
from operators.customer_page import MOST_LINKS, Customer
from operators.rights import may_act
from outbound.states import Status
from portal_links import operations as links
from portal_links import sessions
from portal_links.models import PortalLink, PortalSession


@dataclass(frozen=True, slots=True)
class Act:
    """An act of an operator, which a page asks about first."""

    #: The tables that the operator must be allowed to change.
    changes: tuple[type[Model], ...]
    #: The table of the row that the act is about; None where it is about the customer.
    of: type[Model] | None
    question: Callable[[Customer, Any], str]
    #: Does it, and returns a text that says what was done.
    do: Callable[[Customer, Any], str]
    #: Whether the row may be left out: the act is then about the customer.
    is_optional: bool = False
    #: The permission of the tables' pages that it needs.
    needs: str = "operate"

    def may(self, request: HttpRequest) -> bool:
        """Return whether the user may do it."""
        return all(may_act(request, model, self.needs) for model in self.changes)

    def find(self, customer: Customer, uid: str) -> Any:
        """Return the customer's row with this id; None where the act needs none. Raises NotFound for another's row."""
        if self.of is None or (self.is_optional and not uid):
            return None
        row = _rows(customer, self.of).filter(pk=uid).first()
        if row is None:
            raise NotFound
        return row

    def run(self, customer: Customer, row: Any) -> str:
        """Do it, recorded as activity that concerns this customer. Raises DomainError."""
        with acting_as(replace(current_actor(), owner_id=customer.owner_id)):
            return self.do(customer, row)


def _rows(customer: Customer, model: type[Model]) -> Any:
    if model is Endpoint:
        return customer.endpoints.only("uid", "name", "status")
    if model is PortalLink:
        return customer.links.only("uid", "name")
    own = PortalSession.objects.for_project(customer.project.pk).of_owner(customer.owner_id)
    return own.only("uid", "expires_at")


def _pause(customer: Customer, row: Endpoint) -> str:
    endpoints.pause_endpoint(customer.project.pk, row.pk)
    return f"Paused {row.name}."


def _activate(customer: Customer, row: Endpoint) -> str:
    endpoints.activate_endpoint(customer.project.pk, row.pk)
    return f"Activated {row.name}."


def _retry_question(customer: Customer, row: Endpoint | None) -> str:
    ids = customer.endpoint_ids if row is None else [row.pk]
    found = counts(ids, replace(customer.failed(ids), statuses=[]))
    what = "the failed and the waiting deliveries"
    if found is not None:
        what = f"{found.failed:,} failed and {found.of([Status.RETRY]):,} waiting deliveries"
    return f"Send {what} to {row.name if row else customer.owner_id} now? {_warning(row)}".strip()


def _warning(row: Endpoint | None) -> str:
    if row is None or row.status == Endpoint.Status.ACTIVE:
        return ""
    if row.status == Endpoint.Status.PAUSED:
        return "The endpoint is paused: they are sent when it is activated."
    return "The endpoint is disabled: activate it first, or they will not be sent."


def _retry(customer: Customer, row: Endpoint | None) -> str:
    ids = customer.endpoint_ids if row is None else [row.pk]
    create_batch_retry(customer.project.pk, customer.failed(ids))
    return "They are being sent, a piece at a time."


def _revoke(customer: Customer, row: PortalLink) -> str:
    links.revoke_portal_link(customer.project.pk, row.pk)
    return f"Revoked {row.name}."


def _end(customer: Customer, row: PortalSession) -> str:
    sessions.revoke_session(customer.project.pk, row.pk)
    return "Ended the session."


def _end_access(customer: Customer, _row: None) -> str:
    """Revoke the links and end the sessions of the customer; where there are more links than MOST_LINKS, say so."""
    sessions.expire_sessions(customer.project.pk, customer.owner_id)
    found = list(customer.links.values_list("pk", flat=True)[: MOST_LINKS + 1])
    for uid in found[:MOST_LINKS]:
        links.revoke_portal_link(customer.project.pk, uid)
    if len(found) > MOST_LINKS:
        return f"Ended the sessions and revoked {MOST_LINKS} links. There are more: end access again."
    return f"Ended the sessions and revoked {len(found)} links."


ACTS = {
    "pause": Act(
        (Endpoint,), Endpoint, lambda _, row: f"Pause {row.name}? Events that come in meanwhile are not sent.", _pause
    ),
    "activate": Act((Endpoint,), Endpoint, lambda _, row: f"Activate {row.name}?", _activate),
    "retry": Act((EventDelivery,), Endpoint, _retry_question, _retry, is_optional=True, needs="resend"),
    "revoke": Act((PortalLink,), PortalLink, lambda _, row: f"Revoke the link {row.name} for good?", _revoke),
    "end": Act((PortalSession,), PortalSession, lambda _customer, _row: "End this portal session at once?", _end),
    "end_access": Act(
        (PortalLink, PortalSession),
        None,
        lambda customer, _: (
            f"End all access of {customer.owner_id}? Every session ends at once, and every portal link is revoked "
            "for good."
        ),
        _end_access,
    ),
}
