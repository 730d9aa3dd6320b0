"""Whether this version can work with the database, and who may see its figures: asked of servers and workers alike."""

import hmac
from functools import cache

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

NO_DATABASE = "the database is not available"
NOT_MIGRATED = "the database lacks migrations of this version: run manage.py migrate"


def why_not_ready() -> str:
    """What keeps this version from working with the database, in one line; empty: nothing."""
    try:
        missing = missing_migrations()
    except Error:
        return NO_DATABASE
    return NOT_MIGRATED if missing else ""


def missing_migrations() -> list[str]:
    """The migrations of this version that are not applied, such as `events.0001_initial`. Raises django.db.Error."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in _migrations() if (app, name) not in applied)


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)


def has_metrics_token(authorization: str) -> bool:
    """Whether an Authorization header bears METRICS_TOKEN."""
    return hmac.compare_digest(authorization.encode(errors="replace"), f"Bearer {settings.METRICS_TOKEN}".encode())
