from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("events", "0002_test_events"),
    ]

    # deliveries/health.py counts by them the deliveries of an endpoint that wait for another attempt, and those that it
    # has missed. The first also serves the list of an endpoint's failed deliveries.
    operations = [
        AddIndexConcurrently(
            model_name="eventdelivery",
            index=models.Index(
                models.F("endpoint"),
                models.F("status"),
                models.OrderBy(models.F("uid"), descending=True),
                condition=models.Q(("status__in", ["Failure", "Discarded", "Retry"])),
                name="delivery_of_endpoint_by_status",
            ),
        ),
        AddIndexConcurrently(
            model_name="eventdelivery",
            index=models.Index(
                models.F("endpoint"),
                models.F("updated_at"),
                condition=models.Q(("status", "Discarded"), ("test", "")),
                name="delivery_missed",
            ),
        ),
    ]
