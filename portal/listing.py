"""Read the list of a customer's endpoints: a line for each, the chips by status, and the steps of a first visit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from deliveries.health import EndpointHealth, Listed, endpoint_page, status_counts
from endpoints.timeouts import timeout_of
from portal.charts import sparkline
from portal.overview import known_types
from portal.says import fingerprint
from portal.sentences import retried_for, retries_words
from portal.start import MOST_ENDPOINTS, has_received, steps
from portal.words import ENDPOINT_PILLS, Pill, counted, endpoint_pill, listens_words, number, span
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    uid: str
    link: str
    name: str
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
    #: Blank for all of them.
    status: str
    count: str
    url: str
    is_current: bool


def list_context(access: Access, *, q: str = "", status: str = "", after: str = "") -> dict[str, Any]:
    """Return the context of the list: endpoints with `q` in their name or URL and of one status, from `after` on."""
    home = reverse("portal-endpoints", args=[access.project.pk])
    wanted = EndpointHealth(status) if status in ENDPOINT_PILLS else None
    scope = access.endpoints()
    if q:
        scope = scope.filter(Q(name__icontains=q) | Q(url__icontains=q))
    now = timezone.now()
    counts = status_counts(scope, now)
    found = endpoint_page(scope, status=wanted, after=after, now=now)
    known = known_types(access)
    rows = [_row(access, listed, known) for listed in found.endpoints]
    total = sum(counts.values())
    asked = {"q": q, "status": wanted or ""}
    seen = fingerprint(*((listed.uid, listed.health.status) for listed in found.endpoints))
    return {
        "rows": rows,
        "chips": _chips(home, counts, q, wanted),
        "q": q,
        "status": wanted or "",
        "is_empty": not total and not q,
        "is_later": bool(after),
        "first_url": _address(home, asked),
        "older_url": _address(home, asked | {"after": found.after}) if found.after else "",
        "poll_url": _address(home, asked | {"after": after, "seen": seen}),
        "seen": seen,
        "announced": _endpoints(total if wanted is None else counts[wanted]),
        "after_words": _after(total if wanted is None else counts[wanted], is_narrowed=bool(q or wanted)),
        **_start(access, found.endpoints, len(known), total, is_asked=bool(q or wanted or after)),
    }


def _row(access: Access, listed: Listed, known: Sequence[str]) -> Row:
    health = listed.health
    failed = ngettext("%(count)s failed", "%(count)s failed", health.failed) % {"count": number(health.failed)}
    return Row(
        listed.uid,
        reverse("portal-endpoint", args=[access.project.pk, listed.uid]),
        listed.name,
        listed.url,
        listed.url.partition("://")[2] or listed.url,
        listens_words(health.listens, known, has_conditions=health.has_conditions),
        sparkline(health.hours),
        health.delivered,
        failed if health.failed else "",
        endpoint_pill(health.status),
    )


def _chips(home: str, counts: Mapping[EndpointHealth, int], q: str, status: EndpointHealth | None) -> list[Chip]:
    """Return a chip for all endpoints, and one for each status that some have or that is asked for."""
    chips = [Chip(_("All"), "", counted(sum(counts.values())), _address(home, {"q": q}), status is None)]
    for name, shown in ENDPOINT_PILLS.items():
        count = counts.get(name, 0)
        if count or name == status:
            chips.append(
                Chip(shown.word, name, counted(count), _address(home, {"q": q, "status": name}), name == status)
            )
    return chips


def _address(home: str, parameters: Mapping[str, str]) -> str:
    given = {name: value for name, value in parameters.items() if value}
    return f"{home}?{urlencode(given)}" if given else home


def _endpoints(count: int) -> str:
    return ngettext("%(count)s endpoint", "%(count)s endpoints", count) % {"count": counted(count)}


def _after(count: int, *, is_narrowed: bool) -> str:
    """Say below the list how many endpoints there are, and their order."""
    if is_narrowed or count < 2:
        return _endpoints(count)
    return gettext("%(endpoints)s. Those that need you come first.") % {"endpoints": _endpoints(count)}


def _start(access: Access, listed: Sequence[Listed], types: int, total: int, *, is_asked: bool) -> dict[str, Any]:
    """Return the context of the first steps, empty where the customer has done them or may not do them."""
    if is_asked or total > MOST_ENDPOINTS or not access.may(MANAGE_ENDPOINT):
        return {}
    # An endpoint's status does not count test events, so they are looked for here.
    if any(row.health.last_delivered_at for row in listed) or (total and has_received(access)):
        return {}
    silent = [row.uid for row in listed if row.health.status == EndpointHealth.NOT_SUBSCRIBED]
    config = access.project.config
    strategy = config["strategy"]
    attempts = strategy["retry_count"]
    return {
        "steps": steps(access, [row.uid for row in listed], silent[0] if silent else "", types),
        "header": config["signature"]["header"],
        "timeout": span(timeout_of(0)),
        "retries": retries_words(attempts, retried_for(strategy["type"], strategy["duration"], attempts)),
    }
