"""`manage.py forget_owner`: delete everything of one owner, or count it (docs/operations.md)."""

import json
from argparse import BooleanOptionalAction
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from engine.forgetting.export import export_rows
from engine.forgetting.owner import find_owner
from engine.forgetting.run import Report, count_rows, forget
from projects.models import Project


class Command(BaseCommand):
    """Counts or deletes the rows of an owner. The report alone goes to standard output."""

    help = "Delete everything of one owner of a project; without --yes, count it and change nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", metavar="PROJECT", help="the project's id")
        parser.add_argument("owner", metavar="OWNER", help="the owner_id, as the endpoints have it")
        parser.add_argument("--yes", action="store_true", help="delete; without this, rows are only counted")
        parser.add_argument("--export", type=Path, metavar="FILE", help="first write the rows to this new file")
        parser.add_argument("--json", action=BooleanOptionalAction, default=False, help="report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Report what was deleted. Raises CommandError."""
        if not Project.objects.filter(pk=options["project"]).exists():
            raise CommandError(f"there is no project {options['project']}")
        if not options["owner"].strip():
            raise CommandError("OWNER must not be blank: endpoints without an owner belong to the company")
        owner = find_owner(options["project"], options["owner"])
        if options["export"] is not None:
            try:
                number = export_rows(owner, options["export"])
            except OSError as error:
                raise CommandError(f"{options['export']}: {error.strerror}") from error
            self.stderr.write(f"{number} rows written to {options['export']}", str)
        report = forget(owner) if options["yes"] else count_rows(owner)
        self.stdout.write(_as_json(options, report) if options["json"] else _as_text(options, report))
        if not options["yes"]:
            self.stderr.write("Nothing was changed. --yes deletes.", str)


def _as_json(options: dict[str, Any], report: Report) -> str:
    named = {"project": options["project"], "owner": options["owner"], "is_dry_run": not options["yes"]}
    return json.dumps(named | report, ensure_ascii=False)


def _as_text(options: dict[str, Any], report: Report) -> str:
    lines = []
    titles = {"deleted": "Deleted", "kept": "Kept, without what names the owner"}
    if not options["yes"]:
        titles = {"deleted": "To delete", "kept": "To keep, without what names the owner"}
    for part, title in titles.items():
        found = {noun: number for noun, number in report[part].items() if number}
        lines += [f"{title}: {sum(found.values())} rows", *(f"  {number:>9}  {noun}" for noun, number in found.items())]
    return "\n".join(lines)
