from django.db import migrations, models

# AddConstraint would hold the writes while it builds the index. An index that a build broken off has left is removed
# first, as it would not be built again.
CREATE = [
    "DROP INDEX CONCURRENTLY IF EXISTS endpoint_external_id",
    """
    CREATE UNIQUE INDEX CONCURRENTLY endpoint_external_id ON endpoints_endpoint (project_id, owner_id, external_id)
    WHERE (NOT (external_id = '') AND deleted_at IS NULL)
    """,
]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("endpoints", "0008_custom_headers"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(CREATE, "DROP INDEX CONCURRENTLY endpoint_external_id")],
            state_operations=[
                migrations.AddConstraint(
                    model_name="endpoint",
                    constraint=models.UniqueConstraint(
                        fields=("project", "owner_id", "external_id"),
                        condition=models.Q(models.Q(("external_id", ""), _negated=True), ("deleted_at", None)),
                        name="endpoint_external_id",
                    ),
                ),
            ],
        ),
    ]
