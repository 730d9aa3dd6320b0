"""Try a filter that is being written on recent events of the customer, and on one of their own choice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db.models import Q
from django.db.models.functions import Left
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext_lazy

from events.models import Event
from events.reads import Within, scope_ids
from portal.filter_words import explanation_words, shown
from portal.trials import wrong_json
from portal.words import Pill, number
from portal_links.access import Access
from portal_links.capabilities import VIEW_PAYLOADS
from projects.models import EVERY_TYPE
from subscriptions.filters import MAX_STEPS, Budget
from subscriptions.filters.explain import explain

#: The most events that are tried. They are among the project's newest LOOKED_AT: a customer may have few of many.
MOST_EVENTS = 20
LOOKED_AT = 5_000
#: A longer payload is not tried: twenty of them are read while somebody types.
MOST_BYTES = 65_536
#: The steps that all events of a trial may take together.
STEPS = 5 * MAX_STEPS

SENT = Pill(pgettext_lazy("trial", "Sent"), "check", "good")
NOT_SENT = Pill(pgettext_lazy("trial", "Not sent"), "ban", "open")


@dataclass(frozen=True, slots=True)
class Trial:
    """One event, whether a filter takes it, and why."""

    label: str
    created_at: datetime | None
    pill: Pill
    why: SafeString


@dataclass(frozen=True, slots=True)
class Sample:
    """One event to try a filter on."""

    label: str
    created_at: datetime | None
    body: Any
    headers: Any


def recent_events(access: Access, event_type: str) -> list[Sample]:
    """Return recent events of a type, `*` for any, newest first; none for a caller who may not see payloads.

    They went to an endpoint of the customer, or were addressed to the customer as an owner. Two statements.
    """
    if not access.may(VIEW_PAYLOADS):
        return []
    newest = Event.objects.filter(project=access.project).order_by("-pk").values("pk")[:LOOKED_AT]
    rows = _visible(access).filter(pk__in=newest)
    if event_type != EVERY_TYPE:
        rows = rows.filter(event_type=event_type)
    return [sample for row in _read(rows.order_by("-pk")[:MOST_EVENTS]) if (sample := _sample(row)) is not None]


def own_event(access: Access, text: str) -> Sample | str:
    """Return the sample that a customer has typed, a payload as JSON or an event's id; else a text with the reason."""
    text = text.strip()
    if text[:1] in ("{", "[", '"') or not access.may(VIEW_PAYLOADS):
        try:
            return Sample(gettext("Your payload"), None, orjson.loads(text), {})
        except orjson.JSONDecodeError:
            return wrong_json(text)
    found = _read(_visible(access).filter(pk=text[:26]))
    sample = _sample(found[0]) if found else None
    return gettext("There is no such event.") if sample is None else sample


def try_filter(conditions: dict[str, Any], samples: Sequence[Sample]) -> list[Trial]:
    """Return the outcome of conditions that have been checked for each event."""
    budget = Budget(STEPS)
    trials = []
    for sample in samples:
        found = explain(conditions, body=sample.body, headers=sample.headers, budget=budget)
        pill = SENT if found.holds else NOT_SENT
        trials.append(Trial(sample.label, sample.created_at, pill, explanation_words(found)))
    return trials


def counted(trials: Sequence[Trial]) -> str:
    """Say how many of the events would be sent; blank where there is none."""
    if not trials:
        return ""
    words = ngettext(
        "%(sent)s of the last %(count)s would be sent", "%(sent)s of the last %(count)s would be sent", len(trials)
    )
    return words % {"sent": number(sum(trial.pill is SENT for trial in trials)), "count": number(len(trials))}


def _visible(access: Access) -> Any:
    within = scope_ids(access.endpoints()) or Within([])
    theirs = within.events(within)
    if access.owner_id:
        theirs |= Q(channel=Event.Channel.FANOUT, owner_id=access.owner_id)
    return Event.objects.filter(theirs, project=access.project)


def _read(rows: Any) -> list[Any]:
    return list(rows.values("pk", "created_at", "headers", text=Left("data", MOST_BYTES + 1)))


def _sample(row: Any) -> Sample | None:
    """Return an event to try; None for one whose payload is too long or no JSON."""
    if len(row["text"]) > MOST_BYTES:
        return None
    try:
        body = orjson.loads(row["text"])
    except orjson.JSONDecodeError:
        return None
    named = body.get("id") if isinstance(body, dict) else None
    label = shown(named) if isinstance(named, (str, int)) and named else row["pk"]
    return Sample(label, row["created_at"], body, row["headers"])
