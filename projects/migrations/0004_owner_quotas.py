from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0003_keeps_sessions"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="owner_endpoints",
            field=models.PositiveIntegerField(
                blank=True,
                db_default=1000,
                default=1000,
                help_text="At most. 0: any number.",
                verbose_name="endpoints of an owner",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="owner_filter_bytes",
            field=models.PositiveIntegerField(
                blank=True,
                db_default=1048576,
                default=1048576,
                help_text="At most, of the conditions of all subscriptions together. 0: any number.",
                verbose_name="bytes of an owner's filters",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="owner_subscriptions",
            field=models.PositiveIntegerField(
                blank=True,
                db_default=10000,
                default=10000,
                help_text="At most. 0: any number.",
                verbose_name="subscriptions of an owner",
            ),
        ),
    ]
