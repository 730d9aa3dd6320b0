"""Endpoints whose customers have chosen alerts, in trouble and out of it."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from core.tokens import digest
from endpoints.models import AlertSettings, Endpoint, EndpointState, Notification

ALL = {"on": ["failing", "disabled", "recovered"]}


def choose(endpoint: Endpoint, **chosen: Any) -> None:
    given = ALL | {"email": "", "slack": "", "teams": "", "hook": ""} | chosen
    confirmed = digest(given["email"]) if given["email"] else None
    AlertSettings.objects.create(endpoint=endpoint, chosen=given, alerted_at=timezone.now(), email_confirmed=confirmed)


def fails(endpoint: Endpoint) -> None:
    """Its last three deliveries have failed."""
    now = timezone.now()
    failed = {
        "failed_in_a_row": 3,
        "delivered_in_a_row": 0,
        "failing_since": now - timedelta(minutes=5),
        "last_failure": "404",
        "last_failure_text": "404 Not Found",
        "last_failure_at": now,
    }
    EndpointState.objects.update_or_create(endpoint=endpoint, defaults=failed, create_defaults=failed)


def works(endpoint: Endpoint) -> None:
    """It has accepted a delivery just now."""
    good = {"failed_in_a_row": 0, "delivered_in_a_row": 9, "failing_since": None, "last_delivered_at": timezone.now()}
    EndpointState.objects.update_or_create(endpoint=endpoint, defaults=good)


def told() -> list[tuple[str, str]]:
    return list(Notification.objects.order_by("pk").values_list("alert", "channel"))
