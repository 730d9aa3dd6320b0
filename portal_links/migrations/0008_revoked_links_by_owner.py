from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("portal_links", "0007_links_by_name"),
    ]

    # The operators' search finds by it the sessions of revoked links by their owner.
    operations = [
        AddIndexConcurrently(
            model_name="portallink",
            index=models.Index(
                "owner_id",
                condition=models.Q(("deleted_at__isnull", False)),
                name="revoked_link_of_owner",
            ),
        ),
    ]
