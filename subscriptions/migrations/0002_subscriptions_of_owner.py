from django.db import migrations

# The same as endpoints_of_owner, of an owner's subscriptions, and of the bytes of the conditions of all their filters.
CREATE = """
CREATE OR REPLACE FUNCTION subscriptions_of_owner(project text, owner text, most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('owner ' || project || ' ' || owner, 0));
  RETURN (
    SELECT count(*) FROM (
      SELECT FROM endpoints_endpoint e JOIN subscriptions_subscription s ON s.endpoint_id = e.uid
      WHERE e.project_id = project AND e.owner_id = owner AND e.deleted_at IS NULL AND s.deleted_at IS NULL LIMIT most
    ) found
  );
END
$$;
CREATE OR REPLACE FUNCTION filter_bytes_of_owner(project text, owner text) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('owner ' || project || ' ' || owner, 0));
  RETURN (
    SELECT coalesce(sum(octet_length(f.conditions::text)), 0)
    FROM endpoints_endpoint e
    JOIN subscriptions_subscription s ON s.endpoint_id = e.uid
    JOIN subscriptions_filter f ON f.subscription_id = s.uid
    WHERE e.project_id = project AND e.owner_id = owner AND e.deleted_at IS NULL AND s.deleted_at IS NULL
      AND f.conditions <> '{}'
  );
END
$$
"""
DROP = """
DROP FUNCTION subscriptions_of_owner(text, text, integer);
DROP FUNCTION filter_bytes_of_owner(text, text)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0001_initial"),
        ("endpoints", "0006_endpoints_of_owner"),
    ]

    operations = [migrations.RunSQL(CREATE, DROP)]
