"""What is due is due by the clock of the database, as the workers read it."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0004_queue_is_vacuumed_early"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notification",
            name="due_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True),
        ),
    ]
