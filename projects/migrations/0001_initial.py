import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import core.addresses
import core.encryption
import core.ulid


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="APIKey",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                ("name", models.CharField(max_length=300)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("project_admin", "Project Admin"),
                            ("project_viewer", "Project Viewer"),
                            ("instance_admin", "Instance Admin"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "owner_id",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The only owner_id for which this key acts. Blank: every owner.",
                        max_length=255,
                    ),
                ),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64),
                        blank=True,
                        default=list,
                        help_text="Separated by commas, for example webhooks:manage.",
                        size=None,
                    ),
                ),
                ("mask", models.CharField(db_collation="C", editable=False, max_length=16, unique=True)),
                ("digest", models.BinaryField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "verbose_name": "API key",
            },
        ),
        migrations.CreateModel(
            name="APIRateWindow",
            fields=[
                (
                    "key",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="projects.apikey",
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("requests", models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Project",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                ("name", models.CharField(max_length=255)),
                ("type", models.CharField(choices=[("outgoing", "Outgoing"), ("incoming", "Incoming")], max_length=8)),
                ("logo_url", models.CharField(blank=True, default="", max_length=2048)),
                ("config", models.JSONField()),
                ("meta_event", core.encryption.EncryptedJSONField()),
                (
                    "portal_name",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The company's name in the portal. Blank: the project's name.",
                        max_length=100,
                    ),
                ),
                (
                    "portal_primary_color",
                    models.CharField(
                        blank=True,
                        default="",
                        max_length=7,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^#[0-9a-fA-F]{6}\\Z", "Six hexadecimal digits, such as #0b6bcb."
                            )
                        ],
                    ),
                ),
                (
                    "portal_return_url",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The page to which customers return from the portal.",
                        max_length=2048,
                        validators=[core.addresses.validate_web_url],
                    ),
                ),
                (
                    "portal_allowed_origins",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=255, validators=[core.addresses.validate_origin]),
                        blank=True,
                        default=list,
                        help_text="Sites that may show the portal in a frame, such as https://app.example.com, separated by commas.",
                        size=None,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["name"], name="project_by_name", opclasses=["varchar_pattern_ops"])],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("deleted_at", None)), fields=("name",), name="project_name_among_live"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("type__in", ["outgoing", "incoming"])), name="project_type"
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="apikey",
            name="project",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="api_keys",
                to="projects.project",
            ),
        ),
        migrations.CreateModel(
            name="EventType",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                ("name", models.CharField(db_collation="C", max_length=255)),
                ("category", models.CharField(blank=True, default="", max_length=255)),
                ("description", models.TextField(blank=True, default="")),
                ("json_schema", models.JSONField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("deprecated_at", models.DateTimeField(blank=True, null=True)),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="event_types",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("project", "name"), name="event_type_of_project")],
            },
        ),
        migrations.AddIndex(
            model_name="apikey",
            index=models.Index(fields=["name"], name="apikey_by_name", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="apikey",
            index=models.Index(fields=["owner_id"], name="apikey_by_owner", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="apikey",
            index=models.Index(
                models.F("role"), models.OrderBy(models.F("uid"), descending=True), name="apikey_by_role"
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("project", None), ("role", "instance_admin")),
                    models.Q(("project__isnull", False), ("role__in", ["project_admin", "project_viewer"])),
                    _connector="OR",
                ),
                name="apikey_role_fits_project",
                violation_error_message="a key belongs to one project, an instance_admin key to none",
            ),
        ),
        # A count of requests is not worth a write to the log: see APIRateWindow.
        migrations.RunSQL(
            "ALTER TABLE projects_apiratewindow SET UNLOGGED", "ALTER TABLE projects_apiratewindow SET LOGGED"
        ),
    ]
