"""How far a delivery or a meta event is on its way."""

from django.db import models


class Status(models.TextChoices):
    """How far a delivery is (deliveries section 3). An event has SUCCESS once its deliveries are made."""

    SCHEDULED = "Scheduled"
    PROCESSING = "Processing"
    SUCCESS = "Success"
    RETRY = "Retry"
    FAILURE = "Failure"
    DISCARDED = "Discarded"
