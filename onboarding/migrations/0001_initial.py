import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import core.encryption
import core.ulid


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("projects", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="OnboardBatch",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                ("first_row", models.PositiveIntegerField()),
                ("total_items", models.PositiveIntegerField()),
                ("items", core.encryption.EncryptedJSONField(null=True)),
                ("results", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="onboard_batches",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "onboard batches",
                "indexes": [
                    models.Index(
                        models.F("project"),
                        models.OrderBy(models.F("uid"), descending=True),
                        name="onboard_batch_of_project",
                    ),
                    models.Index(models.F("uid"), condition=models.Q(("finished_at", None)), name="onboard_batch_open"),
                ],
            },
        ),
    ]
