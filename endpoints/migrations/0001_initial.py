import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models

import core.encryption
import core.ulid

# Each batch of attempts updates its endpoints' rows. By default nothing is cleaned before a fifth of the table is
# dead; and free room in each page keeps an update on its page.
VACUUM_EARLY = """
ALTER TABLE endpoints_endpointstate SET
  (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, fillfactor = 50)
"""
VACUUM_BY_DEFAULT = """
ALTER TABLE endpoints_endpointstate RESET
  (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, fillfactor)
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("projects", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                ("owner_id", models.CharField(blank=True, db_collation="C", default="", max_length=255)),
                ("name", models.CharField(max_length=255)),
                ("url", models.CharField(max_length=2048)),
                ("description", models.TextField(blank=True, default="")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("active", "Active"),
                            ("inactive", "Inactive"),
                            ("pending", "Pending"),
                            ("paused", "Paused"),
                        ],
                        default="active",
                        max_length=8,
                    ),
                ),
                ("advanced_signatures", models.BooleanField(default=True)),
                (
                    "http_timeout",
                    models.PositiveIntegerField(default=0, help_text="In seconds; 0 stands for the default."),
                ),
                (
                    "rate_limit",
                    models.PositiveIntegerField(default=0, help_text="Requests in rate_limit_duration; 0: no limit."),
                ),
                ("rate_limit_duration", models.PositiveIntegerField(default=0, help_text="In seconds; 0: no limit.")),
                ("content_type", models.CharField(default="application/json", max_length=64)),
                ("support_email", models.CharField(blank=True, default="", max_length=254)),
                ("slack_webhook_url", models.CharField(blank=True, default="", max_length=2048)),
                ("teams_webhook_url", models.CharField(blank=True, default="", max_length=2048)),
                ("secrets", core.encryption.EncryptedJSONField()),
                ("authentication", core.encryption.EncryptedJSONField(null=True)),
                ("mtls_client_cert", core.encryption.EncryptedJSONField(null=True)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="endpoints", to="projects.project"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="EndpointState",
            fields=[
                (
                    "endpoint",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="state",
                        serialize=False,
                        to="endpoints.endpoint",
                    ),
                ),
                ("events", models.PositiveBigIntegerField(default=0)),
                (
                    "breaker",
                    models.CharField(
                        choices=[("closed", "Closed"), ("half-open", "Half Open"), ("open", "Open")],
                        max_length=9,
                        null=True,
                    ),
                ),
                ("failure_rate", models.FloatField(default=0, help_text="In percent, of the attempts in the window.")),
                ("consecutive_trips", models.PositiveIntegerField(default=0)),
                ("open_until", models.DateTimeField(null=True)),
                ("counted_from", models.DateTimeField(null=True)),
                ("tokens", models.FloatField(null=True)),
                ("refilled_at", models.DateTimeField(null=True)),
                ("held_until", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                (
                    "channel",
                    models.CharField(
                        choices=[("email", "Email"), ("slack", "Slack"), ("teams", "Teams")], max_length=5
                    ),
                ),
                ("subject", models.CharField(max_length=255)),
                ("text", models.TextField()),
                ("num_trials", models.PositiveIntegerField(default=0)),
                ("error", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("sent_at", models.DateTimeField(null=True)),
                ("due_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True)),
                ("lease", models.UUIDField(null=True)),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to="endpoints.endpoint",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=models.Index(
                models.F("project"),
                models.OrderBy(models.F("uid"), descending=True),
                condition=models.Q(("deleted_at", None)),
                name="endpoint_of_project",
            ),
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=models.Index(
                models.F("project"),
                models.F("owner_id"),
                models.OrderBy(models.F("uid"), descending=True),
                condition=models.Q(("deleted_at", None)),
                name="endpoint_of_owner",
            ),
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=models.Index(
                models.F("owner_id"),
                models.OrderBy(models.F("uid"), descending=True),
                condition=models.Q(("deleted_at", None)),
                name="endpoint_by_owner",
            ),
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=django.contrib.postgres.indexes.SpGistIndex(
                condition=models.Q(("deleted_at", None)), fields=["url"], name="endpoint_by_url"
            ),
        ),
        migrations.AddIndex(
            model_name="endpoint",
            index=models.Index(
                models.F("status"),
                models.OrderBy(models.F("uid"), descending=True),
                condition=models.Q(("deleted_at", None), models.Q(("status", "active"), _negated=True)),
                name="endpoint_by_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["active", "inactive", "pending", "paused"])), name="endpoint_status"
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                models.F("due_at"), condition=models.Q(("due_at__isnull", False)), name="notification_due"
            ),
        ),
        migrations.RunSQL(VACUUM_EARLY, VACUUM_BY_DEFAULT),
    ]
