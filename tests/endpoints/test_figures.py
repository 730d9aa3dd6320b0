"""Show an endpoint's figures wherever it is shown: `events`, `failure_rate`, `cb_state`."""

from collections.abc import Callable
from typing import Any

import pytest

from endpoints.models import Endpoint, EndpointState
from projects.models import Project
from tests.conftest import API
from tests.portal.api.customers import ROOT
from tests.statements import statements

MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def endpoint(make_endpoint: MakeEndpoint) -> Endpoint:
    """An endpoint with figures, the newest of three."""
    for _ in range(2):
        make_endpoint(owner_id="acme")
    endpoint = make_endpoint(owner_id="acme")
    EndpointState.objects.create(endpoint=endpoint, events=1234, failure_rate=12.5, breaker="half-open")
    return endpoint


def figures(shown: dict[str, Any]) -> tuple[Any, ...]:
    return shown["events"], shown["failure_rate"], shown["cb_state"]


COUNTED, NOTHING = (1234, 12.5, "half-open"), (0, 0, None)


def test_of_one(api: API, project: Project, endpoint: Endpoint) -> None:
    shown = api.get(f"/projects/{project.uid}/endpoints/{endpoint.uid}").data
    assert figures(shown) == COUNTED
    assert [shown[name] for name in ("period_failure_rate", "success_count", "failure_count", "retry_count")] == [
        None
    ] * 4


def test_in_the_list(api: API, project: Project, endpoint: Endpoint) -> None:
    content = api.get(f"/projects/{project.uid}/endpoints").data["content"]
    assert [figures(shown) for shown in content] == [COUNTED, NOTHING, NOTHING]


def test_in_the_portal(api: API, endpoint: Endpoint) -> None:
    api.root = ROOT
    assert figures(api.get(f"/endpoints/{endpoint.uid}").data) == COUNTED


@pytest.mark.parametrize("scope", [{"owner_id": "acme"}, {}])
def test_in_a_portal_link(api: API, project: Project, endpoint: Endpoint, scope: dict[str, Any]) -> None:
    body = {"name": "Acme", **scope} | ({} if scope else {"endpoints": [endpoint.uid]})
    expected = [COUNTED, NOTHING, NOTHING] if scope else [COUNTED]
    path = f"/projects/{project.uid}/portal-links"
    created = api.post(path, body).data
    for link in (created, api.get(f"{path}/{created['uid']}").data, api.get(path).data["content"][0]):
        assert [figures(shown) for shown in link["endpoints_metadata"]] == expected


def test_a_state_in_which_nothing_was_counted(api: API, project: Project, make_endpoint: MakeEndpoint) -> None:
    endpoint = make_endpoint()
    EndpointState.objects.create(endpoint=endpoint, tokens=3)
    assert figures(api.get(f"/projects/{project.uid}/endpoints/{endpoint.uid}").data) == NOTHING


def test_they_cost_no_statement(api: API, project: Project, endpoint: Endpoint) -> None:
    with statements() as found:
        api.get(f"/projects/{project.uid}/endpoints/{endpoint.uid}")
    assert found == ["SELECT projects_apikey", "SELECT endpoints_endpoint"]
