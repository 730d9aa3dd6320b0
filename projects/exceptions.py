"""The refusals of project operations. Contract: projects section 1."""

from core.exceptions import NotFound


class ProjectNotFound(NotFound):
    """Project."""

    message = "project not found"
