"""Tell customers when an endpoint begins to fail, is disabled, or works again: once each, where they have chosen it.

The status is the one that the pages show, and the text is their sentence. What a customer has been told is stored in
the transaction of the messages, so that a crash neither loses nor repeats one.
Contract: docs/contract/deliveries.md#alerts.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from html import unescape
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.html import strip_tags
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from activity.operations import Verb
from core.addresses import is_public_url
from core.ulid import new_ulid
from deliveries.health import EndpointHealth, Health, endpoint_health
from endpoints.email_addresses import is_confirmed
from endpoints.models import AlertSettings, Endpoint, Notification
from endpoints.operations import record_change
from portal import operations
from portal.alert_addresses import TooManyAsked, ask_address, has_mails_left
from portal.says import circumstances_of
from portal.sentences import sentence
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT

Kind = AlertSettings.Kind
#: Seconds between two looks at the endpoints whose customers want to be told.
PAUSE_SECONDS = 10.0
#: Endpoints in one transaction.
TOGETHER = 200
#: Endpoints in one look.
MOST_IN_A_LOOK = 2_000
#: Longer than a failure counts for the status of an endpoint (deliveries/health.py).
TROUBLE_LASTS = timedelta(hours=25)
MAX_EMAIL, MAX_URL = 254, 2048
_LOCK_ID = 0x436F6E766F79_0A
#: The statuses of which a customer is told.
_TOLD = {EndpointHealth.FAILING: Kind.FAILING, EndpointHealth.DISABLED: Kind.DISABLED}

SUBJECTS = {
    Kind.FAILING: _("%(endpoint)s is failing"),
    Kind.DISABLED: _("%(endpoint)s is disabled"),
    Kind.RECOVERED: _("%(endpoint)s works again"),
}
CHANNELS = ("email", "slack", "teams", "hook")
#: The endpoint at which the last look of this process ended, where it did not reach all.
_reached = {"after": ""}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The choice of a customer: the occasions, and the address on each channel, "" for none."""

    on: list[str] = field(default_factory=list)
    email: str = ""
    slack: str = ""
    teams: str = ""
    hook: str = ""


def read_chosen(
    posted: Mapping[str, Any], on: list[str], *, kept: Chosen | None = None
) -> tuple[Chosen, dict[str, str]]:
    """Return the choice of a form, and what is wrong with it by field.

    An address that is left empty is that of `kept`, where the form does not show it.
    """
    given = {name: str(posted.get(name, "")).strip() for name in CHANNELS}
    if kept is not None:
        given = {name: text or getattr(kept, name) for name, text in given.items()}
    chosen, wrong = Chosen([kind for kind in Kind.values if kind in on], **given), {}
    if chosen.email:
        try:
            validate_email(chosen.email)
        except ValidationError:
            wrong["email"] = gettext("This is not an email address.")
    if len(chosen.email) > MAX_EMAIL:
        wrong["email"] = gettext("This is too long.")
    for name in CHANNELS[1:]:
        url = getattr(chosen, name)
        if url and (len(url) > MAX_URL or not url.startswith("https://") or not is_public_url(url)):
            wrong[name] = gettext("Begin with https://, and give an address that can be reached from the internet.")
    if chosen.on and not any(given.values()):
        wrong["email"] = gettext("Say where to tell you: by email, in a chat, or by a webhook.")
    return chosen, wrong


def save_alerts(access: Access, endpoint_id: str, chosen: Chosen) -> Endpoint:
    """Store the choice of a customer for one endpoint; without any occasion nothing is kept. Raises DomainError."""
    access.require(MANAGE_ENDPOINT)
    endpoint = operations.find_endpoint(access, endpoint_id)
    with transaction.atomic():
        if chosen.on:
            # The customer is not told of a state that the endpoint is in already.
            status = endpoint_health([endpoint.pk])[endpoint.pk].status
            known = {"alerted": _TOLD.get(status, ""), "alerted_at": timezone.now()}
            before = AlertSettings.objects.filter(endpoint=endpoint).first()
            row, _is_new = AlertSettings.objects.update_or_create(
                endpoint=endpoint,
                defaults={"chosen": asdict(chosen)},
                create_defaults={"chosen": asdict(chosen)} | known,
            )
            if chosen.email and not is_confirmed(chosen.email, row.email_confirmed):
                try:
                    ask_address(access, row, chosen.email)
                except TooManyAsked:
                    # This address gets no further question. The rest of the choice is saved nevertheless.
                    if before is None or before.chosen.get("email") != chosen.email:
                        raise
        else:
            AlertSettings.objects.filter(endpoint=endpoint).delete()
        record_change(Verb.ENDPOINT_UPDATED, endpoint, changes={"alerts": [None, None]})
    return endpoint


def chosen_alerts(endpoint: Endpoint) -> tuple[Chosen, bool]:
    """Return the choice for an endpoint, and whether its e-mail address waits for its reader to confirm it."""
    found = AlertSettings.objects.filter(endpoint=endpoint).first()
    if found is None:
        return Chosen(), False
    chosen = Chosen(**found.chosen)
    return chosen, bool(chosen.email) and not is_confirmed(chosen.email, found.email_confirmed)


# In the worker


def raise_alerts() -> float:
    """Queue a message for each endpoint whose state is news to its customer. Return the seconds until the next look.

    A look reaches MOST_IN_A_LOOK endpoints, and the next one goes on from there. Of these it reads only those that
    have failed lately, are disabled, or of whose trouble the customer was told.
    """
    after, seen = _reached["after"], 0
    _reached["after"] = ""
    while True:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK_ID])
                if not cursor.fetchone()[0]:
                    return PAUSE_SECONDS
            page = list(
                AlertSettings.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:TOGETHER]
            )
            found = list(_with_news(page)) if page else []
            health = endpoint_health([row.pk for row in found]) if found else {}
            for row in found:
                if row.pk in health:
                    _look_at(row, health[row.pk])
        if len(page) < TOGETHER:
            return PAUSE_SECONDS
        after, seen = page[-1], seen + len(page)
        if seen >= MOST_IN_A_LOOK:
            _reached["after"] = after
            return PAUSE_SECONDS


def _with_news(ids: list[str]) -> "QuerySet[AlertSettings]":
    """Return those of some choices of alerts whose endpoints can have news: the others are well, and were before."""
    lately = Q(endpoint__state__last_failure_at__gte=timezone.now() - TROUBLE_LASTS)
    rows = AlertSettings.objects.filter(pk__in=ids, endpoint__deleted_at=None, endpoint__project__deleted_at=None)
    rows = rows.filter(~Q(alerted="") | ~Q(endpoint__status=Endpoint.Status.ACTIVE) | lately)
    return rows.select_related("endpoint__project").order_by("pk")


def _look_at(row: AlertSettings, health: Health) -> None:
    """Queue the messages about one endpoint, if its state is news."""
    told = _TOLD.get(health.status, "")
    if told and told != row.alerted:
        kind = Kind(told)
    elif not told and row.alerted and _has_delivered_since(row, health):
        kind = Kind.RECOVERED
    else:
        return
    row.alerted, row.alerted_at = told, timezone.now()
    row.save(update_fields=["alerted", "alerted_at"])
    chosen, endpoint = Chosen(**row.chosen), row.endpoint
    if kind not in chosen.on:
        return
    with translation.override(endpoint.project.portal_language or settings.LANGUAGE_CODE):
        subject = " ".join(str(SUBJECTS[kind] % {"endpoint": endpoint.name}).split())[:255]
        text = f"{_sentence(endpoint, health)}\n{settings.BASE_URL}{_path(endpoint)}"
    channels = [channel for channel in CHANNELS if getattr(chosen, channel)]
    if chosen.email and not (is_confirmed(chosen.email, row.email_confirmed) and has_mails_left(endpoint)):
        channels.remove("email")
    Notification.objects.bulk_create(
        Notification(uid=new_ulid(), endpoint=endpoint, channel=channel, alert=kind, subject=subject, text=text)
        for channel in channels
    )


def _has_delivered_since(row: AlertSettings, health: Health) -> bool:
    """Return whether the endpoint has accepted a delivery since the customer was told of its trouble."""
    return health.last_delivered_at is not None and (
        row.alerted_at is None or health.last_delivered_at > row.alerted_at
    )


def _sentence(endpoint: Endpoint, health: Health) -> str:
    """Return the sentence of the endpoint's page as plain text."""
    said = sentence(health, circumstances_of(endpoint.project, endpoint))
    return f"{endpoint.name}: {unescape(strip_tags(f'{said.head} {said.text}'))}".replace("\0", "")


def _path(endpoint: Endpoint) -> str:
    return reverse("portal-endpoint", args=[endpoint.project_id, endpoint.pk])
