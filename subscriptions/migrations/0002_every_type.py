"""Projects that were made before event types were have the type `*` too."""

from typing import Any

from django.db import migrations

from convoyclone.ulid import new_ulid


def add_every_type(apps: Any, schema_editor: Any) -> None:
    event_types = apps.get_model("subscriptions", "EventType").objects
    projects = apps.get_model("projects", "Project").objects.values_list("uid", "created_at")
    event_types.bulk_create(
        [
            event_types.model(uid=new_ulid(), project_id=uid, name="*", created_at=created_at)
            for uid, created_at in projects.iterator()
        ],
        batch_size=1000,
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0001_initial")]

    operations = [migrations.RunPython(add_every_type, migrations.RunPython.noop)]
