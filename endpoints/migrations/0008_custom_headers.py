from django.db import migrations, models

from core.encryption import EncryptedJSONField


class Migration(migrations.Migration):
    dependencies = [
        ("endpoints", "0007_endpoints_by_name"),
    ]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="custom_headers",
            field=EncryptedJSONField(null=True),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="external_id",
            field=models.CharField(
                blank=True, db_collation="C", db_default="", default="", editable=False, max_length=255
            ),
        ),
    ]
