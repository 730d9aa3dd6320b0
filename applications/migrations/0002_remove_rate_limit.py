"""Remove the limit of an application, which was stored and never applied."""

from django.db import migrations

REVIEWED = {"drop column": "No release has had it."}


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0001_initial"),
    ]

    operations = [
        migrations.RemoveField(model_name="application", name="rate_limit"),
    ]
