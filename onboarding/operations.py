"""Store the items of a bulk onboarding, and create their endpoints and subscriptions in the background.

Contract: docs/contract/onboarding.md#stored-whole, docs/contract/onboarding.md#processing.
"""

import logging
from collections.abc import Sequence
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from core.exceptions import DomainError
from core.turns import Turns
from core.wake import wake_workers
from endpoints.checks import check_url
from endpoints.models import Endpoint
from endpoints.operations import create_endpoint
from onboarding.documents import CREATED, FAILED, REUSED, SKIPPED, ResultDocument
from onboarding.models import OnboardBatch
from onboarding.parsing import Item, event_type_of
from outbound.urls import stored_form
from projects.models import Project
from subscriptions.models import Subscription
from subscriptions.operations import create_subscription

logger = logging.getLogger("convoyclone.onboarding")

#: The most items of a batch.
BATCH = 50
turns = Turns()
ALREADY_SUBSCRIBED = "the endpoint has a subscription already"


def accept(project: Project, items: Sequence[Item]) -> list[OnboardBatch]:
    """Store validated items in batches, all of them or none. A worker carries them out."""
    now = timezone.now()
    batches = [
        OnboardBatch(
            project=project,
            first_row=start + 1,
            total_items=len(items[start : start + BATCH]),
            items=list(items[start : start + BATCH]),
            created_at=now,
        )
        for start in range(0, len(items), BATCH)
    ]
    with transaction.atomic():
        OnboardBatch.objects.bulk_create(batches)
        wake_workers()
    return batches


def work_off() -> bool:
    """Carry out the oldest batch of the next project, by turns. Returns whether there may be more to do.

    Projects and batches that another worker has locked are left to it.

    Endpoints, subscriptions and results are written in one transaction: a crash leaves the batch as it
    was. A refusal concerns its item only, and is in the item's result.
    """
    rows = OnboardBatch.objects.filter(finished_at=None).select_related("project").order_by("pk")
    # Mostly there is no batch. That is found out without a transaction.
    if not rows.exists():
        return False
    with transaction.atomic():
        # One batch of a project at a time: two at once could create two endpoints with the same URL.
        batch = turns.take(rows.select_for_update(skip_locked=True, no_key=True))
        if batch is None:
            return False
        batch.results = _carry_out(batch.project, batch)
        batch.items = None
        batch.finished_at = timezone.now()
        batch.save(update_fields=["results", "items", "finished_at"])
    return True


def _carry_out(project: Project, batch: OnboardBatch) -> list[ResultDocument]:
    urls = [stored_form(item["url"]) for item in batch.items]
    rows = Endpoint.objects.for_project(project.uid).filter(url__in=urls).order_by("-pk")
    # Of several endpoints with one URL, the oldest is kept.
    known = dict(rows.values_list("url", "uid"))
    results = []
    for number, item in enumerate(batch.items, batch.first_row):
        result: ResultDocument = {
            "row": number,
            "name": item["name"],
            "url": item["url"],
            "status": FAILED,
            "endpoint_id": "",
            "subscription_id": "",
            "error": "",
        }
        try:
            with transaction.atomic():
                result["status"], result["endpoint_id"], result["subscription_id"] = _onboard(
                    project, item, known.get(stored_form(item["url"]))
                )
        except DomainError as error:
            result["error"] = error.message
        except (OperationalError, InterfaceError):
            # The database failed, not the item: the whole batch is tried again.
            raise
        except Exception:
            logger.exception("item %s of onboard batch %s", number, batch.uid)
            result["error"] = "internal error"
        else:
            known[stored_form(item["url"])] = result["endpoint_id"]
            if result["status"] == SKIPPED:
                result["error"] = ALREADY_SUBSCRIBED
        results.append(result)
    return results


def _onboard(project: Project, item: Item, endpoint_id: str | None) -> tuple[str, str, str]:
    """Create the subscription of an item, and without `endpoint_id` its endpoint.

    Returns (status, endpoint_id, subscription_id). Raises DomainError.
    """
    check_url(project, item["url"])
    status = CREATED if endpoint_id is None else REUSED
    if endpoint_id is None:
        endpoint_id = create_endpoint(
            project.uid, url=item["url"], name=item["name"], authentication=_authentication(item)
        ).uid
    elif not project.config["multiple_endpoint_subscriptions"] and _is_subscribed(project, endpoint_id):
        return SKIPPED, endpoint_id, ""
    subscription = create_subscription(
        project.uid,
        name=f"{item['name']}-{endpoint_id}-subscription",
        endpoint_id=endpoint_id,
        filter_config={"event_types": [event_type_of(item)]},
    )
    return status, endpoint_id, subscription.uid


def _is_subscribed(project: Project, endpoint_id: str) -> bool:
    return Subscription.objects.for_project(project.uid).filter(endpoint_id=endpoint_id).exists()


def _authentication(item: Item) -> dict[str, Any]:
    if not item.get("auth_username"):
        return {}
    credentials = {"username": item["auth_username"], "password": item["auth_password"]}
    return {"type": "basic_auth", "basic_auth": credentials}
