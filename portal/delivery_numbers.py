"""Put the numbers of a list of deliveries into words."""

from django.utils.translation import gettext, ngettext

from deliveries.reads import COUNTED_AT_MOST, RARE, Counts
from outbound.states import Status
from portal.words import counted, number


def shown(found: Counts | None, status: Status | None) -> str:
    """Return a number of a chip: "61", "10,000+", or "9,300+" where only the newest were counted."""
    if found is None:
        return ""
    count = found.total if status is None else found.of([status])
    if found.are_partial and count <= COUNTED_AT_MOST and status not in RARE:
        return gettext("%(count)s+") % {"count": number(count)}
    return counted(count)


def shown_words(rows: int, count: int | None, *, is_first: bool) -> str:
    """Say which part of the list the page shows."""
    zone = gettext("times in your time zone")
    if is_first and count is not None:
        given = {"last": number(rows), "count": counted(count), "zone": zone}
        return gettext("1 to %(last)s of %(count)s, %(zone)s") % given
    words = ngettext("%(count)s delivery, %(zone)s", "%(count)s deliveries, %(zone)s", rows)
    return words % {"count": number(rows), "zone": zone}


def announced(count: int | None) -> str:
    """Say how many deliveries a list has, for a reader who does not see it change; blank where that is not known."""
    if count is None:
        return ""
    words = ngettext("%(count)s delivery", "%(count)s deliveries", count)
    return words % {"count": counted(count)}
