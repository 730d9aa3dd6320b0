"""A function for the search in payloads, which are kept as text."""

from django.db import migrations

# What jsonb cannot hold (a NUL, a number beyond its range) is NULL, which contains nothing.
CREATE = r"""
CREATE FUNCTION payload_as_jsonb(payload text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL RESTRICTED AS $$
BEGIN
  RETURN payload::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  RETURN NULL;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION payload_as_jsonb(text)")]
