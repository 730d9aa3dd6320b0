from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("endpoints", "0006_endpoints_of_owner"),
    ]

    # The operators' search finds by it the endpoints whose name begins with a text.
    operations = [
        AddIndexConcurrently(
            model_name="endpoint",
            index=models.Index(
                fields=["name"],
                opclasses=["varchar_pattern_ops"],
                condition=models.Q(("deleted_at", None)),
                name="endpoint_by_name",
            ),
        ),
    ]
