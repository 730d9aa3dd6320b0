"""A client that openapi-python-client generates from openapi.yaml, against the running server."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.core.api.openapi_document import DOCUMENT
from tests.live.conftest import LiveProject
from tests.outbound.receivers import Receiver
from tests.server import ROOT, Server
from tests.waiting import eventually

NAME = "generated_client"
Call = Callable[..., Any]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The client as a package that can be imported. No warning of the generator is passed over."""
    folder = tmp_path_factory.mktemp("generated")
    # The generator formats what it writes with the ruff that it finds on its path.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"),
            *("--path", str(ROOT / "openapi.yaml"), "--output-path", str(folder / NAME)),
        ],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, "arning" in done.stdout + done.stderr) == (0, False), done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


@pytest.fixture
def connect(generated: None, server: Server) -> Iterator[Callable[..., Call]]:
    """Makes a caller of operations, by their modules' names, with a token; it returns the data of the answer."""
    package = importlib.import_module(f"{NAME}.client")
    opened = []

    def make(token: str, *, base: str = "/api") -> Call:
        options = {"trust_env": False}
        client = package.AuthenticatedClient(base_url=f"{server.url}{base}", token=token, httpx_args=options)
        opened.append(client)

        def call(operation: str, *ids: str, status: int = 200, **arguments: Any) -> Any:
            module = importlib.import_module(f"{NAME}.api.{operation}")
            answer = module.sync_detailed(*ids, client=client, **arguments)
            assert answer.status_code == status, answer.content
            return getattr(answer.parsed, "data", answer.parsed)

        return call

    yield make
    for client in opened:
        client.get_httpx_client().close()


def model(kind: str, /, **fields: Any) -> Any:
    """An instance of one of the client's classes, read from what JSON would hold."""
    return getattr(importlib.import_module(f"{NAME}.models"), kind).from_dict(fields)


def test_every_module_can_be_imported(generated: None) -> None:
    package = importlib.import_module(f"{NAME}.api")
    [folder] = package.__path__
    modules = [path.relative_to(folder).with_suffix("") for path in Path(folder).rglob("*.py")]
    assert len(modules) > 120
    for path in modules:
        importlib.import_module(f"{NAME}.api.{'.'.join(path.parts)}".removesuffix(".__init__"))
    importlib.import_module(f"{NAME}.models")


def test_a_round(
    connect: Callable[..., Call], server: Server, project: LiveProject, make_key: Callable[..., str]
) -> None:
    # A project
    instance = connect(server.quickstart["instance_api_key"])
    config = {"ssl": {"enforce_secure_endpoints": False}}
    body = model("ModelsCreateProject", name=f"of {project.uid}", type="outgoing", config=config)
    made = instance("projects.create_project", status=201, body=body)
    uid, call = made.project.uid, connect(made.api_key.key)

    with Receiver() as receiver:
        # An endpoint, whose breaker has no state yet, and its subscription
        body = model("ModelsCreateEndpoint", name="In", url=receiver.url("/in"), owner_id="acme")
        endpoint = call("endpoints.create_endpoint", uid, status=201, body=body)
        assert (endpoint.name, endpoint.cb_state, endpoint.authentication) == ("In", None, None)
        assert [row.uid for row in call("endpoints.get_endpoints", uid).content] == [endpoint.uid]
        chosen = {"event_types": ["invoice.paid"], "filter": {"body": {"amount": {"$gt": 5}}}}
        body = model("ModelsCreateSubscription", name="All", endpoint_id=endpoint.uid, filter_config=chosen)
        subscription = call("subscriptions.create_subscription", uid, status=201, body=body)
        assert subscription.filter_config.event_types == ["invoice.paid"]
        body = model("ModelsUpdateSubscription", name="Large ones")
        assert (
            call("subscriptions.update_subscription", uid, subscription.uid, status=202, body=body).name == "Large ones"
        )
        [filter_] = call("filters.get_filters", uid, subscription.uid)
        body = model("ModelsUpdateFilterRequest", body={"amount": {"$gt": 6}})
        changed = call("filters.update_filter", uid, subscription.uid, filter_.uid, body=body)
        assert changed.body.to_dict() == {"amount": {"$gt": 6}}

        # An event and its delivery
        body = model("ModelsCreateEvent", endpoint_id=endpoint.uid, event_type="invoice.paid", data={"amount": 42})
        event = call("events.create_endpoint_event", uid, status=201, body=body)
        [received] = receiver.wait_for(1, "/in")
        described = DOCUMENT["x-webhooks"]["event"]["post"]["parameters"]
        for header in described:
            assert not header["required"] or received.header(header["name"]), header["name"]

        def delivered() -> Any:
            page = call("event_deliveries.get_event_deliveries_paged", uid, event_type="invoice.paid")
            return [row for row in page.content if row.status == "Success"]

        [delivery] = eventually(delivered, "the delivery has succeeded")
        assert (delivery.event_id, delivery.endpoint_metadata.name) == (event.uid, "In")
        [attempt] = call("delivery_attempts.get_delivery_attempts", uid, delivery.uid)
        assert attempt.http_status == "200 OK"
        assert str(call("endpoints.get_endpoint", uid, endpoint.uid).cb_state) in ("None", "closed")
        body = model("ModelsExpireSecret", expiration=1)
        assert len(call("endpoints.expire_secret", uid, endpoint.uid, body=body).secrets) == 2

    # A portal link, and what its token opens
    body = model("DatastoreCreatePortalLinkRequest", name="Acme", owner_id="acme", can_manage_endpoint=True)
    link = call("portal_links.create_portal_link", uid, status=201, body=body)
    assert [row.uid for row in link.endpoints_metadata] == [endpoint.uid]
    customer = connect(link.token, base="")
    assert [row.name for row in customer("portal_api.get_portal_endpoints").content] == ["In"]
    assert customer("portal_api.get_license_features").portal_links is True

    # A session
    body = model("NahookCreatePortalSession", role="viewer")
    nahook = connect(make_key("--nahook"), base="")
    operation = "portal_sessions_of_other_clients.create_nahook_portal_session"
    session = nahook(operation, project.uid, "acme", status=201, body=body)
    assert httpx.get(session.url, trust_env=False).status_code == 200
    [listed] = connect(project.key)("portal_sessions.load_portal_sessions_paged", project.uid).content
    assert (listed.owner_id, listed.surface) == ("acme", "nahook")
