from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0007_indexes_of_rare_lists"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="trace",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=55),
        ),
    ]
