"""Callers of operations."""

from projects.keys import Caller
from projects.models import APIKey


def caller_of(key: APIKey) -> Caller:
    """The caller that a stored key stands for."""
    return Caller(
        key_id=key.uid,
        name=key.name,
        role=key.role,
        owner_id=key.owner_id,
        scopes=tuple(key.scopes),
        key_project_id=key.project_id,
        project_exists=True,
    )
