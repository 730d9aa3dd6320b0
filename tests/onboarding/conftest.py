"""Fixtures of the tests of bulk onboarding."""

from typing import Any

import pytest

from projects.models import Project

ITEM = {"name": "Acme", "url": "https://hooks.example.com/acme"}


def items(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Return `count` valid items, each with a URL of its own."""
    return [{"name": f"Customer {n}", "url": f"https://hooks.example.com/{n}"} | fields for n in range(1, count + 1)]


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}/onboard"
