from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("portal_links", "0006_sessions_end_with_keys"),
    ]

    # The operators' search finds by it the links whose name begins with a text.
    operations = [
        AddIndexConcurrently(
            model_name="portallink",
            index=models.Index(
                fields=["name"],
                opclasses=["varchar_pattern_ops"],
                condition=models.Q(("deleted_at", None)),
                name="link_by_name",
            ),
        ),
    ]
