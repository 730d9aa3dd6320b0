from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("events", "0004_indexes_of_delivery_lists"),
    ]

    operations = [
        migrations.AlterField(
            model_name="event",
            name="channel",
            field=models.CharField(
                choices=[
                    ("direct", "Direct"),
                    ("fanout", "Fanout"),
                    ("broadcast", "Broadcast"),
                    ("dynamic", "Dynamic"),
                    ("test", "Test"),
                ],
                max_length=9,
            ),
        ),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                models.F("key_scope"),
                models.F("uid"),
                condition=models.Q(("channel", "test")),
                name="event_test_of_session",
            ),
        ),
    ]
