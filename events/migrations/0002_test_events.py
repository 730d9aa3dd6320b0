from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="deliveryattempt",
            name="is_test",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="eventdelivery",
            name="test",
            field=models.CharField(
                blank=True,
                choices=[("", "None"), ("test", "Test"), ("rehearsal", "Rehearsal")],
                db_default="",
                default="",
                max_length=9,
            ),
        ),
    ]
