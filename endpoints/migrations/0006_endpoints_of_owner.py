from django.db import migrations

# Locks an owner until the transaction ends, and counts the endpoints that it has then, up to `most`: one round trip, and
# two calls at once see each other. The count is a statement of its own within a volatile function, so it sees what was
# committed while the lock was waited for.
CREATE = """
CREATE OR REPLACE FUNCTION endpoints_of_owner(project text, owner text, most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('owner ' || project || ' ' || owner, 0));
  RETURN (
    SELECT count(*) FROM (
      SELECT FROM endpoints_endpoint e
      WHERE e.project_id = project AND e.owner_id = owner AND e.deleted_at IS NULL LIMIT most
    ) found
  );
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("endpoints", "0005_confirmed_addresses"),
        ("projects", "0004_owner_quotas"),
    ]

    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION endpoints_of_owner(text, text, integer)")]
