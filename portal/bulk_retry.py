"""Send the failed deliveries of a list again: the question to the customer, and the progress."""

from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext, ngettext

from core.exceptions import InvalidInput
from core.ulid import first_ulid_at
from deliveries.filters import DeliveryFilter
from deliveries.health import EndpointHealth, endpoint_health
from deliveries.reads import counts, endpoints_with
from endpoints.models import Endpoint
from events.models import BatchRetry
from outbound.states import Status
from portal import deliveries
from portal.delivery_list import DeliveryList
from portal.words import answer_words, counted, number, span
from portal_links.access import Access


class OtherCount(InvalidInput):
    """Another number of deliveries has failed than the customer was shown."""

    def __init__(self, count: int) -> None:
        super().__init__("another number of deliveries has failed")
        self.count = count


@dataclass(frozen=True, slots=True)
class Question:
    """The failed deliveries that would be sent again, as the customer is asked."""

    count: int
    #: The bounds of their ids: later deliveries are not sent again, and the period keeps its beginning.
    first: str
    beyond: str
    #: The endpoint that all of them go to; None where there are several.
    endpoint: Endpoint | None
    #: The rate limit of that endpoint in words, "" where it has none.
    rate: str
    #: A reason not to do it now, in words; "" where there is none.
    warning: str

    @property
    def counted(self) -> str:
        """Return the number as it is shown."""
        return counted(self.count)


@dataclass(frozen=True, slots=True)
class Progress:
    """A batch retry under way, or done."""

    batch: BatchRetry
    of: int

    @property
    def is_done(self) -> bool:
        """Return whether nothing more of it is to come."""
        return self.batch.finished_at is not None

    @property
    def words(self) -> str:
        """Return how far it is."""
        if self.is_done:
            count = self.batch.retried
            words = ngettext("%(count)s delivery is sent again.", "%(count)s deliveries are sent again.", count)
            return words % {"count": number(count)}
        words = gettext("Retried %(count)s of %(total)s")
        return words % {"count": number(self.batch.retried), "total": counted(max(self.of, self.batch.retried))}


def failed(made: DeliveryList, *, first: str = "", beyond: str = "") -> DeliveryFilter:
    """Return the filter of the failed deliveries of a list, tests aside, within the bounds of a question."""
    wanted = made.filter(statuses=[str(Status.FAILURE)])
    return replace(wanted, is_real=True, first_uid=first or wanted.first_uid, beyond_uid=beyond or wanted.beyond_uid)


def question(made: DeliveryList, count: int) -> Question:
    """Return the question to a customer who wants to send the `count` failed deliveries of a list again."""
    wanted = failed(made, beyond=min(first_ulid_at(made.now), made.wanted.beyond_uid))
    found = endpoints_with(made.endpoint_ids, wanted, most=2)
    endpoint = made.endpoints[found[0]] if len(found) == 1 else None
    rate, warning = ("", "") if endpoint is None else (rate_words(endpoint), _warning(endpoint, made))
    return Question(count, wanted.first_uid, wanted.beyond_uid, endpoint, rate, warning)


def retry(access: Access, made: DeliveryList, *, first: str, beyond: str, count: int) -> BatchRetry | None:
    """Send the failed deliveries of a list again, if there are as many as the customer was shown.

    Raises OtherCount where there are not, and what create_batch_retry() raises.
    """
    wanted = failed(made, first=first, beyond=beyond)
    found = counts(made.endpoint_ids, replace(wanted, statuses=[]))
    now = 0 if found is None else found.failed
    if now != count:
        raise OtherCount(now)
    return deliveries.create_batch_retry(access, wanted)


def progress(access: Access, batch_id: str, of: int) -> Progress | None:
    """Return how far a batch retry of the customer is; None where there is none with this id."""
    rows = BatchRetry.objects.filter(project=access.project, customer=access.customer)
    batch = rows.filter(pk=batch_id).first()
    return None if batch is None else Progress(batch, of)


def latest(access: Access) -> BatchRetry | None:
    """Return the batch retry of the customer that is under way."""
    rows = BatchRetry.objects.filter(project=access.project, customer=access.customer, finished_at=None)
    return rows.first()


def rate_words(endpoint: Endpoint) -> str:
    """Return an endpoint's rate limit in words: "20 per second"; "" where it has none."""
    if not endpoint.rate_limit or not endpoint.rate_limit_duration:
        return ""
    if endpoint.rate_limit_duration == 1:
        return gettext("%(count)s per second") % {"count": number(endpoint.rate_limit)}
    period = span(endpoint.rate_limit_duration)
    return gettext("%(count)s in %(time)s") % {"count": number(endpoint.rate_limit), "time": period}


def _warning(endpoint: Endpoint, made: DeliveryList) -> Any:
    if endpoint.status == Endpoint.Status.PAUSED:
        return gettext("This endpoint is paused. They are sent when it is resumed.")
    if endpoint.status != Endpoint.Status.ACTIVE:
        return gettext("This endpoint is disabled. Enable it first, or they will not be sent.")
    health = endpoint_health([endpoint.pk], made.now)[endpoint.pk]
    if health.status != EndpointHealth.FAILING or not health.last_failure:
        return ""
    answer = answer_words(health.last_failure, health.last_failure_text)
    return gettext("The latest answer of this endpoint: %(answer)s. Fix that first, or they will fail again.") % {
        "answer": answer
    }
