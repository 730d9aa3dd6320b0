"""Change tables in a migration while requests go on."""

from django.db.migrations import RunSQL

#: Less than PostgreSQL's deadlock_timeout of a second, after which it ends one of those that wait for each other: a
#: request reads one of the tables and then writes to the other.
WAIT_SECONDS = 0.1
#: Requests go on for so long before the next try: whoever waits for a whole table holds up all that come after.
PAUSE_SECONDS = 1


def lock_tables(*tables: str) -> RunSQL:
    """Return an operation that locks tables until the migration ends, once nobody uses any of them.

    A change that needs several of them is then made at once. Meanwhile nobody waits for longer than WAIT_SECONDS for
    each, even where a dump reads the tables for an hour.
    """
    statement = f"""
    DO $$
    BEGIN
      LOOP
        BEGIN
          SET LOCAL lock_timeout = '{round(WAIT_SECONDS * 1000)}ms';
          LOCK TABLE {", ".join(tables)} IN ACCESS EXCLUSIVE MODE;
          EXIT;
        EXCEPTION WHEN lock_not_available THEN
          PERFORM pg_sleep({PAUSE_SECONDS});
        END;
      END LOOP;
    END $$
    """
    return RunSQL([statement], RunSQL.noop)
