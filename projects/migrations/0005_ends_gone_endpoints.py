from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0004_owner_quotas"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="ends_gone_endpoints",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="An endpoint that answers 410 Gone is disabled at once, and its channels are told.",
                verbose_name="end endpoints that are gone",
            ),
        ),
    ]
