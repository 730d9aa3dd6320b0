"""Read the list of a customer's endpoints: a line for each, the chips by status, and the steps of a first visit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from deliveries.health import Health, endpoint_health, page_of_endpoints, status_counts
from endpoints.models import Endpoint
from endpoints.timeouts import timeout_of
from portal.charts import sparkline
from portal.overview import known_types
from portal.sentences import retried_for, retries_words
from portal.start import MOST_ENDPOINTS, has_received, steps
from portal.words import ENDPOINT_PILLS, Pill, counted, endpoint_pill, listens_words, number, span
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    uid: str
    link: str
    name: str
    description: str
    url: str
    #: The URL without its scheme.
    address: str
    listens: str
    spark: SafeString
    delivered: int
    #: The failed deliveries in words; blank where there are none.
    failed: str
    pill: Pill


@dataclass(frozen=True, slots=True)
class Chip:
    """A link to the endpoints of one status, with their number."""

    word: Any
    count: str
    url: str
    is_current: bool


def list_context(access: Access, *, q: str = "", status: str = "", after: str = "") -> dict[str, Any]:
    """Return the context of the list: endpoints with `q` in their name or URL and of one status, from `after` on."""
    status = status if status in ENDPOINT_PILLS else ""
    home = reverse("portal-endpoints", args=[access.project.pk])
    counts = status_counts(access.endpoints())
    total = sum(counts.values())
    found, following = page_of_endpoints(access.endpoints(), q=q, status=status, after=after, size=PAGE_SIZE)
    health = endpoint_health([endpoint.pk for endpoint in found])
    known = known_types(access)
    rows = [_row(access, endpoint, health[endpoint.pk], known) for endpoint in found]
    asked = {"q": q, "status": status}
    seen = fingerprint(row.pill.shape + row.uid for row in rows)
    return {
        "rows": rows,
        "chips": _chips(home, counts, q, status),
        "q": q,
        "status": status,
        "is_empty": not total,
        "is_later": bool(after),
        "first_url": _address(home, asked),
        "older_url": _address(home, asked | {"after": following}) if following else "",
        "poll_url": _address(home, asked | {"after": after, "seen": seen}),
        "seen": seen,
        "announced": _endpoints(len(rows)),
        "after_words": _after(total, bool(q or status), len(rows)),
        **_start(access, rows, known, total, is_asked=bool(q or status or after)),
    }


def fingerprint(parts: Any) -> str:
    """Return a short text that differs where what a page shows differs: a poll sends it back."""
    return salted_hmac("portal.seen", "\n".join(parts)).hexdigest()[:16]


def _row(access: Access, endpoint: Endpoint, health: Health, known: Sequence[str]) -> Row:
    failed = ngettext("%(count)s failed", "%(count)s failed", health.failed) % {"count": number(health.failed)}
    return Row(
        endpoint.pk,
        reverse("portal-endpoint", args=[access.project.pk, endpoint.pk]),
        endpoint.name,
        endpoint.description,
        endpoint.url,
        endpoint.url.partition("://")[2] or endpoint.url,
        listens_words(health.listens, known, has_conditions=health.has_conditions),
        sparkline(health.hours),
        health.delivered,
        failed if health.failed else "",
        endpoint_pill(health.status),
    )


def _chips(home: str, counts: Mapping[str, int], q: str, status: str) -> list[Chip]:
    """Return a chip for all endpoints, and one for each status that some have or that is asked for."""
    chips = [Chip(_("All"), counted(sum(counts.values())), _address(home, {"q": q}), not status)]
    for name, shown in ENDPOINT_PILLS.items():
        count = counts.get(name, 0)
        if count or name == status:
            chips.append(Chip(shown.word, counted(count), _address(home, {"q": q, "status": name}), name == status))
    return chips


def _address(home: str, parameters: Mapping[str, str]) -> str:
    given = {name: value for name, value in parameters.items() if value}
    return f"{home}?{urlencode(given)}" if given else home


def _endpoints(count: int) -> str:
    return ngettext("%(count)s endpoint", "%(count)s endpoints", count) % {"count": counted(count)}


def _after(total: int, is_narrowed: bool, shown: int) -> str:
    """Say below the list how many endpoints there are, and their order."""
    if is_narrowed or total < 2:
        return _endpoints(shown)
    return gettext("%(endpoints)s. Those that need you come first.") % {"endpoints": _endpoints(total)}


def _start(access: Access, rows: Sequence[Row], known: Sequence[str], total: int, *, is_asked: bool) -> dict[str, Any]:
    """Return the context of the first steps, empty where the customer has done them or may not do them."""
    if is_asked or total > MOST_ENDPOINTS or not access.may(MANAGE_ENDPOINT) or (total and has_received(access)):
        return {}
    silent = ENDPOINT_PILLS["not_subscribed"]
    config = access.project.config
    strategy = config["strategy"]
    attempts = strategy["retry_count"]
    return {
        "steps": steps(
            access, [row.uid for row in rows], next((row.uid for row in rows if row.pill is silent), ""), len(known)
        ),
        "header": config["signature"]["header"],
        "timeout": span(timeout_of(0)),
        "retries": retries_words(attempts, retried_for(strategy["type"], strategy["duration"], attempts)),
    }
