"""Render the small parts that every page of the portal is made of: icons, statuses, times and numbers."""

from datetime import UTC, datetime
from typing import Protocol

from django import template
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

#: The formats of `moment`, which portal.js knows too: without the date where it is today's, to the second, and in
#: charts the hour or the day alone.
STYLES = ("short", "long", "hour", "day")


class Status(Protocol):
    """A status in words: see portal/words.py."""

    word: str
    #: The name of an icon.
    shape: str
    #: The class of its colour: good, bad, warn, calm or open; several with blanks between.
    tone: str


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return an icon of the sprite (sprite.html)."""
    return format_html('<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.simple_tag
def pill(status: Status) -> SafeString:
    """Return a status as word, shape and colour: never the colour alone."""
    return format_html('<span class="pill {}">{}{}</span>', status.tone, icon(status.shape), status.word)


@register.simple_tag
def moment(time: datetime | None, style: str = "short") -> SafeString:
    """Return a time, in UTC; portal.js shows it in the customer's zone. Blank where there is none.

    A "short" one of today is shown without its date; of "hour" and "day" only that part is shown.
    """
    if time is None:
        return SafeString("")
    if style not in STYLES:
        raise ValueError(f"{style!r} is not one of {STYLES}")
    shown = time.astimezone(UTC)
    text = f"{date_format(shown, 'DATE_FORMAT')}, {shown:%H:%M:%S} UTC"
    return format_html('<time datetime="{}" data-format="{}">{}</time>', shown.isoformat(), style, text)


@register.simple_tag
def number(value: int) -> SafeString:
    """Return a whole number with the separators of the page's language."""
    return format_html("{}", number_format(value, use_l10n=True, force_grouping=True))
