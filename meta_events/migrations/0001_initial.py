import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

import core.ulid


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("projects", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="MetaEvent",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                ("event_type", models.CharField(max_length=64)),
                ("body", models.TextField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("Scheduled", "Scheduled"),
                            ("Processing", "Processing"),
                            ("Success", "Success"),
                            ("Retry", "Retry"),
                            ("Failure", "Failure"),
                            ("Discarded", "Discarded"),
                        ],
                        default="Scheduled",
                        max_length=10,
                    ),
                ),
                ("strategy", models.CharField(max_length=11)),
                ("interval_seconds", models.PositiveIntegerField()),
                ("retry_limit", models.PositiveIntegerField()),
                ("num_trials", models.PositiveIntegerField(default=0)),
                ("num_trials_before", models.PositiveIntegerField(default=0)),
                ("next_send_time", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("attempt", models.JSONField(null=True)),
                ("due_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True)),
                ("lease", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="meta_events",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("project"),
                        models.OrderBy(models.F("uid"), descending=True),
                        name="meta_event_of_project",
                    ),
                    models.Index(
                        models.F("project"),
                        models.F("due_at"),
                        condition=models.Q(("due_at__isnull", False)),
                        name="meta_event_due",
                    ),
                    models.Index(
                        models.F("status"),
                        models.OrderBy(models.F("uid"), descending=True),
                        condition=models.Q(("status__in", ["Failure", "Discarded", "Retry"])),
                        name="meta_event_by_status",
                    ),
                ],
            },
        ),
    ]
