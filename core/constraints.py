"""Tell which constraint of the database a statement would have broken."""

from django.db import IntegrityError
from psycopg.errors import IntegrityError as Broken


def broken_constraint(error: IntegrityError) -> str:
    """Return the name of the constraint; "" where the database names none."""
    cause = error.__cause__
    return (cause.diag.constraint_name or "") if isinstance(cause, Broken) else ""
