from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0008_event_trace"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="channels",
            field=ArrayField(base_field=models.CharField(max_length=128), blank=True, db_default=[], default=list),
        ),
        migrations.AddField(
            model_name="event",
            name="tags",
            field=ArrayField(base_field=models.CharField(max_length=128), blank=True, db_default=[], default=list),
        ),
        migrations.AddField(
            model_name="event",
            name="external_id",
            field=models.CharField(blank=True, db_collation="C", db_default="", default="", max_length=256),
        ),
        migrations.AddField(
            model_name="event",
            name="expunged_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
