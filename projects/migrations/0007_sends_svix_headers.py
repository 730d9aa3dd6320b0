from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0006_archived_event_types"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="sends_svix_headers",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text=(
                    "Webhooks also carry svix-id, svix-timestamp and svix-signature, which receivers of Svix verify."
                ),
                verbose_name="send Svix's headers",
            ),
        ),
    ]
