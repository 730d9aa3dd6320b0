import django.db.models.deletion
from django.db import migrations, models

# Each batch of outcomes updates the rows of the present hour, as it does those of endpoints_endpointstate (0001). Free
# room in each page keeps an update on its page.
VACUUM_EARLY = """
ALTER TABLE endpoints_endpointhour SET
  (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000, fillfactor = 70)
"""
VACUUM_BY_DEFAULT = """
ALTER TABLE endpoints_endpointhour RESET
  (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, fillfactor)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("endpoints", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="status_actor",
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="status_reason",
            field=models.TextField(blank=True, db_default="", default="", editable=False),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="status_since",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="endpointstate",
            name="delivered_in_a_row",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="endpointstate",
            name="failed_in_a_row",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="endpointstate",
            name="failing_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="endpointstate",
            name="last_delivered_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="endpointstate",
            name="last_failure",
            field=models.CharField(blank=True, db_default="", default="", max_length=32),
        ),
        migrations.AddField(
            model_name="endpointstate",
            name="last_failure_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="endpointstate",
            name="last_failure_text",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.CreateModel(
            name="EndpointHour",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "endpoint", "hour", "answer", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("hour", models.DateTimeField()),
                ("answer", models.CharField(db_collation="C", max_length=32)),
                ("delivered", models.PositiveIntegerField(db_default=0, default=0)),
                ("failed", models.PositiveIntegerField(db_default=0, default=0)),
                (
                    "endpoint",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hours",
                        to="endpoints.endpoint",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(VACUUM_EARLY, VACUUM_BY_DEFAULT),
    ]
