"""Run Django's migrate, but refuse a database that it cannot upgrade."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate

from core.readiness import TOO_OLD, is_too_old


class Command(migrate.Command):
    """Apply the migrations of this version."""

    def handle(self, *args: Any, **options: Any) -> Any:
        """Migrate. Raises CommandError where the schema is older than the first migrations of this code."""
        if is_too_old():
            raise CommandError(TOO_OLD)
        return super().handle(*args, **options)
