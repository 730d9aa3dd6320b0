"""Show values on the operators' pages: links, cut texts, durations, payloads. Whatever is not ours is escaped."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from core.admin import NOTHING, shown_text
from core.highlight import LONG, header_lines, highlighted

#: The owners that a path can hold as they are: browsers take out "..", and routes end lines.
_PLAIN_OWNER = re.compile(r"[A-Za-z0-9_@:+=,~-][A-Za-z0-9_@.:+=,~-]*")


def customer_url(project_id: str, owner_id: str) -> str:
    """Return the address of a customer's page."""
    if _PLAIN_OWNER.fullmatch(owner_id):
        return reverse("admin:customer", args=[project_id, owner_id])
    return f"{reverse('admin:customer_of', args=[project_id])}?{urlencode({'owner': owner_id})}"


def customer_link(project_id: str, owner_id: str) -> SafeString:
    """Return a link to a customer's page; NOTHING where there is no owner."""
    return linked(customer_url(project_id, owner_id), owner_id, "cut narrow") if owner_id else NOTHING


def linked(url: str, text: object, name: str = "") -> SafeString:
    """Return a link to a text; one with the CSS class "cut" is cut off at the width of its column."""
    if not name:
        return format_html('<a href="{}">{}</a>', url, text)
    return format_html('<a href="{}" class="{}" title="{}">{}</a>', url, name, text, text)


def row_link(route: str, pk: str, text: object = "", name: str = "") -> SafeString:
    """Return a link to the page of a row. `route` is one of the admin's: "events_event_change"."""
    return linked(reverse(f"admin:{route}", args=[pk]), text or pk, name)


@admin.display(description="project")
def project_link(row: Any) -> SafeString:
    """Return the project of a row, which leads to its page."""
    return row_link("projects_project_change", row.project_id, row.project.name)


def list_link(route: str, text: str, **query: str) -> SafeString:
    """Return a link to a list with filters. `route` is one of the admin's: "events_event_changelist"."""
    return linked(f"{reverse(f'admin:{route}')}?{urlencode(query)}", text)


def cut(text: object, name: str = "cut") -> SafeString:
    """Return a text that is cut off at the width of its column, with all of it as a tooltip; never markup."""
    escaped = escape(text)
    return format_html('<span class="{}" title="{}">{}</span>', name, escaped, escaped) if text else NOTHING


def pill(word: object, tone: str = "") -> SafeString:
    """Return a status word. `tone` is good, warn, bad, or blank."""
    return format_html('<span class="pill {}" title="{}">{}</span>', tone, word, word)


def yes_no(field: str, title: str) -> Any:
    """Return a column or field that shows a boolean as a word: Django's red cross calls each `no` a fault.

    It is a function of the row, which django-stubs do not know among the fields of a page.
    """

    @admin.display(description=title)
    def shown(row: Any) -> str:
        return "yes" if getattr(row, field) else "no"

    shown.__name__ = f"{field}_word"
    return shown


def at(moment: datetime | None) -> SafeString:
    """Return a time to the second, as the lists show it."""
    if moment is None:
        return NOTHING
    return format_html('<span class="nowrap">{}</span>', f"{localtime(moment):%Y-%m-%d %H:%M:%S}")


def seconds_between(start: datetime | None, end: datetime | None) -> str:
    """Return the time between two moments: "164 ms", "2.1 s"; blank where one is missing."""
    if start is None or end is None:
        return ""
    seconds = max((end - start).total_seconds(), 0)
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s"


def payload(text: str, *, hidden: bool = False) -> SafeString:
    """Return a payload for reading: JSON with line breaks, everything else as it is; cut where it is long.

    With `hidden`, return its size alone, as the portal does for those who may change nothing.
    """
    if hidden:
        size = len(text.encode(errors="replace"))
        return format_html("{} bytes, which this project hides from those who may change nothing.", size)
    if len(text.encode(errors="replace")) > LONG:
        return shown_text(text)
    return format_html('<pre class="code">{}</pre>', highlighted(text).markup)


def headers(values: Mapping[str, Any]) -> SafeString:
    """Return headers for reading, a line each; the caller has masked them."""
    texts = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in values.items()
    }
    return format_html('<pre class="code">{}</pre>', header_lines(texts)) if texts else NOTHING
