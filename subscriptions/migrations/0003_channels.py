from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0002_subscriptions_of_owner"),
    ]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="channels",
            field=ArrayField(base_field=models.CharField(max_length=128), blank=True, db_default=[], default=list),
        ),
    ]
