from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0010_index_of_messages"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="eventdelivery",
            options={
                "permissions": [("resend_eventdelivery", "Can send event deliveries again")],
                "verbose_name_plural": "event deliveries",
            },
        ),
    ]
