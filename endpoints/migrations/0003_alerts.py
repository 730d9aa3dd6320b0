import django.db.models.deletion
from django.db import migrations, models

import core.encryption


class Migration(migrations.Migration):
    dependencies = [
        ("endpoints", "0002_status_and_hours"),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertSettings",
            fields=[
                (
                    "endpoint",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="alert_settings",
                        serialize=False,
                        to="endpoints.endpoint",
                    ),
                ),
                ("chosen", core.encryption.EncryptedJSONField()),
                (
                    "alerted",
                    models.CharField(
                        blank=True,
                        choices=[("failing", "Failing"), ("disabled", "Disabled"), ("recovered", "Recovered")],
                        db_default="",
                        default="",
                        max_length=9,
                    ),
                ),
                ("alerted_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="notification",
            name="alert",
            field=models.CharField(blank=True, db_default="", default="", max_length=9),
        ),
        migrations.AlterField(
            model_name="notification",
            name="channel",
            field=models.CharField(
                choices=[("email", "Email"), ("slack", "Slack"), ("teams", "Teams"), ("hook", "Hook")], max_length=5
            ),
        ),
    ]
