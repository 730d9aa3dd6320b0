from django.db import migrations, models
from django.db.models import CASCADE

from core.postgres.migrations import lock_tables


class Migration(migrations.Migration):
    dependencies = [
        ("portal_links", "0008_revoked_links_by_owner"),
        ("projects", "0007_sends_svix_headers"),
    ]

    # Of two links at once, both lock the project's row, and PostgreSQL counts that as a multixact, which is written to
    # the log and makes it look through all tables sooner. A project's row is never removed.
    operations = [
        # A constraint between two tables is dropped with a lock of both.
        lock_tables("portal_links_portallink", "projects_project"),
        migrations.AlterField(
            model_name="portallink",
            name="project",
            field=models.ForeignKey(
                db_constraint=False, on_delete=CASCADE, related_name="portal_links", to="projects.project"
            ),
        ),
    ]
