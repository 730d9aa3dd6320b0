"""The check of migrations on a live database (script/checks/migrations.py)."""

import pytest

from script.checks.migrations import faults

TABLE = '"events_event"'
ALTER = f"ALTER TABLE {TABLE}"


UNSAFE = [
    (f'CREATE INDEX "i" ON {TABLE} ("uid");', "create index"),
    (f'CREATE UNIQUE INDEX "i" ON {TABLE} ("uid");', "create index"),
    ('DROP INDEX IF EXISTS "i";', "drop index"),
    (f"REINDEX TABLE {TABLE}", "reindex"),
    (f'{ALTER} ADD CONSTRAINT "c" CHECK ("a" > 0);', "add constraint"),
    (f'{ALTER} ADD CONSTRAINT "c" FOREIGN KEY ("a") REFERENCES "b" ("c") DEFERRABLE;', "add constraint"),
    (f'{ALTER} ADD COLUMN "a" varchar(26) NULL CONSTRAINT "c" REFERENCES "b" ("c");', "add constraint"),
    (f'{ALTER} ADD CONSTRAINT "c" UNIQUE ("a");', "add unique"),
    (f'{ALTER} ALTER COLUMN "a" TYPE text USING "a"::text;', "alter type"),
    (f'{ALTER} ALTER COLUMN "a" SET NOT NULL;', "set not null"),
    (f'{ALTER} ADD COLUMN "a" integer NOT NULL;', "not null without default"),
    (f'{ALTER} ALTER COLUMN "a" DROP DEFAULT;', "not null without default"),
    (f'{ALTER} ADD COLUMN "a" uuid DEFAULT gen_random_uuid() NOT NULL;', "rewrite"),
    (f'{ALTER} ADD COLUMN "a" text GENERATED ALWAYS AS (lower(b)) STORED;', "rewrite"),
    (f'{ALTER} DROP COLUMN "a" CASCADE;', "drop column"),
    (f"DROP TABLE {TABLE} CASCADE;", "drop table"),
    (f'{ALTER} RENAME COLUMN "a" TO "b";', "rename"),
    (f'{ALTER} RENAME TO "events_other";', "rename"),
    ('UPDATE "events_event" SET "a" = 1', "data"),
    ("-- Raw Python operation", "data"),
    (f"LOCK TABLE {TABLE}", "lock"),
]


@pytest.mark.parametrize(
    ("statement", "rule"), UNSAFE, ids=[f"{number} {rule}" for number, (_, rule) in enumerate(UNSAFE)]
)
def test_an_unsafe_statement_breaks_its_rule(statement: str, rule: str) -> None:
    assert [broken.name for broken, _ in faults([statement])] == [rule]
    assert not list(faults([statement], reviewed=[rule]))


@pytest.mark.parametrize(
    "statement",
    [
        f'CREATE INDEX CONCURRENTLY "i" ON {TABLE} ("uid");',
        'DROP INDEX CONCURRENTLY IF EXISTS "i";',
        f'{ALTER} ADD CONSTRAINT "c" CHECK ("a" > 0) NOT VALID;',
        f'{ALTER} VALIDATE CONSTRAINT "c";',
        f'{ALTER} ADD CONSTRAINT "c" UNIQUE USING INDEX "i";',
        f'{ALTER} ADD COLUMN "a" integer NULL;',
        f'{ALTER} ADD COLUMN "a" integer DEFAULT 0 NOT NULL;',
        f'{ALTER} ALTER COLUMN "a" DROP NOT NULL;',
    ],
    ids=[
        "index concurrently",
        "drop index concurrently",
        "constraint not valid",
        "validate",
        "unique of an index",
        "nullable column",
        "column with a default",
        "drop not null",
    ],
)
def test_a_safe_statement_breaks_none(statement: str) -> None:
    assert not list(faults([statement]))


def test_a_new_table_may_have_all_of_it_at_once() -> None:
    made = ['CREATE TABLE "new" (uid text)', 'CREATE INDEX "i" ON "new" ("uid");', 'INSERT INTO "new" VALUES (1)']
    assert not list(faults(made))
    found = faults([*made, f'CREATE INDEX "i" ON {TABLE} ("uid");'])
    assert [rule.name for rule, _ in found] == ["create index"]
