"""Put the record of activity into words: a sentence, an icon and a detail for each row."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from activity.models import Activity

Verb = Activity.Verb

#: The most characters of a value that a detail shows.
SHOWN_CHARACTERS = 60
#: The most fields that a detail names.
SHOWN_FIELDS = 3
NO_VALUE = "\N{EN DASH}"


class Said(NamedTuple):
    """A row in words."""

    icon: str
    #: With `endpoint` as a link, where the customer can open it.
    sentence: SafeString
    detail: str


#: The icon and the sentence of each verb. {endpoint} is the endpoint, {name} the object by its recorded name.
SENTENCES: dict[str, tuple[str, Promise]] = {
    Verb.ENDPOINT_CREATED: ("plus", _("Added {endpoint}")),
    Verb.ENDPOINT_UPDATED: ("info", _("Changed {endpoint}")),
    Verb.ENDPOINT_PAUSED: ("pause", _("Paused {endpoint}")),
    Verb.ENDPOINT_RESUMED: ("check", _("Resumed {endpoint}")),
    Verb.ENDPOINT_DISABLED: ("ban", _("Disabled {endpoint}")),
    Verb.ENDPOINT_ENABLED: ("check", _("Enabled {endpoint}")),
    Verb.ENDPOINT_DELETED: ("cross", _("Deleted {endpoint}")),
    Verb.SECRET_ROTATED: ("key", _("Rotated the secret of {endpoint}")),
    Verb.SECRET_REVEALED: ("key", _("Revealed the secret of {endpoint}")),
    Verb.SUBSCRIPTION_CREATED: ("info", _("Chose the events of {endpoint}")),
    Verb.SUBSCRIPTION_UPDATED: ("info", _("Changed the events of {endpoint}")),
    Verb.SUBSCRIPTION_DELETED: ("none", _("Removed the events of {endpoint}")),
    Verb.FILTER_CREATED: ("info", _("Added the event type {name} to {endpoint}")),
    Verb.FILTER_UPDATED: ("info", _("Changed the filter for {name} of {endpoint}")),
    Verb.FILTER_DELETED: ("none", _("Removed the event type {name} from {endpoint}")),
    Verb.DELIVERY_RETRIED: ("retry", _("Retried a delivery to {endpoint}")),
    Verb.DELIVERIES_PAUSED: ("pause", _("Paused all deliveries")),
    Verb.DELIVERIES_RESUMED: ("check", _("Resumed all deliveries")),
    Verb.DELIVERIES_DISCARDED: ("none", _("Discarded waiting deliveries")),
    Verb.DELIVERIES_RESTORED: ("retry", _("Restored discarded deliveries")),
    Verb.WORKER_DRAINED: ("pause", _("Drained {name}")),
    Verb.WORKER_REFILLED: ("check", _("Resumed {name}")),
    Verb.EVENT_REPLAYED: ("retry", _("Sent an event again")),
    Verb.CONTENT_EXPUNGED: ("none", _("Deleted the content of {name}")),
    Verb.TEST_SENT: ("send", _("Sent a test event to {endpoint}")),
    Verb.PORTAL_LINK_CREATED: ("link", _("Created the link “{name}”")),
    Verb.PORTAL_LINK_UPDATED: ("link", _("Changed the link “{name}”")),
    Verb.PORTAL_LINK_REVOKED: ("link", _("Revoked the link “{name}”")),
    Verb.PORTAL_SESSION_OPENED: ("link", _("Opened a session")),
    Verb.PORTAL_SESSION_REVOKED: ("link", _("Ended a session")),
    Verb.PORTAL_PREVIEWED: ("search", _("Looked at these pages as you see them")),
    Verb.DELIVERY_LINK_CREATED: ("link", _("Created a link to one delivery")),
    Verb.DELIVERY_LINK_REVOKED: ("link", _("Revoked a link to one delivery")),
}
#: The choices of the page: their titles, and the verbs of each by their beginnings.
CHOICES: dict[str, tuple[Promise, tuple[str, ...]]] = {
    "secrets": (_("Secrets"), ("secret.",)),
    "endpoints": (_("Endpoints"), ("endpoint.",)),
    "events": (_("Events and filters"), ("subscription.", "filter.")),
    "retries": (_("Retries and tests"), ("delivery.", "deliveries.", "event.", "events.", "test.")),
    "access": (_("Access"), ("portal", "delivery_link.")),
}
#: The fields in words. One that is not here is shown by its name in the API.
FIELDS: dict[str, Promise] = {
    "url": _("URL"),
    "name": _("Name"),
    "description": _("Description"),
    "owner_id": _("Owner"),
    "support_email": _("Support e-mail"),
    "slack_webhook_url": _("Slack"),
    "teams_webhook_url": _("Teams"),
    "http_timeout": _("Timeout"),
    "rate_limit": _("Rate limit"),
    "rate_limit_duration": _("Rate limit"),
    "authentication": _("Authentication"),
    "mtls_client_cert": _("Client certificate"),
    "content_type": _("Content type"),
    "custom_headers": _("Headers"),
    "advanced_signatures": _("Timestamp in the signature"),
    "event_types": _("Event types"),
    "event_type": _("Event type"),
    "is_enabled": _("Enabled"),
    "body": _("Conditions"),
    "headers": _("Conditions on headers"),
    "query": _("Conditions on the query"),
    "path": _("Conditions on the path"),
    "endpoints": _("Endpoints"),
    "can_manage_endpoint": _("Manages endpoints"),
}


def said(row: Activity, endpoint: str) -> Said:
    """Return a row in words. `endpoint` is its endpoint: a link, or a text, which is escaped."""
    icon, sentence = SENTENCES.get(row.verb, ("info", None))
    match row.verb:
        case Verb.DELIVERIES_RETRIED:
            return Said("retry", _retried(row.count, endpoint), row.object_name)
        case Verb.EVENTS_REPLAYED:
            count = row.count or 0
            text = ngettext("Sent {count} event again", "Sent {count} events again", count)
            return Said("retry", format_html(text, count=count), "")
    if sentence is None:
        return Said(icon, format_html("{}", row.verb), "")
    return Said(icon, format_html(str(sentence), endpoint=endpoint, name=row.object_name), _detail(row))


def _retried(count: int | None, endpoint: str) -> SafeString:
    """Return the sentence of several deliveries, whose number is not known before the batch has ended."""
    if count is None:
        if endpoint:
            return format_html(gettext("Began to retry deliveries to {endpoint}"), endpoint=endpoint)
        return format_html("{}", gettext("Began to retry deliveries"))
    if endpoint:
        text = ngettext("Retried {count} delivery to {endpoint}", "Retried {count} deliveries to {endpoint}", count)
    else:
        text = ngettext("Retried {count} delivery", "Retried {count} deliveries", count)
    return format_html(text, count=count, endpoint=endpoint)


def _detail(row: Activity) -> str:
    changes: Mapping[str, Any] = row.changes
    match row.verb:
        case Verb.ENDPOINT_CREATED:
            return _value(changes["url"][1]).partition("://")[2] if "url" in changes else ""
        case Verb.ENDPOINT_DISABLED:
            return _value(changes["reason"][1]) if "reason" in changes else ""
        case Verb.SECRET_ROTATED:
            hours = changes["expiration"][1] if "expiration" in changes else 0
            if not hours:
                return gettext("the old one ended at once")
            text = ngettext("the old one valid for {hours} hour", "the old one valid for {hours} hours", hours)
            return text.format(hours=hours)
        case Verb.SUBSCRIPTION_CREATED:
            return _value(changes["event_types"][1]) if "event_types" in changes else ""
        case Verb.DELIVERY_RETRIED | Verb.EVENT_REPLAYED | Verb.TEST_SENT:
            return row.object_name
        case Verb.FILTER_CREATED:
            return ""
    return _differences(changes)


def _differences(changes: Mapping[str, Any]) -> str:
    """Return the fields that have changed, SHOWN_FIELDS at most; of a single one the values too, if not secret."""
    shown = {name: values for name, values in changes.items() if name != "owner_id"}
    if len(shown) == 1:
        [(name, (before, after))] = shown.items()
        if before is None and after is None:
            return _field(name)
        return gettext("{field}: {before} → {after}").format(
            field=_field(name), before=_value(before), after=_value(after)
        )
    names = list(dict.fromkeys(_field(name) for name in shown))
    return ", ".join([*names[:SHOWN_FIELDS], *(["…"] if len(names) > SHOWN_FIELDS else [])])


def _field(name: str) -> str:
    return str(FIELDS.get(name, name))


def _value(value: Any) -> str:
    """Return a value in short: nothing as a dash, a list by its items, an object by its dots."""
    match value:
        case None | "" | []:
            return NO_VALUE
        case bool():
            return gettext("yes") if value else gettext("no")
        case ["*"]:
            return gettext("All events")
        case list():
            return Truncator(_joined(value)).chars(SHOWN_CHARACTERS)
        case dict():
            return "{…}" if value else NO_VALUE
    return Truncator(str(value)).chars(SHOWN_CHARACTERS)


def _joined(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))
