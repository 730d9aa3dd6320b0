"""Fixtures of the tests of the record of activity."""

import pytest

from projects.models import Project


@pytest.fixture
def collection(project: Project) -> str:
    return f"/projects/{project.uid}/activity"
