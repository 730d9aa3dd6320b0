"""Fixtures of the tests of the portal's pages."""

from collections.abc import Callable

import pytest

from endpoints.models import Endpoint
from portal_links.capabilities import EVERYTHING
from projects.models import Project
from tests.portal.customers import OWNER, SECRET, Customer, MakeEndpoint, mint


@pytest.fixture
def login(project: Project) -> Callable[..., Customer]:
    """A customer with some capabilities, by default all."""
    return lambda capabilities=EVERYTHING: Customer(project, mint(project, capabilities).secret)


@pytest.fixture
def endpoint(make_endpoint: MakeEndpoint) -> Endpoint:
    """An endpoint of OWNER's with the secret SECRET."""
    return make_endpoint(owner_id=OWNER, name="Orders in", secret=SECRET)
