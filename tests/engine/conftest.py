"""The tests of sending start from what those of meta events start from, and may send to this machine."""

from ipaddress import ip_network

import pytest
from pytest_django import Settings

from tests.meta_events.conftest import enable, make_meta_event, receiver  # noqa: F401


@pytest.fixture
def loopback_is_allowed(settings: Settings) -> None:
    """Lets the workers send to receivers on this machine."""
    settings.DELIVERY_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
