"""Put deliveries and their attempts into the words of the portal's pages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import get_text_list
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from deliveries.reads import ListedDelivery
from endpoints.models import Endpoint
from events import unsent
from events.models import DeliveryAttempt, EventDelivery
from outbound.answers import answer_kind, answer_text
from outbound.retries import delay_seconds, parse_retry_after
from outbound.states import Status
from portal.sentences import Circumstances, guess_words
from portal.templatetags.portal import moment
from portal.words import answer_words, delivery_pill, duration, number, span

#: The most times of further attempts that are named.
NAMED_ATTEMPTS = 3
_INACTIVE = _("The endpoint was paused or disabled")
_DELETED = _("The endpoint was deleted")
_KEPT_NO_MORE = _("The event is no longer kept")
#: By description, as the engine stores it, of a delivery that was not sent.
NOT_SENT = {
    unsent.NOT_ACTIVE: _INACTIVE,
    unsent.INACTIVE: _("The endpoint was disabled"),
    unsent.INACTIVE_OR_DELETED: _("The endpoint was disabled or deleted"),
    unsent.NO_ENDPOINT: _DELETED,
    unsent.NO_EVENT: _KEPT_NO_MORE,
    unsent.EXPUNGED: _KEPT_NO_MORE,
    unsent.NO_PROJECT: _("Nothing is sent any more"),
    unsent.DISCARDED: _("Support discarded it"),
}
_NOT_ACTIVE = _("Paused or disabled")
_BRIEFLY_KEPT_NO_MORE = _("Event is no longer kept")
#: The same in the few words that fit the column of a list.
NOT_SENT_BRIEFLY = NOT_SENT | {
    unsent.NOT_ACTIVE: _NOT_ACTIVE,
    unsent.INACTIVE: _("Endpoint disabled"),
    unsent.INACTIVE_OR_DELETED: _("Disabled or deleted"),
    unsent.NO_ENDPOINT: _("Endpoint deleted"),
    unsent.NO_EVENT: _BRIEFLY_KEPT_NO_MORE,
    unsent.EXPUNGED: _BRIEFLY_KEPT_NO_MORE,
}
#: The words of an empty list, and the title of a list, by the status in its address.
NONE_FOUND = {
    "": _("No deliveries in this period"),
    "delivered": _("No delivered deliveries in this period"),
    "retrying": _("No deliveries are being retried in this period"),
    "failed": _("No failed deliveries in this period"),
    "not-sent": _("Nothing was left unsent in this period"),
}
TITLES = {
    "": _("Deliveries"),
    "delivered": _("Delivered deliveries"),
    "retrying": _("Deliveries being retried"),
    "failed": _("Failed deliveries"),
    "not-sent": _("Deliveries not sent"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """The facts that the sentence of a delivery is made of."""

    delivery: EventDelivery
    #: The last attempt, if there is one.
    last: DeliveryAttempt | None
    endpoint: Endpoint
    timeout_seconds: float
    now: datetime

    @property
    def made(self) -> int:
        """Return the number of attempts since it was first sent, or sent again."""
        return self.delivery.num_trials - self.delivery.num_trials_before

    @property
    def answer(self) -> str:
        """Return the last answer in words."""
        return "" if self.last is None else attempt_answer(self.last, self.timeout_seconds)


@dataclass(frozen=True, slots=True)
class Says:
    """A delivery's status in words: its colour and icon, a first sentence, and what follows it."""

    tone: str
    shape: str
    head: SafeString
    text: SafeString


def attempts_words(delivery: ListedDelivery | EventDelivery) -> str:
    """Return the number of attempts: "2 of 5" while there may be more or all have failed, else "1"."""
    made = delivery.num_trials - delivery.num_trials_before
    if delivery.status in (Status.SUCCESS, Status.DISCARDED, Status.SCHEDULED):
        return number(made)
    under_way = made + (delivery.status == Status.PROCESSING)
    words = gettext("%(made)s of %(limit)s")
    return words % {"made": number(under_way), "limit": number(max(delivery.retry_limit, under_way))}


def not_sent_words(description: str) -> str:
    """Return why a delivery was not sent, of its description as the engine stores it."""
    return str(NOT_SENT.get(description, _INACTIVE))


def not_sent_briefly(description: str) -> str:
    """Return why a delivery was not sent, in the few words that fit the column of a list."""
    return str(NOT_SENT_BRIEFLY.get(description, _NOT_ACTIVE))


def last_answer(row: ListedDelivery, *, timeout_seconds: float, now: datetime) -> str:
    """Return the last answer to a listed delivery, with its time or the time until the next attempt."""
    match row.status:
        case Status.PROCESSING:
            return gettext("Waiting for the answer")
        case Status.DISCARDED:
            return not_sent_briefly(row.description)
        case Status.SCHEDULED:
            return gettext("Waiting to be sent")
    if row.http_status is None:
        return ""
    words = answer_words(row.answer, answer_text(row.http_status, row.error or ""), timeout_seconds=timeout_seconds)
    if row.status == Status.RETRY:
        answer = row.answer if row.answer.isdecimal() else words
        return answer_and_rest(answer, row.next_send_time, now)
    if row.status == Status.SUCCESS and row.seconds is not None:
        return gettext("%(answer)s, %(time)s") % {"answer": words, "time": duration(row.seconds)}
    return words


def answer_and_rest(answer: str, next_send_time: datetime, now: datetime) -> str:
    """Return the last answer to a delivery that is retried, with the time until the next attempt."""
    rest = (next_send_time - now).total_seconds()
    if rest <= 0:
        return gettext("%(answer)s, again in a moment") % {"answer": answer}
    return gettext("%(answer)s, again in %(time)s") % {"answer": answer, "time": duration(rest)}


def says(told: Told) -> Says:
    """Return the words for a delivery's status and for what happens next with it."""
    pill = delivery_pill(told.delivery.status)
    head, text = _SENTENCES[Status(told.delivery.status)](told)
    return Says(pill.tone if pill.tone in ("good", "bad", "warn") else "", pill.shape, head, text)


def attempt_answer(attempt: DeliveryAttempt, timeout_seconds: float) -> str:
    """Return the answer to an attempt in words: "503 Service Unavailable", "No answer in 10 seconds"."""
    kind = answer_kind(attempt.http_status, attempt.error)
    return answer_words(kind, answer_text(attempt.http_status, attempt.error), timeout_seconds=timeout_seconds)


def explained(attempt: DeliveryAttempt, *, timeout_seconds: float, now: datetime) -> SafeString:
    """Return a guess at why an attempt has failed, and the pause that the receiver has asked for; blank for others."""
    if attempt.status:
        return SafeString("")
    told = Circumstances(
        url=attempt.url,
        timeout_seconds=timeout_seconds,
        attempts=1,
        retried_for_seconds=0,
        sender="",
        reader=(),
        now=now,
    )
    parts = [guess_words(answer_kind(attempt.http_status, attempt.error), told), _pause(attempt)]
    return _joined(parts)


def next_attempts(delivery: EventDelivery, now: datetime) -> list[datetime]:
    """Return the times of the attempts after the next one, jitter aside, should each fail as soon as it is made.

    An attempt that is due already is counted from `now`.
    """
    made = delivery.num_trials - delivery.num_trials_before
    moments = []
    at = max(delivery.next_send_time, now)
    for failures_before in range(made, delivery.retry_limit - 1):
        seconds = delay_seconds(delivery.strategy, delivery.interval_seconds, failures_before, random=lambda: 0)
        at += timedelta(seconds=seconds)
        moments.append(at)
    return moments


def next_words(delivery: EventDelivery, now: datetime) -> SafeString:
    """Say when the attempts after the next one are, or that there are none."""
    times = next_attempts(delivery, now)
    if not times:
        return _html(gettext("This is the last attempt."))
    named: list[str] = [moment(time) for time in times[:NAMED_ATTEMPTS]]
    # The times are markup of our own.
    shown = mark_safe(get_text_list(named, gettext("and")))  # noqa: S308
    more = len(times) - len(named)
    if not more:
        return _html(gettext("Then at %(times)s, if it is needed."), times=shown)
    words = ngettext(
        "Then at %(times)s and %(more)s more time, if it is needed.",
        "Then at %(times)s and %(more)s more times, if it is needed.",
        more,
    )
    return _html(words, times=shown, more=number(more))


def retry_after(headers: Mapping[str, Any], now: datetime) -> float | None:
    """Return the seconds for which an answer's Retry-After asks, None where it does not."""
    for name, value in headers.items():
        if name.lower() == "retry-after":
            return parse_retry_after(str(value), now)
    return None


def _pause(attempt: DeliveryAttempt) -> SafeString:
    seconds = retry_after(attempt.response_http_header, attempt.responded_at or attempt.requested_at)
    return _html(gettext("It asked us to wait %(time)s."), time=span(seconds)) if seconds else SafeString("")


Made = tuple[SafeString, SafeString]
NOTHING = SafeString("")


def _scheduled(told: Told) -> Made:
    if told.endpoint.status == Endpoint.Status.PAUSED:
        return _html(gettext("Will be sent when the endpoint is resumed.")), NOTHING
    if told.delivery.next_send_time > told.now:
        return _html(gettext("Will be sent at %(time)s."), time=moment(told.delivery.next_send_time)), NOTHING
    return _html(gettext("Will be sent in a moment.")), NOTHING


def _sending(told: Told) -> Made:
    patience = _html(gettext("Your server has %(time)s to give one."), time=span(told.timeout_seconds))
    return _html(gettext("Waiting for the answer.")), patience


def _delivered(told: Told) -> Made:
    head = _html(gettext("Delivered at the first attempt."))
    if told.made > 1:
        head = _html(gettext("Delivered at attempt %(count)s."), count=number(told.made))
    if told.last is None or told.last.responded_at is None:
        return head, NOTHING
    taken = duration((told.last.responded_at - told.last.requested_at).total_seconds())
    return head, _html(gettext("Your server answered %(answer)s in %(time)s."), answer=told.answer, time=taken)


def _retrying(told: Told) -> Made:
    at = told.delivery.next_send_time
    rest = (at - told.now).total_seconds()
    head = _html(gettext("Next attempt in a moment."))
    if told.endpoint.status == Endpoint.Status.PAUSED:
        head = _html(gettext("The next attempt waits until the endpoint is resumed."))
    elif rest > 0:
        head = _html(gettext("Next attempt at %(time)s, in %(rest)s."), time=moment(at), rest=span(rest))
    words = ngettext(
        "%(made)s of %(limit)s attempts has failed. The last answer: %(answer)s.",
        "%(made)s of %(limit)s attempts have failed. The last answer: %(answer)s.",
        told.made,
    )
    tried = _html(words, made=number(told.made), limit=number(told.delivery.retry_limit), answer=told.answer)
    return head, _joined([tried, NOTHING if told.last is None else _pause(told.last)])


def _failed(told: Told) -> Made:
    if told.delivery.description == unsent.LOST:
        why = gettext("We were interrupted while we sent it, and it may be sent once at most.")
        return _html(gettext("Given up.")), _html(why)
    if told.last is None:
        return _html(gettext("Given up.")), NOTHING
    made = max(told.made, 1)
    words = ngettext(
        "Given up after %(count)s attempt, the last at %(time)s: %(answer)s.",
        "Given up after %(count)s attempts, the last at %(time)s: %(answer)s.",
        made,
    )
    return _html(words, count=number(made), time=moment(told.last.requested_at), answer=told.answer), NOTHING


def _not_sent(told: Told) -> Made:
    why = not_sent_words(told.delivery.description)
    return _html(gettext("Not sent.")), _html(gettext("%(reason)s."), reason=why)


_SENTENCES = {
    Status.SCHEDULED: _scheduled,
    Status.PROCESSING: _sending,
    Status.SUCCESS: _delivered,
    Status.RETRY: _retrying,
    Status.FAILURE: _failed,
    Status.DISCARDED: _not_sent,
}


def _html(words: str, **values: Any) -> SafeString:
    """Return words with their values, escaped but for markup of our own."""
    if not values:
        return format_html("{}", words)
    escaped = {name: format_html("{}", value) for name, value in values.items()}
    return mark_safe(format_html("{}", words) % escaped)  # noqa: S308


def _joined(parts: Iterable[SafeString]) -> SafeString:
    return mark_safe(" ".join(part for part in parts if part))  # noqa: S308
