"""Make the list of a customer's deliveries: its filters as they stand in the address, its rows, and its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zlib import crc32

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.storable_text import typed
from core.ulid import first_ulid_at
from deliveries.exceptions import CountTooSlow
from deliveries.filters import DeliveryFilter
from deliveries.reads import (
    PAGE_SIZE,
    Counts,
    ListedDelivery,
    counts,
    find,
    listed,
    of_rare_type,
)
from endpoints.models import Endpoint
from endpoints.timeouts import timeout_of
from outbound.states import Status
from portal.delivery_numbers import announced, shown, shown_words
from portal.delivery_words import NONE_FOUND, TITLES, attempts_words, last_answer
from portal.words import DELIVERY_PILLS, Pill, delivery_pill, group_of
from portal_links.access import Access
from projects.models import EVERY_TYPE, EventType

#: By name in the address.
STATUSES = {
    "delivered": Status.SUCCESS,
    "retrying": Status.RETRY,
    "failed": Status.FAILURE,
    "not-sent": Status.DISCARDED,
}
PERIODS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
PERIOD_WORDS = {"1h": _("1 h"), "24h": _("24 h"), "7d": _("7 d")}
DEFAULT_PERIOD = "24h"
#: With more endpoints there is no list to choose from: each endpoint's page has its own deliveries.
MOST_CHOICES = 200
_OF_ENDPOINT = ("uid", "name", "http_timeout", "status", "rate_limit", "rate_limit_duration")
#: Above every ULID, and below.
BEYOND, FIRST = "8", "0"
#: The most rows that a page keeps up to date while they are not final, and the most new ones that it counts.
MOST_WATCHED = 50
MOST_ANNOUNCED = 50
#: The characters of a filter that are read: more than any text has that it could find.
MOST_ASKED = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The filters of the list, as they stand in the address."""

    status: str = ""
    type: str = ""
    endpoint: str = ""
    period: str = DEFAULT_PERIOD
    start: datetime | None = None
    end: datetime | None = None
    q: str = ""
    after: str = ""

    @property
    def query(self) -> str:
        """Return the parameters that differ from the defaults, without a question mark."""
        given = {
            "status": self.status,
            "type": self.type,
            "endpoint": self.endpoint,
            "period": "" if self.period == DEFAULT_PERIOD else self.period,
            "from": written(self.start),
            "to": written(self.end),
            "q": self.q,
            "after": self.after,
        }
        return urlencode({name: value for name, value in given.items() if value})

    @property
    def is_filtered(self) -> bool:
        """Return whether anything but the time is chosen."""
        return bool(self.status or self.type or self.endpoint or self.q)


@dataclass(frozen=True, slots=True)
class Chip:
    """A status to choose, with the number of deliveries."""

    name: str
    word: Any
    url: str
    count: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery as the list shows it."""

    uid: str
    event_type: str
    endpoint_id: str
    endpoint_name: str
    created_at: datetime
    pill: Pill
    attempts: str
    answer: str
    is_failed: bool
    is_final: bool
    is_test: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A line of a select."""

    value: str
    words: Any
    is_current: bool


def read_asked(query: Mapping[str, str], *, endpoint_id: str = "") -> Asked:
    """Return the filters in a request's query; a value that cannot be understood is ignored."""
    given = {name: typed(query, name)[:MOST_ASKED] for name in ("status", "type", "q", "after")}
    start, end = read_time(query.get("from", "")), read_time(query.get("to", ""))
    # The names of the API are taken too.
    given["status"] = {str(value): name for name, value in STATUSES.items()}.get(given["status"], given["status"])
    period = query.get("period", "")
    if start is not None or end is not None:
        period = "custom"
    elif period not in PERIODS:
        period = DEFAULT_PERIOD
    return Asked(
        status=given["status"] if given["status"] in STATUSES else "",
        type=given["type"],
        endpoint=endpoint_id or typed(query, "endpoint")[:MOST_ASKED],
        period=period,
        start=start,
        end=end,
        q=given["q"],
        after=given["after"],
    )


def read_time(text: str) -> datetime | None:
    """Return a time of the address, in UTC where it names no zone; None for a text that is not a time."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def written(moment: datetime | None) -> str:
    """Return a time as it stands in the address."""
    return "" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}Z"


class DeliveryList:
    """The deliveries of a customer that some filters choose. The endpoints of the scope are read once."""

    def __init__(
        self, access: Access, asked: Asked, *, path: str, is_of_endpoint: bool = False, now: datetime | None = None
    ) -> None:
        self.access, self.asked, self.path, self.is_of_endpoint = access, asked, path, is_of_endpoint
        self.now = now or timezone.now()
        #: The rows on the customer's page, for the words below the list once new ones are put on top.
        self.rows_shown = 0
        scope = access.endpoints().order_by("name", "pk").only(*_OF_ENDPOINT)
        self.endpoints: dict[str, Endpoint] = {endpoint.uid: endpoint for endpoint in scope}
        chosen = {asked.endpoint} & self.endpoints.keys() if asked.endpoint else self.endpoints
        self.endpoint_ids = list(chosen)
        self.wanted = self._wanted()

    def url(self, **changes: Any) -> str:
        """Return the address of the list with other filters; it begins at the newest."""
        query = self._query(**changes)
        return f"{self.path}?{query}" if query else self.path

    def kept(self, *left_out: str) -> list[tuple[str, str]]:
        """Return the filters as the hidden fields of a form, without those that the form has itself."""
        pairs = parse_qsl(self._query())
        if self.is_of_endpoint:
            pairs.append(("of", self.asked.endpoint))
        return [(name, value) for name, value in pairs if name not in left_out]

    def poll_query(self, since: str, ids: list[str]) -> str:
        """Return the parameters of a request for the deliveries that are newer than one."""
        return urlencode(
            [*self.kept(), ("since", since), ("ids", ",".join(ids[:MOST_WATCHED])), ("rows", str(self.rows_shown))]
        )

    def _query(self, **changes: Any) -> str:
        """Return the parameters of the list's address. The path of an endpoint's page names the endpoint."""
        asked = replace(self.asked, **{"after": ""} | changes)
        return replace(asked, endpoint="").query if self.is_of_endpoint else asked.query

    def filter(self, *, statuses: list[str] | None = None, **bounds: Any) -> DeliveryFilter:
        """Return the filter of these deliveries, of other statuses or within other bounds."""
        chosen = [str(STATUSES[self.asked.status])] if self.asked.status else []
        return replace(self.wanted, statuses=chosen if statuses is None else statuses, **bounds)

    @cached_property
    def _of_rare_type(self) -> list[str] | None:
        wanted = self.wanted
        if not wanted.event_type or wanted.delivery_ids is not None:
            return None
        return of_rare_type(self.access.project.pk, self.endpoint_ids, wanted.event_type)

    def _listed_filter(self, **changes: Any) -> DeliveryFilter:
        """Return the filter of these deliveries, with their ids where few have the type."""
        found = self.filter(**changes)
        return found if self._of_rare_type is None else replace(found, delivery_ids=self._of_rare_type)

    def page(self) -> list[ListedDelivery]:
        """Return a page of them, and one more where there are older ones. Raises TookTooLong."""
        beyond = min(self.wanted.beyond_uid, self.asked.after) if self.asked.after else self.wanted.beyond_uid
        return listed(self.endpoint_ids, self._listed_filter(beyond_uid=beyond), most=PAGE_SIZE + 1)

    def newer(self, since: str) -> list[ListedDelivery]:
        """Return those that are newer than one, and one more than MOST_ANNOUNCED at most. Raises TookTooLong."""
        first = max(self.wanted.first_uid, f"{since}0")
        return listed(self.endpoint_ids, self._listed_filter(first_uid=first), most=MOST_ANNOUNCED + 1)

    def by_ids(self, ids: list[str]) -> list[ListedDelivery]:
        """Return those with the given ids, whatever else is chosen."""
        anything = DeliveryFilter(first_uid=FIRST, beyond_uid=BEYOND, delivery_ids=ids[:MOST_WATCHED])
        return listed(list(self.endpoints), anything, most=MOST_WATCHED) if ids else []

    def counts(self) -> Counts | None:
        """Count them by status; None where that takes too long."""
        return counts(self.endpoint_ids, self._listed_filter(statuses=[]))

    def number_of(self, found: Counts | None) -> int | None:
        """Return how many the list has, of the counts by status; None where those are not known."""
        return None if found is None else found.of([STATUSES[self.asked.status]] if self.asked.status else [])

    def row(self, delivery: ListedDelivery) -> Row:
        """Return a delivery as the list shows it."""
        endpoint = self.endpoints[delivery.endpoint_id]
        return Row(
            delivery.uid,
            delivery.event_type,
            delivery.endpoint_id,
            endpoint.name,
            delivery.created_at,
            delivery_pill(delivery.status),
            attempts_words(delivery),
            last_answer(delivery, timeout_seconds=timeout_of(endpoint.http_timeout), now=self.now),
            delivery.status == Status.FAILURE,
            delivery.is_final,
            bool(delivery.test),
        )

    def chips(self, found: Counts | None) -> list[Chip]:
        """Return the statuses to choose from, with their numbers."""
        every: list[tuple[str, Any, Status | None]] = [("", pgettext_lazy("deliveries", "All"), None)]
        every += [(name, DELIVERY_PILLS[status].word, status) for name, status in STATUSES.items()]
        return [
            Chip(name or "all", word, self.url(status=name), shown(found, status), self.asked.status == name)
            for name, word, status in every
        ]

    def periods(self) -> list[Choice]:
        """Return the periods to choose from, with their addresses."""
        asked = self.asked
        return [
            Choice(self.url(period=name, start=None, end=None), words, asked.period == name)
            for name, words in PERIOD_WORDS.items()
        ]

    def type_choices(self) -> list[Choice]:
        """Return the event types to choose from, and the groups of those. One statement."""
        rows = EventType.objects.filter(project=self.access.project).exclude(name=EVERY_TYPE).order_by("name")
        names = list(rows.values_list("name", flat=True)[:MOST_CHOICES])
        groups = sorted({f"{group}.*" for group in map(group_of, names) if group})
        chosen = self.asked.type
        values = [*groups, *names]
        if chosen and chosen not in values:
            values.append(chosen)
        return [Choice(value, value, value == chosen) for value in values]

    def endpoint_choices(self) -> list[Choice]:
        """Return the endpoints to choose from; none where there are too many, or only one."""
        if not 1 < len(self.endpoints) <= MOST_CHOICES:
            return []
        return [Choice(uid, found.name, uid == self.asked.endpoint) for uid, found in self.endpoints.items()]

    def _wanted(self) -> DeliveryFilter:
        asked = self.asked
        first, beyond = FIRST, BEYOND
        ids = None
        if asked.q:
            # An id or a key finds its deliveries however old they are.
            ids = find(self.access.project.pk, self.endpoint_ids, asked.q)
        elif asked.period in PERIODS:
            first = first_ulid_at(self.now - PERIODS[asked.period])
        else:
            first = _bound(asked.start) or FIRST
            beyond = _bound(asked.end) or BEYOND
        is_group = asked.type.endswith(".*")
        return DeliveryFilter(
            first_uid=first,
            beyond_uid=beyond,
            endpoint_ids=self.endpoint_ids,
            event_type="" if is_group else asked.type,
            type_prefix=asked.type.removesuffix("*") if is_group else "",
            delivery_ids=ids,
        )


def list_context(made: DeliveryList) -> dict[str, Any]:
    """Return the context of the list."""
    asked = made.asked
    try:
        found = made.page()
    except CountTooSlow:
        found, is_slow = [], True
    else:
        is_slow = False
    rows = [made.row(delivery) for delivery in found[:PAGE_SIZE]]
    made.rows_shown = len(rows)
    numbers = None if is_slow else made.counts()
    number_of = made.number_of(numbers)
    return {
        "asked": asked,
        "page": found[:PAGE_SIZE],
        "rows": rows,
        "is_slow": is_slow,
        "chips": made.chips(numbers),
        "periods": made.periods(),
        "types": made.type_choices(),
        "choices": made.endpoint_choices() if not asked.endpoint or asked.endpoint in made.endpoints else [],
        "list_title": TITLES[asked.status],
        "none_found": NONE_FOUND[asked.status],
        "from": written(asked.start),
        "to": written(asked.end),
        "older_url": made.url(after=rows[-1].uid) if len(found) > PAGE_SIZE else "",
        "newest_url": made.url() if asked.after else "",
        "all_url": made.url(status="", type="", q=""),
        "longer_url": made.url(period="7d", start=None, end=None) if asked.period in ("1h", "24h") else "",
        "unfiltered_url": made.path,
        "announced": announced(number_of),
        "shown_words": shown_words(len(rows), number_of, is_first=not asked.after),
        "cursor": made_cursor(made, found),
        "kept_by_tools": made.kept("type", "endpoint", "of", "q"),
        "kept_by_span": made.kept("period", "from", "to", "of"),
        "watched_rows": [delivery for delivery in found[:PAGE_SIZE] if not delivery.is_final][:MOST_WATCHED],
        "is_live": not asked.after and not asked.q and asked.end is None,
        "numbers": numbers,
    }


def numbers_context(made: DeliveryList) -> dict[str, Any]:
    """Return the context of a list's numbers once new deliveries were put on top of its rows."""
    numbers = made.counts()
    count = made.number_of(numbers)
    # Rows whose status has changed since stay on the page, but are not counted any more.
    rows = made.rows_shown if count is None else min(made.rows_shown, count)
    return {"chips": made.chips(numbers), "shown_words": shown_words(rows, count, is_first=True)}


def fingerprint(rows: list[ListedDelivery]) -> str:
    """Return a text that differs where one of some deliveries has changed; "" for none."""
    states = [(row.uid, row.status, row.num_trials, row.next_send_time.isoformat()) for row in rows]
    return f"{crc32(repr(states).encode()):x}" if rows else ""


def made_cursor(made: DeliveryList, found: list[ListedDelivery]) -> str:
    """Return the id after which deliveries are new: that of the newest on the page, or of this moment."""
    return found[0].uid if found else first_ulid_at(made.now)


def _bound(moment: datetime | None) -> str:
    """Return the lowest id of a time; "" for none, or one that no id can have."""
    if moment is None:
        return ""
    try:
        return first_ulid_at(moment)
    except (ValueError, OverflowError):
        return ""
