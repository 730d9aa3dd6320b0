from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# AddConstraint would hold the writes while it builds the index. An index that a build broken off has left is removed
# first, as it would not be built again.
CREATE = [
    "DROP INDEX CONCURRENTLY IF EXISTS event_external_id",
    """
    CREATE UNIQUE INDEX CONCURRENTLY event_external_id ON events_event (project_id, owner_id, external_id)
    WHERE (NOT (external_id = '') AND NOT is_duplicate_event)
    """,
]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("events", "0009_channels"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CREATE, "DROP INDEX CONCURRENTLY event_external_id")],
            state_operations=[
                migrations.AddConstraint(
                    model_name="event",
                    constraint=models.UniqueConstraint(
                        fields=("project", "owner_id", "external_id"),
                        condition=models.Q(models.Q(("external_id", ""), _negated=True), ("is_duplicate_event", False)),
                        name="event_external_id",
                    ),
                ),
            ],
        ),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                models.F("project"),
                models.F("owner_id"),
                models.OrderBy(models.F("uid"), descending=True),
                condition=models.Q(("owner_id", ""), _negated=True),
                name="event_of_owner",
            ),
        ),
    ]
