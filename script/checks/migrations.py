"""Refuse a migration that is not safe on a live database: one that holds writes, rewrites a table or breaks old code.

During an upgrade the old version runs beside the new one, on tables of millions of rows. The initial migration of each
app is the baseline and is not looked at, nor is what a migration does to a table that it creates itself. Where a rule
does not fit, the migration says why: `REVIEWED = {"drop column": "No release has read it since 1.4."}`.
Run it as `python -m script.checks.migrations`.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

BASELINE = "0001_initial"


class Rule(NamedTuple):
    """A pattern of unsafe statements, and the safe way to the same end."""

    name: str
    pattern: str
    instead: str


RULES = [
    Rule("create index", r"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)", "AddIndexConcurrently in a migration of its own"),
    Rule("drop index", r"DROP INDEX (?!CONCURRENTLY)", "RemoveIndexConcurrently in a migration of its own"),
    Rule("reindex", r"REINDEX (?!.*CONCURRENTLY)", "REINDEX CONCURRENTLY"),
    Rule(
        "add constraint",
        r"ADD CONSTRAINT \S+ (CHECK|FOREIGN KEY)(?!.*NOT VALID)|ADD COLUMN .* REFERENCES ",
        "AddConstraintNotValid, then ValidateConstraint in a second migration",
    ),
    Rule(
        "add unique",
        r"ADD CONSTRAINT \S+ (UNIQUE|PRIMARY KEY|EXCLUDE)(?! USING INDEX)|ADD COLUMN .* UNIQUE",
        "build the index concurrently, then ADD CONSTRAINT … USING INDEX",
    ),
    Rule("alter type", r"ALTER COLUMN \S+ TYPE", "a new column, filled in batches"),
    Rule("set not null", r"ALTER COLUMN \S+ SET NOT NULL", "a CHECK constraint that is NOT VALID, then validated"),
    Rule(
        "not null without default",
        r"ADD COLUMN (?!.* DEFAULT ).* NOT NULL|ALTER COLUMN \S+ DROP DEFAULT",
        "db_default, as the old version inserts rows without the column",
    ),
    Rule(
        "rewrite",
        r"ADD COLUMN .*(DEFAULT [^,]*(random|clock_timestamp|nextval|uuid)|GENERATED .* STORED)|^(CLUSTER|VACUUM FULL)",
        "a column without a default, filled in batches",
    ),
    Rule("drop column", r"DROP COLUMN", "remove it from the code in one release, and from the table in the next"),
    Rule("drop table", r"^DROP TABLE", "remove it from the code in one release, and from the database in the next"),
    Rule("rename", r"RENAME (COLUMN|TO|CONSTRAINT)", "db_column or db_table, which keep the old name"),
    Rule("data", r"^(UPDATE|DELETE|INSERT|-- Raw Python)", "a command that works in batches, beside the migration"),
    Rule("lock", r"^LOCK ", "a statement that needs no lock of the table"),
]


def faults(statements: Iterable[str], reviewed: Iterable[str] = ()) -> Iterator[tuple[Rule, str]]:
    """Yield each rule that one of a migration's SQL statements breaks, with the statement."""
    created: list[str] = []
    for statement in statements:
        text = " ".join(statement.split())
        if made := re.match(r"CREATE TABLE (\S+)", text):
            created.append(made[1])
        elif not any(re.search(rf"(TABLE|ON|UPDATE|INTO|FROM) {re.escape(table)}", text) for table in created):
            yield from ((rule, text) for rule in RULES if rule.name not in reviewed and re.search(rule.pattern, text))


def main() -> None:
    """Print each fault, and exit with 1 where there is one."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "convoyclone.settings"
    from convoyclone.database import ensure_running

    ensure_running()
    import django

    django.setup()
    from django.apps import apps
    from django.conf import settings
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(connection)
    ours = {app.label for app in apps.get_app_configs() if app.path.startswith(str(settings.BASE_DIR / app.label))}
    found = []
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if app in ours and name != BASELINE:
            state = loader.project_state((app, name), at_end=False)
            reviewed: dict[str, Any] = getattr(sys.modules[type(migration).__module__], "REVIEWED", {})
            with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
                migration.apply(state, editor, collect_sql=True)
            found += [
                f"{app}/migrations/{name}.py: {rule.name}: {text}\n  instead: {rule.instead}"
                for rule, text in faults(editor.collected_sql, reviewed)
            ]
    sys.exit("\n".join(found) or None)


if __name__ == "__main__":
    main()
