from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("projects", "0003_portal_settings")]

    operations = [
        migrations.RunSQL(
            """
            UPDATE projects_project
            SET config = '{"is_retention_policy_enabled": false, "retention_policy": {"policy": "720h"}}'::jsonb || config
            """,
            migrations.RunSQL.noop,
        ),
    ]
