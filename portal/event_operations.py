"""Create and replay a customer's events. Contract: docs/contract/portal-sessions.md#portal-events.

An event that goes to other customers too is shown without their endpoints, and cannot be replayed.
"""

from django.db.models import QuerySet

from core.tally import Tally
from endpoints.exceptions import EndpointNotFound
from events import operations, trials
from events.models import Event, EventDelivery
from events.reads import EventFilter
from events.storage import Content, Posted
from jobs.models import Job
from portal_links.access import Access
from portal_links.capabilities import CREATE_ATTEMPTS, MANAGE_SUBSCRIPTIONS, SEND_TEST
from replay import jobs as replay_jobs
from replay import operations as replay


def create_event(access: Access, event: Content, *, endpoint_id: str = "", app_id: str = "") -> Posted:
    """Store an event for one endpoint of the customer. Idempotency keys are separate for each customer.

    Without MANAGE_SUBSCRIPTIONS it creates no subscription. Raises DomainError.
    """
    access.require(CREATE_ATTEMPTS)
    target = endpoint_id or app_id
    if target and not access.endpoints().filter(pk=target).exists():
        raise EndpointNotFound
    return operations.create_event(
        access.project.uid,
        event,
        endpoint_id=endpoint_id,
        app_id=app_id,
        key_scope=access.customer,
        subscribes=access.may(MANAGE_SUBSCRIPTIONS),
    )


def send_test_event(
    access: Access, endpoint_id: str, *, event_type: str, raw: bytes | None = None, is_rehearsal: bool = False
) -> EventDelivery:
    """Send a test event to an endpoint of the customer. Raises DomainError, also for too many in a minute.

    Contract: docs/contract/events.md#tests.
    """
    access.require(SEND_TEST)
    opened_by = access.session or access.link
    return trials.send_test_event(
        access.project.uid,
        endpoint_id,
        event_type=event_type,
        raw=raw,
        is_rehearsal=is_rehearsal,
        scope=access.endpoints(),
        session_id="" if opened_by is None else opened_by.pk,
    )


def replay_event(access: Access, event_id: str) -> None:
    """Replay an event to its endpoints, which must all be the customer's. Raises DomainError."""
    access.require(CREATE_ATTEMPTS)
    replay.replay_event(access.project.uid, event_id, scope=access.endpoints())


def batch_replay(access: Access, rows: "QuerySet[Event]") -> Tally:
    """Replay the events of `rows` whose endpoints are all the customer's.

    Raises Forbidden, and InvalidInput for too many, and while another batch replay of the customer is under way.
    """
    access.require(CREATE_ATTEMPTS)
    return replay.batch_replay(access.project.uid, rows, scope=access.endpoints(), customer=access.customer)


def create_replay_job(access: Access, wanted: EventFilter, *, is_dry_run: bool = False) -> Job:
    """Store a job that replays the events that are `wanted` and whose endpoints are all the customer's.

    The caller has narrowed `wanted` to the customer's endpoints. Raises Forbidden, and InvalidInput while another one
    of the customer is open.
    """
    access.require(CREATE_ATTEMPTS)
    return replay_jobs.create_replay_job(access.project.uid, wanted, customer=access.customer, is_dry_run=is_dry_run)
