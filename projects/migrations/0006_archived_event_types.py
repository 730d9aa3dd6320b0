from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0005_ends_gone_endpoints"),
    ]

    operations = [
        migrations.AddField(
            model_name="eventtype",
            name="archived_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
