"""Return whether this version can work with the database, and whether a caller may see its figures."""

import hmac
from collections.abc import Container
from functools import cache

import psycopg
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from core.pooling import pooling_problem

#: A migration of the development before the first release, whose schema cannot be upgraded.
_DISCARDED = ("projects", "0002_admin_search")
TOO_OLD = (
    "the database was made by a development version whose data cannot be upgraded: name an empty database in "
    "DATABASE_URL or, without it, an empty folder in DATA_DIR (the default is .data)"
)
NO_DATABASE = "the database is not available"
NOT_MIGRATED = "the database lacks migrations of this version: run manage.py migrate"


def why_not_ready() -> str:
    """Return in one line why this version cannot work with the database, or an empty text where it can."""
    try:
        applied = _applied()
        problem = _pooling_problem()
    except (Error, psycopg.Error):
        return NO_DATABASE
    if problem:
        return problem
    if _DISCARDED in applied:
        return TOO_OLD
    return NOT_MIGRATED if _missing(applied) else ""


def is_too_old() -> bool:
    """Return whether the database's schema is older than the first migrations of this code. Raises django.db.Error."""
    return _DISCARDED in _applied()


def missing_migrations() -> list[str]:
    """Return the migrations that are not applied, such as `events.0001_initial`. Raises django.db.Error."""
    return _missing(_applied())


def _applied() -> Container[tuple[str, str]]:
    return MigrationRecorder(connection).applied_migrations()


def _missing(applied: Container[tuple[str, str]]) -> list[str]:
    return sorted(f"{app}.{name}" for app, name in _migrations() if (app, name) not in applied)


@cache
def _pooling_problem() -> str:
    """Look once in a process: it opens connections of its own."""
    return pooling_problem()


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)


def has_metrics_token(authorization: str) -> bool:
    """Return whether an Authorization header carries METRICS_TOKEN."""
    return hmac.compare_digest(authorization.encode(errors="replace"), f"Bearer {settings.METRICS_TOKEN}".encode())
