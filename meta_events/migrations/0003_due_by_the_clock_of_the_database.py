"""What is due is due by the clock of the database, as the workers read it."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("meta_events", "0002_admin_search"),
    ]

    operations = [
        migrations.AlterField(
            model_name="metaevent",
            name="due_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True),
        ),
        migrations.AlterField(
            model_name="metaevent",
            name="next_send_time",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
    ]
