import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import core.ulid

# For the search in payloads, which are kept as text. What jsonb cannot hold (a NUL, a number beyond its range) is
# NULL, which contains nothing.
PAYLOAD_AS_JSONB = r"""
CREATE FUNCTION payload_as_jsonb(payload text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL RESTRICTED AS $$
BEGIN
  RETURN payload::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  RETURN NULL;
END
$$
"""
# Each delivery leaves two dead rows, and the index of the queue is read from where they die. By default
# nothing is cleaned before a fifth of the table is dead, which in a large table is millions of rows.
VACUUM_EARLY = """
ALTER TABLE events_eventdelivery SET
  (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0)
"""
VACUUM_BY_DEFAULT = """
ALTER TABLE events_eventdelivery RESET
  (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay)
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("endpoints", "0001_initial"),
        ("projects", "0001_initial"),
        ("subscriptions", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("direct", "Direct"),
                            ("fanout", "Fanout"),
                            ("broadcast", "Broadcast"),
                            ("dynamic", "Dynamic"),
                        ],
                        max_length=9,
                    ),
                ),
                ("event_type", models.CharField(max_length=255)),
                (
                    "endpoints",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=26), default=list, size=None
                    ),
                ),
                ("owner_id", models.CharField(blank=True, default="", max_length=255)),
                ("headers", models.JSONField(blank=True, default=dict)),
                ("data", models.TextField()),
                ("idempotency_key", models.CharField(blank=True, default="", max_length=255)),
                ("key_scope", models.CharField(blank=True, db_default="", default="", max_length=300)),
                ("is_duplicate_event", models.BooleanField(default=False)),
                ("status", models.CharField(max_length=10)),
                ("failure_reason", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="projects.project",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="EventDelivery",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                ("event_type", models.CharField(max_length=255)),
                ("delivery_mode", models.CharField(max_length=13)),
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
                        max_length=10,
                    ),
                ),
                ("description", models.TextField(blank=True, default="")),
                ("strategy", models.CharField(max_length=11)),
                ("interval_seconds", models.PositiveIntegerField()),
                ("retry_limit", models.PositiveIntegerField(help_text="Attempts in all, the first included.")),
                ("num_trials", models.PositiveIntegerField(default=0, help_text="Attempts that were made.")),
                ("num_trials_before", models.PositiveIntegerField(default=0)),
                ("next_send_time", models.DateTimeField()),
                ("latency_seconds", models.FloatField(default=0)),
                ("due_at", models.DateTimeField(null=True)),
                ("is_parked", models.BooleanField(default=False)),
                ("lease", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="endpoints.endpoint",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="events.event",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="projects.project",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="subscriptions.subscription",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "event deliveries",
            },
        ),
        migrations.CreateModel(
            name="DeliveryAttempt",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                ("url", models.TextField()),
                ("ip_address", models.CharField(blank=True, default="", max_length=45)),
                ("request_http_header", models.JSONField(default=dict)),
                ("response_http_header", models.JSONField(default=dict)),
                ("http_status", models.TextField(blank=True, default="", help_text="Code and reason, such as 200 OK.")),
                ("response_data", models.TextField(blank=True, default="")),
                ("error", models.TextField(blank=True, default="")),
                ("status", models.BooleanField()),
                ("requested_at", models.DateTimeField()),
                ("responded_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="endpoints.endpoint",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="projects.project",
                    ),
                ),
                (
                    "delivery",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="events.eventdelivery",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BatchRetry",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                ("customer", models.CharField(blank=True, db_default="", default="", max_length=300)),
                ("parameters", models.JSONField(default=dict)),
                ("cursor", models.CharField(blank=True, db_collation="C", default="", max_length=26)),
                ("retried", models.PositiveIntegerField(default=0)),
                ("total", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="projects.project"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "batch retries",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("finished_at", None)),
                        fields=("project", "customer"),
                        name="batch_retry_of_project",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                models.F("project"), models.OrderBy(models.F("uid"), descending=True), name="event_of_project"
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=django.contrib.postgres.indexes.GinIndex(fields=["endpoints"], name="event_of_endpoint"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                models.F("project"),
                models.F("idempotency_key"),
                condition=models.Q(("is_duplicate_event", True)),
                name="event_duplicate_of_key",
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_duplicate_event", False), models.Q(("idempotency_key", ""), _negated=True)),
                fields=("project", "idempotency_key", "key_scope"),
                name="event_idempotency_key",
            ),
        ),
        migrations.AddIndex(
            model_name="eventdelivery",
            index=models.Index(
                models.F("due_at"),
                condition=models.Q(("due_at__isnull", False), ("is_parked", False)),
                name="delivery_due",
            ),
        ),
        migrations.AddIndex(
            model_name="eventdelivery",
            index=models.Index(
                models.F("endpoint"),
                models.F("next_send_time"),
                condition=models.Q(("is_parked", True)),
                name="delivery_parked",
            ),
        ),
        migrations.AddIndex(
            model_name="eventdelivery",
            index=models.Index(
                models.F("endpoint"),
                models.F("due_at"),
                condition=models.Q(("status", "Processing")),
                name="delivery_in_flight",
            ),
        ),
        migrations.AddIndex(
            model_name="eventdelivery",
            index=models.Index(
                models.F("project"), models.OrderBy(models.F("uid"), descending=True), name="delivery_of_project"
            ),
        ),
        migrations.AddIndex(
            model_name="eventdelivery",
            index=models.Index(
                models.F("endpoint"), models.OrderBy(models.F("uid"), descending=True), name="delivery_of_endpoint"
            ),
        ),
        migrations.AddIndex(
            model_name="eventdelivery",
            index=models.Index(models.F("event"), name="delivery_of_event"),
        ),
        migrations.AddIndex(
            model_name="eventdelivery",
            index=models.Index(
                models.F("project"),
                models.F("status"),
                models.OrderBy(models.F("uid"), descending=True),
                condition=models.Q(("status__in", ["Failure", "Discarded", "Retry"])),
                name="delivery_by_status",
            ),
        ),
        migrations.AddIndex(
            model_name="deliveryattempt",
            index=models.Index(models.F("delivery"), models.F("uid"), name="attempt_of_delivery"),
        ),
        migrations.RunSQL(PAYLOAD_AS_JSONB, "DROP FUNCTION payload_as_jsonb(text)"),
        migrations.RunSQL(VACUUM_EARLY, VACUUM_BY_DEFAULT),
    ]
