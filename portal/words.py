"""Put statuses, answers, durations and chosen event types into the words of the portal's pages."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from deliveries.health import EndpointHealth
from deliveries.reads import COUNTED_AT_MOST
from outbound.answers import AnswerKind
from outbound.states import Status
from projects.models import EVERY_TYPE


@dataclass(frozen=True, slots=True)
class Pill:
    """One status on a page: its word, the icon that gives its shape, and the CSS class that gives its colour."""

    word: Any
    shape: str
    tone: str


#: By status of an endpoint's health (deliveries/health.py), those that need the customer first.
ENDPOINT_PILLS = {
    EndpointHealth.FAILING: Pill(pgettext_lazy("endpoint", "Failing"), "alert", "bad"),
    EndpointHealth.RETRYING: Pill(pgettext_lazy("endpoint", "Retrying"), "retry", "warn"),
    EndpointHealth.NOT_SUBSCRIBED: Pill(pgettext_lazy("endpoint", "Not subscribed"), "none", "open"),
    EndpointHealth.ACTIVE: Pill(pgettext_lazy("endpoint", "Active"), "check", "good"),
    EndpointHealth.PAUSED: Pill(pgettext_lazy("endpoint", "Paused"), "pause", "calm"),
    EndpointHealth.DISABLED: Pill(pgettext_lazy("endpoint", "Disabled"), "ban", "bad open"),
}
#: By status of a delivery, as the API has it.
DELIVERY_PILLS = {
    Status.SCHEDULED: Pill(pgettext_lazy("delivery", "Scheduled"), "clock", "calm"),
    Status.PROCESSING: Pill(pgettext_lazy("delivery", "Sending"), "send", "calm"),
    Status.SUCCESS: Pill(pgettext_lazy("delivery", "Delivered"), "check", "good"),
    Status.RETRY: Pill(pgettext_lazy("delivery", "Retrying"), "retry", "warn"),
    Status.FAILURE: Pill(pgettext_lazy("delivery", "Failed"), "cross", "bad"),
    Status.DISCARDED: Pill(pgettext_lazy("delivery", "Not sent"), "ban", "open"),
}
#: By kind of answer (outbound/answers.py), for the kinds that are not a status code.
ANSWERS: dict[str, Any] = {
    AnswerKind.TIMEOUT: _("No answer in time"),
    AnswerKind.REFUSED: _("Connection refused"),
    AnswerKind.RESET: _("Connection closed without an answer"),
    AnswerKind.UNREACHABLE: _("Server not reachable"),
    AnswerKind.DNS: _("Host not found"),
    AnswerKind.TLS_EXPIRED: _("The certificate has expired"),
    AnswerKind.TLS_NAME: _("The certificate is for another name"),
    AnswerKind.TLS_UNTRUSTED: _("The certificate is not trusted"),
    AnswerKind.TLS: _("No secure connection"),
    AnswerKind.CERTIFICATE_MISSING: _("The client certificate was not accepted"),
    AnswerKind.PRIVATE_ADDRESS: _("This address can't be reached from the internet"),
    AnswerKind.BAD_ANSWER: _("The answer is incomplete or not valid HTTP"),
    AnswerKind.NO_TOKEN: _("No OAuth 2 token"),
    AnswerKind.UNSENT: _("The request could not be made"),
    AnswerKind.INTERRUPTED: _("We were interrupted while we sent it"),
}


def endpoint_pill(status: str) -> Pill:
    """Return the pill of an endpoint's health."""
    return ENDPOINT_PILLS[EndpointHealth(status)]


def delivery_pill(status: str) -> Pill:
    """Return the pill of a delivery's status."""
    return DELIVERY_PILLS[Status(status)]


def answer_words(kind: str, text: str = "", *, timeout_seconds: float | None = None) -> str:
    """Return an answer in words: "404 Not Found", or "No answer in 10 seconds".

    `kind` is a status code or a member of AnswerKind; `text` is the receiver's status line ("404 Not Found"), which
    counts only for a code.
    """
    if kind.isascii() and kind.isdigit():
        return text if text.startswith(kind) and text != kind else status_line(kind)
    if kind == AnswerKind.TIMEOUT and timeout_seconds:
        words = ngettext(
            "No answer in %(seconds)s second", "No answer in %(seconds)s seconds", _plural(timeout_seconds)
        )
        return words % {"seconds": number(timeout_seconds)}
    return str(ANSWERS.get(kind, _("The request failed")))


def status_line(code: str) -> str:
    """Return a status code with the reason that HTTP gives it; a code without a reason is returned as it is."""
    try:
        return f"{code} {HTTPStatus(int(code)).phrase}"
    except ValueError:
        return code


def duration(seconds: float) -> str:
    """Return a duration in the short form of tables: "164 ms", "2.1 s", "6 min"."""
    if seconds < 0.9995:
        return gettext("%(count)s ms") % {"count": number(round(seconds * 1000))}
    if seconds < 9.95:
        return gettext("%(count)s s") % {"count": number(round(seconds, 1), 1)}
    if seconds < 59.5:
        return gettext("%(count)s s") % {"count": number(round(seconds))}
    if seconds < 59.5 * 60:
        return gettext("%(count)s min") % {"count": number(round(seconds / 60))}
    return span(seconds)


def span(seconds: float) -> str:
    """Return a duration in words, rounded to its largest unit: "10 seconds", "3 hours"."""
    if seconds < 59.5:
        count = max(round(seconds), 1)
        words = ngettext("%(count)s second", "%(count)s seconds", count)
    elif seconds < 59.5 * 60:
        count = round(seconds / 60)
        words = ngettext("%(count)s minute", "%(count)s minutes", count)
    elif seconds < 47.5 * 3600:
        count = round(seconds / 3600)
        words = ngettext("%(count)s hour", "%(count)s hours", count)
    else:
        count = round(seconds / 86400)
        words = ngettext("%(count)s day", "%(count)s days", count)
    return words % {"count": number(count)}


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the events that an endpoint listens to: a type, or a group of which all types are chosen."""

    name: str
    #: The chosen types that the line stands for.
    types: tuple[str, ...]

    @property
    def is_group(self) -> bool:
        """Whether the line stands for a whole group."""
        return self.name.endswith(".*") and self.types != (self.name,)


def group_of(event_type: str) -> str:
    """Return the group of an event type, the part before its first dot; blank where it has none."""
    group, dot, rest = event_type.partition(".")
    return group if dot and rest else ""


def choices(chosen: Iterable[str], known: Collection[str]) -> list[Choice]:
    """Return the chosen types in order of name, each group of the `known` types as one line once it is complete.

    A group is complete where it has two known types or more and all are chosen.
    """
    types = sorted(set(chosen))
    if EVERY_TYPE in types:
        return [Choice(EVERY_TYPE, (EVERY_TYPE,))]
    size = Counter(group_of(name) for name in set(known))
    taken = Counter(group_of(name) for name in set(known).intersection(types))
    complete = {group for group, count in size.items() if group and count > 1 and taken[group] == count}
    lines: dict[str, list[str]] = {}
    for name in types:
        group = group_of(name)
        lines.setdefault(f"{group}.*" if group in complete else name, []).append(name)
    return [Choice(name, tuple(names)) for name, names in lines.items()]


def listens_words(chosen: Iterable[str], known: Collection[str], *, has_conditions: bool = False) -> str:
    """Return in one line what an endpoint listens to: "order.*", "invoice.* and 3 more", "All events, filtered".

    The largest group, or else the first type, stands for itself.
    """
    lines = choices(chosen, known)
    if not lines:
        return gettext("Nothing yet")
    largest = max(lines, key=lambda line: len(line.types))
    first = gettext("All events") if largest.name == EVERY_TYPE else largest.name
    more = sum(len(line.types) for line in lines) - len(largest.types)
    if more:
        words = ngettext("%(first)s and %(more)s more", "%(first)s and %(more)s more", more)
        first = words % {"first": first, "more": number(more)}
    return gettext("%(events)s, filtered") % {"events": first} if has_conditions else first


def number(value: float, decimals: int | None = None) -> str:
    """Return a number with the separators of the page's language."""
    return number_format(value, decimals, force_grouping=True)


def counted(count: int) -> str:
    """Return a count that stops at COUNTED_AT_MOST: "61", or "10,000+"."""
    if count <= COUNTED_AT_MOST:
        return number(count)
    return gettext("%(count)s+") % {"count": number(COUNTED_AT_MOST)}


def _plural(count: float) -> int:
    """Return the number that selects a plural form: a fraction takes that of two."""
    return int(count) if count == int(count) else 2
