"""The batches of bulk onboardings. Contract: docs/contract/onboarding.md."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.encryption import EncryptedJSONField
from core.ulid import ULIDField
from projects.models import Project


class OnboardBatch(models.Model):
    """A part of a request, which a worker carries out in one transaction."""

    uid = ULIDField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="onboard_batches", db_index=False)
    #: The number of its first item in the request, from 1.
    first_row = models.PositiveIntegerField()
    total_items = models.PositiveIntegerField()
    #: The validated items, with their passwords; None once the batch is finished.
    items = EncryptedJSONField(null=True)
    #: A ResultDocument for each item.
    results = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "onboard batches"
        indexes = [
            models.Index("project", models.F("uid").desc(), name="onboard_batch_of_project"),
            # For the worker: the open batches, oldest first.
            models.Index("uid", condition=Q(finished_at=None), name="onboard_batch_open"),
        ]

    def __str__(self) -> str:
        return str(self.uid)
