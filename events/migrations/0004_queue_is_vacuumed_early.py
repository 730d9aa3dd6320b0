"""The queue's table changes faster than others."""

from django.db import migrations

# Each delivery leaves two dead rows, and the index of the queue is read from where they die. By default
# nothing is cleaned before a fifth of the table is dead, which in a large table is millions of rows.
EARLY = """
ALTER TABLE events_eventdelivery SET
  (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE events_endpointstate SET
  (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, fillfactor = 50);
"""
DEFAULT = """
ALTER TABLE events_eventdelivery RESET
  (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay);
ALTER TABLE events_endpointstate RESET
  (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, fillfactor);
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0003_event_lookups")]

    operations = [migrations.RunSQL(EARLY, DEFAULT)]
