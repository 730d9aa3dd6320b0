from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("events", "0005_test_channel"),
    ]

    # engine/turns.py hops in it from project to project. Workers read the queue by age until one of them meets a backlog.
    operations = [
        AddIndexConcurrently(
            model_name="eventdelivery",
            index=models.Index(
                models.F("project"),
                models.F("due_at"),
                condition=models.Q(("due_at__isnull", False), ("is_parked", False)),
                name="delivery_turns",
            ),
        ),
    ]
