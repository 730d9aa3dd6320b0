"""The idempotency keys and the batch retries of customers are apart from the company's."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0005_due_by_the_clock_of_the_database"),
        ("projects", "0004_retention_settings"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="batchretry",
            name="batch_retry_of_project",
        ),
        migrations.RemoveConstraint(
            model_name="event",
            name="event_idempotency_key",
        ),
        migrations.AddField(
            model_name="batchretry",
            name="customer",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.AddField(
            model_name="event",
            name="key_scope",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.AddConstraint(
            model_name="batchretry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("finished_at", None)), fields=("project", "customer"), name="batch_retry_of_project"
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_duplicate_event", False), models.Q(("idempotency_key", ""), _negated=True)),
                fields=("project", "idempotency_key", "key_scope"),
                name="event_idempotency_key",
            ),
        ),
    ]
