"""Batches of a bulk onboarding as the API shows them. They are an addition: Convoy has no way to ask."""

from typing import Any

from core.api.values import wire_time
from onboarding.models import OnboardBatch

PENDING, FINISHED = "pending", "finished"


def batch_document(batch: OnboardBatch) -> dict[str, Any]:
    """One batch with what became of its items; none yet while it is pending."""
    return {
        "uid": batch.uid,
        "project_id": batch.project_id,
        "status": PENDING if batch.finished_at is None else FINISHED,
        "first_row": batch.first_row,
        "total_items": batch.total_items,
        "results": batch.results,
        "created_at": wire_time(batch.created_at),
        "finished_at": None if batch.finished_at is None else wire_time(batch.finished_at),
    }
