"""Read one project in a statement that is written out: the ORM would compile it for each request (docs/adr/0003)."""

from functools import cache

from projects.models import Project


def find_project(project_id: str) -> Project | None:
    """Return a project that is not deleted; None where there is none."""
    return next(iter(Project.objects.raw(_statement(), [project_id])), None)


@cache
def _statement() -> str:
    # Each column by its name: a prepared statement with * would fail once a migration has added one.
    columns = ", ".join(str(field.column) for field in Project._meta.concrete_fields)
    return f"SELECT {columns} FROM projects_project WHERE uid = %s AND deleted_at IS NULL"  # noqa: S608 - our own texts
