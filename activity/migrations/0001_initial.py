import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import core.ulid


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("projects", "0002_portal_look"),
    ]

    operations = [
        migrations.CreateModel(
            name="Activity",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                (
                    "actor_kind",
                    models.CharField(
                        choices=[
                            ("api_key", "api_key"),
                            ("portal_link", "portal_link"),
                            ("portal_session", "portal_session"),
                            ("operator", "operator"),
                            ("circuit_breaker", "circuit_breaker"),
                            ("server", "server"),
                        ],
                        max_length=15,
                    ),
                ),
                ("actor_uid", models.CharField(blank=True, db_collation="C", default="", max_length=26)),
                ("actor_name", models.CharField(blank=True, default="", max_length=255)),
                ("verb", models.CharField(max_length=32)),
                ("owner_id", models.CharField(blank=True, db_collation="C", default="", max_length=255)),
                ("endpoint_id", models.CharField(blank=True, db_collation="C", default="", max_length=26)),
                ("object_uid", models.CharField(blank=True, db_collation="C", default="", max_length=26)),
                ("object_name", models.CharField(blank=True, default="", max_length=255)),
                ("changes", models.JSONField(blank=True, default=dict)),
                ("count", models.PositiveIntegerField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "project",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "activity",
                "indexes": [
                    models.Index(
                        models.F("project"),
                        models.OrderBy(models.F("uid"), descending=True),
                        name="activity_of_project",
                    ),
                    models.Index(
                        models.F("endpoint_id"),
                        models.OrderBy(models.F("uid"), descending=True),
                        condition=models.Q(("endpoint_id", ""), _negated=True),
                        name="activity_of_endpoint",
                    ),
                    models.Index(
                        models.F("project"),
                        models.F("owner_id"),
                        models.OrderBy(models.F("uid"), descending=True),
                        condition=models.Q(("owner_id", ""), _negated=True),
                        name="activity_of_owner",
                    ),
                    models.Index(
                        models.F("actor_uid"),
                        models.OrderBy(models.F("uid"), descending=True),
                        condition=models.Q(("actor_kind__in", ["portal_link", "portal_session"])),
                        name="activity_of_customer",
                    ),
                ],
            },
        ),
    ]
