from django.db import migrations, models
from django.db.models import CASCADE

from core.postgres.migrations import lock_tables


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0011_resend_permission"),
        ("projects", "0007_sends_svix_headers"),
    ]

    # Of two events at once, both lock the project's row, and PostgreSQL counts that as a multixact, which is written to
    # the log and makes it look through all tables sooner. A project's row is never removed.
    operations = [
        # A constraint between two tables is dropped with a lock of both.
        lock_tables("events_event", "projects_project"),
        migrations.AlterField(
            model_name="event",
            name="project",
            field=models.ForeignKey(
                db_constraint=False, db_index=False, on_delete=CASCADE, related_name="events", to="projects.project"
            ),
        ),
    ]
