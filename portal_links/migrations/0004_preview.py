from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portal_links", "0003_check_window"),
    ]

    operations = [
        migrations.AddField(
            model_name="portalsession",
            name="operator",
            field=models.CharField(blank=True, db_default="", default="", max_length=150),
        ),
        migrations.AlterField(
            model_name="portalsession",
            name="surface",
            field=models.CharField(
                choices=[
                    ("convoy", "Convoy"),
                    ("nahook", "Nahook"),
                    ("feather", "Feather"),
                    ("svix", "Svix"),
                    ("preview", "Preview"),
                ],
                max_length=7,
            ),
        ),
    ]
