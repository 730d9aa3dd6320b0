from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portal_links", "0002_link_appearance_and_capabilities"),
    ]

    operations = [
        migrations.CreateModel(
            name="CheckWindow",
            fields=[
                (
                    "opened_by",
                    models.CharField(db_collation="C", max_length=26, primary_key=True, serialize=False),
                ),
                ("started_at", models.DateTimeField()),
                ("checks", models.IntegerField()),
            ],
        ),
        # A count of checks is not worth a write to the log: see CheckWindow.
        migrations.RunSQL(
            "ALTER TABLE portal_links_checkwindow SET UNLOGGED", "ALTER TABLE portal_links_checkwindow SET LOGGED"
        ),
    ]
