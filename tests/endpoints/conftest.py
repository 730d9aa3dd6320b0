"""Fixtures of the tests of endpoint operations."""

from collections.abc import Callable

import pytest

from endpoints.models import Endpoint
from projects.models import Project
from tests.refusals import Call, Send


@pytest.fixture
def collection(project: Project) -> str:
    return f"/projects/{project.uid}/endpoints"


@pytest.fixture
def endpoint(make_endpoint: Callable[..., Endpoint]) -> Endpoint:
    """An active endpoint of the project."""
    return make_endpoint()


@pytest.fixture
def path(collection: str, endpoint: Endpoint) -> str:
    return f"{collection}/{endpoint.uid}"


@pytest.fixture
def call(send: Send, endpoint: Endpoint) -> Call:
    """Carries out the operation under test on an endpoint that is there."""
    return lambda api: send(api, endpoint.uid)
