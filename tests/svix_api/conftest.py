"""Fixtures of the tests of Svix's API."""

import pytest

from endpoints.models import Endpoint
from projects.models import Project
from tests.svix_api.calls import key_of
from tests.svix_api.messages import make_endpoint, send


@pytest.fixture
def key(project: Project) -> str:
    """A key of the project's admin."""
    return key_of(project)


@pytest.fixture
def endpoint(project: Project) -> Endpoint:
    """An endpoint of acme that listens to everything."""
    return make_endpoint(project, "acme")


@pytest.fixture
def app(key: str) -> str:
    """The id of the application acme."""
    reply = send("POST", "", key, {"name": "Acme", "uid": "acme"})
    return str(reply.json["id"])
