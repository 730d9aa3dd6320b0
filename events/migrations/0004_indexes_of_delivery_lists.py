from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("events", "0003_indexes_of_endpoint_health"),
    ]

    # deliveries/reads.py chooses and counts deliveries from these alone. They hold what it filters by, so that the rows
    # of a page are read and no others. They replace the two of the same order without it.
    operations = [
        AddIndexConcurrently(
            model_name="eventdelivery",
            index=models.Index(
                fields=["endpoint", "-uid"], include=["event_type", "status", "test"], name="delivery_listed"
            ),
        ),
        AddIndexConcurrently(
            model_name="eventdelivery",
            index=models.Index(
                condition=models.Q(("status__in", ["Failure", "Discarded", "Retry"])),
                fields=["endpoint", "status", "-uid"],
                include=["event_type", "test"],
                name="delivery_listed_by_status",
            ),
        ),
        RemoveIndexConcurrently(model_name="eventdelivery", name="delivery_of_endpoint"),
        RemoveIndexConcurrently(model_name="eventdelivery", name="delivery_of_endpoint_by_status"),
    ]
