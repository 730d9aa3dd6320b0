"""Say on an endpoint's page how it is doing: its sentence, with the buttons that this customer may press."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext

from deliveries.health import EndpointHealth, Health
from endpoints.models import Endpoint
from endpoints.timeouts import timeout_of
from portal.endpoint_head import DELIVERIES, OVERVIEW, SETTINGS, TEST, endpoint_head
from portal.routes import url_of
from portal.sentences import Action, Circumstances, Target, retried_for, sentence
from portal.words import counted
from portal_links.access import Access
from portal_links.capabilities import CREATE_ATTEMPTS, MANAGE_ENDPOINT
from projects.models import Project


@dataclass(frozen=True, slots=True)
class Button:
    """The recommended action: its label, and the page that it leads to."""

    label: Any
    url: str


def says_context(access: Access, endpoint: Endpoint) -> dict[str, Any]:
    """Return the context of portal/endpoint_head.html and portal/says.html. One statement."""
    head = endpoint_head(access, endpoint, OVERVIEW)
    health: Health = head["health"]
    said = sentence(health, circumstances(access, endpoint))
    is_off = health.status in (EndpointHealth.PAUSED, EndpointHealth.DISABLED) and access.may(MANAGE_ENDPOINT)
    offers_missed = bool(health.missed) and access.may(CREATE_ATTEMPTS)
    is_paused = health.status == EndpointHealth.PAUSED
    return head | {
        "says": said,
        "action": None if said.action is None else _button(access, endpoint, said.action),
        "resume_words": (gettext("Resume") if is_paused else gettext("Enable")) if is_off else "",
        "resume_title": (gettext("Resume “%(name)s”") if is_paused else gettext("Enable “%(name)s”"))
        % {"name": endpoint.name},
        "missed": counted(health.missed) if offers_missed else "",
        "seen": fingerprint(health.status, health.last_failure, health.since, health.missed),
    }


def circumstances(access: Access, endpoint: Endpoint) -> Circumstances:
    """Return the circumstances of an endpoint for a sentence that a customer reads."""
    reader = {row.pk for row in (access.session, access.link) if row is not None}
    return circumstances_of(access.project, endpoint, reader)


def circumstances_of(project: Project, endpoint: Endpoint, reader: Collection[str] = ()) -> Circumstances:
    """Return the circumstances for a reader with these ids of sessions and links; an operator and a mail have none."""
    strategy = project.config["strategy"]
    attempts = strategy["retry_count"]
    return Circumstances(
        url=endpoint.url,
        timeout_seconds=timeout_of(endpoint.http_timeout),
        attempts=attempts,
        retried_for_seconds=retried_for(strategy["type"], strategy["duration"], attempts),
        sender=project.portal_name or project.name,
        reader=reader,
        now=timezone.now(),
    )


def fingerprint(*parts: Any) -> str:
    """Return a short text that differs where the shown text differs: a poll sends it back."""
    return salted_hmac("portal.seen", "\n".join(map(str, parts))).hexdigest()[:16]


def _button(access: Access, endpoint: Endpoint, action: Action) -> Button | None:
    """Return the button of an action; None where the customer may not do it, or a dialog does it."""
    if action.target == Target.RESUME or not access.may(action.capability):
        return None
    route = {Target.TEST: TEST, Target.LATEST: DELIVERIES}.get(action.target, SETTINGS)
    url = url_of(access, route, endpoint.pk)
    return Button(action.label, url if route != SETTINGS else f"{url}#{action.target}")
