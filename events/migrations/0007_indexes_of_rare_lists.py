from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("events", "0006_index_of_turns"),
    ]

    # events/reads.py finds by the first the events of a type that is rare, and by them its deliveries; by the second the
    # events of a broker's message. Without them both read all events of the project.
    operations = [
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                models.F("project"),
                models.F("event_type"),
                models.OrderBy(models.F("uid"), descending=True),
                name="event_of_type",
            ),
        ),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                models.F("project"),
                models.OrderBy(models.F("uid"), descending=True),
                condition=models.Q(("status", "Failure")),
                name="event_failed_of_project",
            ),
        ),
        AddIndexConcurrently(
            model_name="event",
            index=GinIndex(
                fields=["headers"],
                opclasses=["jsonb_path_ops"],
                condition=models.Q(("headers__has_any_keys", ["x-broker-message-id", "X-Broker-Message-Id"])),
                name="event_of_broker_message",
            ),
        ),
    ]
