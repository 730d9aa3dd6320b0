"""Define the states of deliveries and meta events."""

from django.db import models


class Status(models.TextChoices):
    """The state of a delivery (docs/contract/deliveries.md#statuses). An event has SUCCESS once its
    deliveries are made."""

    SCHEDULED = "Scheduled"
    PROCESSING = "Processing"
    SUCCESS = "Success"
    RETRY = "Retry"
    FAILURE = "Failure"
    DISCARDED = "Discarded"
