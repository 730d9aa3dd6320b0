"""Fixtures of the tests of the portal API."""

import pytest

from endpoints.models import Endpoint
from projects.models import Project
from tests.conftest import API
from tests.portal.api.customers import KINDS, Call, MakeEndpoint, Send, customer


@pytest.fixture(params=KINDS)
def manager(request: pytest.FixtureRequest, project: Project) -> API:
    """Acme's customer, who may do everything, with a credential of each kind."""
    return customer(project, request.param)


@pytest.fixture(params=KINDS)
def looker(request: pytest.FixtureRequest, project: Project) -> API:
    """Acme's customer, who may look, with a credential of each kind."""
    return customer(project, request.param, manages=False)


@pytest.fixture
def endpoint(make_endpoint: MakeEndpoint) -> Endpoint:
    """Acme's endpoint."""
    return make_endpoint(owner_id="acme", secret="the signing secret")


@pytest.fixture
def path(endpoint: Endpoint) -> str:
    return f"/endpoints/{endpoint.uid}"


@pytest.fixture
def call(send: Send, endpoint: Endpoint) -> Call:
    """Carries out the operation under test on an endpoint that is there."""
    return lambda api: send(api, endpoint.uid)
