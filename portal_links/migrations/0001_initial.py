import django.contrib.postgres.fields
import django.contrib.postgres.indexes
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
            name="PortalLink",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                ("name", models.CharField(max_length=255)),
                ("owner_id", models.CharField(blank=True, db_collation="C", default="", max_length=255)),
                (
                    "endpoints",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=26), blank=True, default=list, size=None
                    ),
                ),
                ("can_manage_endpoint", models.BooleanField(default=False)),
                (
                    "auth_type",
                    models.CharField(
                        choices=[("static_token", "Static Token"), ("refresh_token", "Refresh Token")],
                        default="static_token",
                        max_length=13,
                    ),
                ),
                ("token", core.encryption.EncryptedJSONField()),
                ("token_digest", models.BinaryField(unique=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="revoked at")),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="portal_links", to="projects.project"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PortalSession",
            fields=[
                ("uid", core.ulid.ULIDField(serialize=False)),
                ("owner_id", models.CharField(blank=True, db_collation="C", default="", max_length=255)),
                (
                    "surface",
                    models.CharField(
                        choices=[("convoy", "Convoy"), ("nahook", "Nahook"), ("feather", "Feather"), ("svix", "Svix")],
                        max_length=7,
                    ),
                ),
                (
                    "capabilities",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), blank=True, default=list, size=None
                    ),
                ),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "reference",
                    models.CharField(blank=True, default="", help_text="The caller's own name for it.", max_length=256),
                ),
                ("code_digest", models.BinaryField(null=True, unique=True)),
                ("token_digest", models.BinaryField(null=True, unique=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("expires_at", models.DateTimeField()),
                ("opened_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("opened_from", models.GenericIPAddressField(blank=True, editable=False, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("last_used_from", models.GenericIPAddressField(blank=True, editable=False, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "minted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="projects.apikey",
                    ),
                ),
                (
                    "portal_link",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to="portal_links.portallink",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="portal_sessions",
                        to="projects.project",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="portallink",
            index=models.Index(
                models.F("project"),
                models.OrderBy(models.F("uid"), descending=True),
                condition=models.Q(("deleted_at", None)),
                name="link_of_project",
            ),
        ),
        migrations.AddIndex(
            model_name="portallink",
            index=models.Index(
                models.F("project"),
                models.F("owner_id"),
                models.OrderBy(models.F("uid"), descending=True),
                condition=models.Q(("deleted_at", None)),
                name="link_of_owner",
            ),
        ),
        migrations.AddIndex(
            model_name="portallink",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("deleted_at", None), ("owner_id", "")),
                fields=["endpoints"],
                name="link_of_endpoint",
            ),
        ),
        migrations.AddConstraint(
            model_name="portallink",
            constraint=models.CheckConstraint(
                condition=models.Q(("auth_type__in", ["static_token", "refresh_token"])), name="link_auth_type"
            ),
        ),
        migrations.AddIndex(
            model_name="portalsession",
            index=models.Index(
                models.F("project"), models.OrderBy(models.F("uid"), descending=True), name="session_of_project"
            ),
        ),
        migrations.AddIndex(
            model_name="portalsession",
            index=models.Index(
                models.F("project"),
                models.F("owner_id"),
                models.OrderBy(models.F("uid"), descending=True),
                name="session_of_owner",
            ),
        ),
        migrations.AddIndex(
            model_name="portalsession",
            index=models.Index(models.F("owner_id"), name="session_by_owner"),
        ),
        migrations.AddIndex(
            model_name="portalsession",
            index=models.Index(
                models.F("surface"), models.OrderBy(models.F("uid"), descending=True), name="session_by_surface"
            ),
        ),
        migrations.AddIndex(
            model_name="portalsession",
            index=models.Index(models.F("expires_at"), condition=models.Q(("revoked_at", None)), name="session_by_end"),
        ),
        migrations.AddConstraint(
            model_name="portalsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("owner_id", ""), ("portal_link__isnull", False)),
                    models.Q(("portal_link", None), models.Q(("owner_id", ""), _negated=True)),
                    _connector="OR",
                ),
                name="session_of_link_or_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="portalsession",
            constraint=models.CheckConstraint(
                condition=models.Q(("code_digest__isnull", False), ("token_digest__isnull", False), _connector="OR"),
                name="session_has_secret",
            ),
        ),
    ]
