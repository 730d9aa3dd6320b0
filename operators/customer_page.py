"""Read the page of a customer: endpoints with their state, failures, access, and what was done. All is bounded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Subquery

from activity.models import Activity
from applications.models import Application
from core.admin_display import seconds_between
from deliveries.filters import BEYOND_ALL, FIRST_UID, DeliveryFilter
from deliveries.health import Health, endpoint_page
from deliveries.reads import RARE, ListedDelivery, listed
from endpoints.models import Endpoint, EndpointQuerySet
from outbound.answers import answer_text
from outbound.states import Status
from portal.activity_words import said
from portal.delivery_words import not_sent_words
from portal.says import circumstances_of
from portal.sentences import Sentence, sentence
from portal.words import answer_words
from portal_links.models import PortalLink, PortalSession
from projects.models import Project

#: The most endpoints in the table, and the most whose failures are read and sent again.
SHOWN_ENDPOINTS = 50
MOST_ENDPOINTS = 1_000
SHOWN_ROWS = 20
#: The most links whose sessions are read, and the most that are revoked at once.
MOST_LINKS = 500


@dataclass(frozen=True, slots=True)
class Customer:
    """An owner in a live project."""

    project: Project
    owner_id: str

    @property
    def application(self) -> Application | None:
        """Return the name and metadata that Svix's or Nahook's clients have given to the customer. One statement."""
        return Application.objects.for_project(self.project.pk).filter(owner_id=self.owner_id).first()

    @property
    def endpoints(self) -> EndpointQuerySet:
        """Return the customer's live endpoints."""
        return Endpoint.objects.for_project(self.project.pk).filter(owner_id=self.owner_id)

    @property
    def links(self) -> Any:
        """Return the customer's portal links that are not revoked, newest first."""
        live = PortalLink.objects.for_project(self.project.pk).filter(owner_id=self.owner_id)
        return live.defer("token", "token_digest").order_by("-pk")

    @property
    def endpoint_ids(self) -> list[str]:
        """Return the ids of the customer's endpoints, MOST_ENDPOINTS at most."""
        return list(self.endpoints.order_by("-pk").values_list("pk", flat=True)[:MOST_ENDPOINTS])

    def failed(self, endpoint_ids: list[str]) -> DeliveryFilter:
        """Return the filter of the deliveries that have failed or wait for another attempt, tests apart."""
        return DeliveryFilter(
            first_uid=FIRST_UID,
            beyond_uid=BEYOND_ALL,
            endpoint_ids=endpoint_ids,
            statuses=[str(Status.FAILURE), str(Status.RETRY)],
            is_real=True,
            of_present_owner=True,
        )


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint with the words that the customer reads of it."""

    uid: str
    name: str
    url: str
    health: Health
    says: Sentence
    is_active: bool


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A delivery that has not arrived."""

    delivery: ListedDelivery
    endpoint: str
    #: The time of its last attempt or, where there is none, of the delivery.
    at: datetime
    answer: str
    #: The same as it is stored, which may say more.
    stored: str
    took: str
    tone: str


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A portal session, with whether it gives access."""

    session: PortalSession
    state: str
    last_used: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """A row of the record, with its actor and its detail in words."""

    row: Activity
    actor: str
    detail: str


def endpoint_rows(customer: Customer) -> tuple[list[EndpointRow], bool]:
    """Return the endpoints, those in trouble first, and whether there are more. Two statements."""
    page = endpoint_page(customer.endpoints, limit=SHOWN_ENDPOINTS)
    settings = customer.endpoints.only("uid", "url", "status", "http_timeout").in_bulk(
        [each.uid for each in page.endpoints]
    )
    rows = [
        EndpointRow(
            each.uid,
            each.name,
            each.url,
            each.health,
            sentence(each.health, circumstances_of(customer.project, settings[each.uid])),
            settings[each.uid].status == Endpoint.Status.ACTIVE,
        )
        for each in page.endpoints
        if each.uid in settings
    ]
    return rows, bool(page.after)


def failure_rows(customer: Customer) -> list[FailureRow]:
    """Return the newest deliveries that have failed, wait for another attempt, or were not sent. Three statements."""
    ids = customer.endpoint_ids
    wanted = DeliveryFilter(first_uid=FIRST_UID, beyond_uid=BEYOND_ALL, statuses=[str(each) for each in RARE])
    found = listed(ids, wanted, most=SHOWN_ROWS)
    names = dict(Endpoint.objects.filter(pk__in={row.endpoint_id for row in found}).values_list("pk", "name"))
    return [
        FailureRow(
            row,
            names.get(row.endpoint_id, row.endpoint_id),
            row.requested_at or row.created_at,
            _answer(row),
            row.http_status or row.error or row.description,
            seconds_between(row.requested_at, row.responded_at),
            "bad" if row.status == Status.FAILURE else "warn",
        )
        for row in found
    ]


def _answer(row: ListedDelivery) -> str:
    """Return the last answer in words, or why nothing was sent."""
    if row.status == Status.DISCARDED:
        return not_sent_words(row.description)
    if row.http_status is None:
        return row.description
    return answer_words(row.answer, answer_text(row.http_status, row.error or ""))


def link_rows(customer: Customer) -> list[Any]:
    """Return the links, with the last use of the newest session of each as `used_at`. One statement."""
    sessions = PortalSession.objects.filter(portal_link=OuterRef("pk")).order_by("-pk")
    return list(customer.links.annotate(used_at=Subquery(sessions.values("last_used_at")[:1]))[:SHOWN_ROWS])


def session_rows(customer: Customer) -> list[SessionRow]:
    """Return the newest sessions, those of the customer's links included. Three statements.

    The owner's and the links' are read apart, as no index serves both.
    """
    rows = PortalSession.objects.for_project(customer.project.pk).listed().order_by("-pk")
    links = list(customer.links.values_list("pk", flat=True)[:MOST_LINKS])
    found = [
        *rows.filter(owner_id=customer.owner_id)[:SHOWN_ROWS],
        *rows.filter(portal_link__in=links)[:SHOWN_ROWS],
    ]
    page: Any = admin.site.get_model_admin(PortalSession)
    newest = sorted(found, key=lambda session: session.pk, reverse=True)[:SHOWN_ROWS]
    states = [(session, page.state(session)) for session in newest]
    return [SessionRow(each, state, page.last_used(each), state == "has access") for each, state in states]


def activity_rows(customer: Customer) -> list[ActivityRow]:
    """Return the last acts of the customer, or for the customer. One statement."""
    page: Any = admin.site.get_model_admin(Activity)
    rows = Activity.objects.for_project(customer.project.pk).filter(owner_id=customer.owner_id).order_by("-pk")
    return [ActivityRow(row, page.actor(row), said(row, "").detail) for row in rows[:SHOWN_ROWS]]
