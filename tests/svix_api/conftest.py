"""Fixtures of the tests of portal links."""

import pytest

from projects.models import Project
from tests.svix_api.calls import key_of


@pytest.fixture
def key(project: Project) -> str:
    """A key of the project's admin."""
    return key_of(project)
