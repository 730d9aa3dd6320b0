import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import core.ulid


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("endpoints", "0001_initial"),
        ("projects", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                ("name", models.CharField(max_length=255)),
                ("source_id", models.CharField(blank=True, default="", max_length=255)),
                (
                    "delivery_mode",
                    models.CharField(
                        choices=[("at_least_once", "At Least Once"), ("at_most_once", "At Most Once")],
                        default="at_least_once",
                        max_length=13,
                    ),
                ),
                (
                    "event_types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=255), default=list, size=None
                    ),
                ),
                ("filter", models.JSONField(blank=True, default=dict)),
                ("alert_config", models.JSONField(blank=True, null=True)),
                ("retry_config", models.JSONField(blank=True, null=True)),
                ("rate_limit_config", models.JSONField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="subscriptions",
                        to="endpoints.endpoint",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="subscriptions",
                        to="projects.project",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Filter",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                ("event_type", models.CharField(db_collation="C", max_length=255)),
                ("enabled_at", models.DateTimeField(blank=True, null=True)),
                ("conditions", models.JSONField(blank=True, default=dict)),
                (
                    "subscription",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="filters",
                        to="subscriptions.subscription",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                models.F("project"),
                models.OrderBy(models.F("uid"), descending=True),
                condition=models.Q(("deleted_at", None)),
                name="subscription_of_project",
            ),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                models.F("endpoint"),
                models.F("uid"),
                condition=models.Q(("deleted_at", None)),
                name="subscription_of_endpoint",
            ),
        ),
        migrations.AddConstraint(
            model_name="filter",
            constraint=models.UniqueConstraint(fields=("subscription", "event_type"), name="filter_of_event_type"),
        ),
    ]
