from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("endpoints", "0009_index_of_external_id"),
    ]

    # The operators' start page counts the open breakers by it.
    operations = [
        AddIndexConcurrently(
            model_name="endpointstate",
            index=models.Index("open_until", condition=models.Q(("breaker", "open")), name="state_breaker_open"),
        ),
    ]
