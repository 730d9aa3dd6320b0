"""nahook 0.2.0, the official client, from its README to a verified webhook, and every operation of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from nahook import NahookAPIError, NahookClient, NahookManagement
from standardwebhooks import Webhook, WebhookVerificationError

from tests.conftest import Row
from tests.live.conftest import LiveProject
from tests.live.test_nahook_sdk import MakeKey, refusal
from tests.nahook_api.operations import ROWS, Workspace
from tests.outbound.receivers import Receiver
from tests.waiting import eventually


@pytest.fixture
def mgmt(project: LiveProject, make_key: MakeKey) -> Iterator[NahookManagement]:
    with NahookManagement(make_key("--nahook"), base_url=project.server.url) as client:
        yield client


@pytest.fixture
def client(project: LiveProject, make_key: MakeKey) -> Iterator[NahookClient]:
    key = make_key("--nahook-sending")
    assert key.startswith("nhk_")
    with NahookClient(key, base_url=project.server.url, retries=3, timeout=30_000) as client:
        yield client


def test_the_quick_start(project: LiveProject, mgmt: NahookManagement, client: NahookClient) -> None:
    """The README's steps: application, endpoint, event type, subscription, trigger, verification, delivery, portal."""
    ws = project.uid
    with Receiver() as receiver:
        app = mgmt.applications.create(ws, name="Acme Corp", external_id="acme-123", metadata={"tier": "pro"})
        ep = mgmt.applications.create_endpoint(ws, app["id"], url=receiver.url("/in"), description="Production webhook")
        assert [each["id"] for each in mgmt.applications.list_endpoints(ws, app["id"])["data"]] == [ep["id"]]
        event_type = mgmt.event_types.create(ws, name="order.paid", description="Fired when an order is paid")
        assert mgmt.subscriptions.create(ws, ep["id"], event_type_ids=[event_type["id"]]) == {"subscribed": 1}
        assert mgmt.event_types.get(ws, event_type["id"])["subscriberCount"] == 1

        paid = {"orderId": "123", "status": "paid"}
        result = client.trigger("order.paid", paid, metadata={"region": "us-east-1"})
        assert (result["eventTypeId"], result["status"]) == (event_type["id"], "accepted")
        [delivery_id] = result["deliveryIds"]
        [request] = receiver.wait_for(1)
        wh = Webhook(ep["secret"])
        assert wh.verify(request.body, dict(request.headers)) == paid
        assert request.header("X-Webhook-Metadata") == '{"region": "us-east-1"}'
        with pytest.raises(WebhookVerificationError):
            wh.verify(request.body + b" ", dict(request.headers))

        sent = client.send(ep["id"], {"orderId": "124"}, idempotency_key="order-124-paid")
        assert sent == {"deliveryId": sent["deliveryId"], "idempotencyKey": "order-124-paid", "status": "accepted"}
        assert client.send(ep["id"], {"orderId": "124"}, idempotency_key="order-124-paid") == sent
        [_, request] = receiver.wait_for(2)
        assert wh.verify(request.body, dict(request.headers)) == {"orderId": "124"}

        eventually(
            lambda: len(mgmt.deliveries.list(ws, ep["id"], status="delivered")["data"]) == 2, "both are delivered"
        )
        delivery = mgmt.deliveries.get(ws, delivery_id, include_payload=True)
        assert (delivery["status"], delivery["endpointId"]) == ("delivered", ep["id"])
        assert delivery["totalAttempts"] == 1
        assert delivery["firstAttemptAt"] <= delivery["deliveredAt"]  # type: ignore[operator]
        assert delivery["payload"] == {"status": "available", "data": paid, "contentType": "application/json"}
        [attempt] = mgmt.deliveries.get_attempts(ws, delivery_id)
        assert (attempt["attemptNumber"], attempt["status"], attempt["responseStatusCode"]) == (1, "success", 200)
        first = mgmt.deliveries.list(ws, ep["id"], limit=1)
        assert first["next_cursor"] is not None
        second = mgmt.deliveries.list(ws, ep["id"], limit=1, cursor=first["next_cursor"])
        assert [first["data"][0]["id"], second["data"][0]["id"]] == [sent["deliveryId"], delivery_id]
        assert second["next_cursor"] is None

        session = mgmt.portal_sessions.create(ws, app["id"], metadata={"userId": "user-456"})
        assert session["url"].endswith(f"#code={session['code']}")

        # Convoy's API shows the same rows.
        [endpoint] = project.client.get(project.endpoints).json()["data"]["content"]
        assert (f"ep_{endpoint['uid']}", endpoint["owner_id"]) == (ep["id"], "acme-123")
        deliveries = project.client.get(f"{project.path}/eventdeliveries").json()["data"]["content"]
        assert {f"del_{row['uid']}" for row in deliveries} == {delivery_id, sent["deliveryId"]}
        events = project.client.get(f"{project.path}/events").json()["data"]["content"]
        assert {row["event_type"] for row in events} == {"order.paid", "nahook.send"}


def test_batches(project: LiveProject, mgmt: NahookManagement, client: NahookClient) -> None:
    endpoint = mgmt.endpoints.create(project.uid, url="https://hooks.example.com/in")["id"]
    batch = client.send_batch(
        [{"endpointId": endpoint, "payload": {"orderId": "123"}}, {"endpointId": "ep_def", "payload": {}}]
    )
    assert [item.get("status") for item in batch["items"]] == ["accepted", None]
    assert batch["items"][1] == {"index": 1, "error": {"code": "not_found", "message": "endpoint not found"}}
    fan_out = client.trigger_batch(
        [{"eventType": "order.paid", "payload": {}}, {"eventType": "not valid", "payload": {}}]
    )
    assert fan_out["items"][0] == {"index": 0, "eventTypeId": "", "deliveryIds": [], "status": "accepted"}
    assert fan_out["items"][1]["error"]["code"] == "validation_error"


def test_every_operation(project: LiveProject, mgmt: NahookManagement, client: NahookClient, row: Row) -> None:
    uid = project.uid
    application = mgmt.applications.create(uid, name="Acme")["id"]
    endpoint = mgmt.endpoints.create(uid, url="https://hooks.example.com/in")["id"]
    event_type = mgmt.event_types.create(uid, name="order.paid")["id"]
    mgmt.endpoints.update(uid, endpoint, is_active=False)
    delivery = client.send(endpoint, {})["deliveryId"]
    workspace = Workspace(uid, mgmt, client, application, endpoint, event_type, delivery)
    for operation in ROWS:
        with pytest.raises(NahookAPIError) as failure:
            operation.bad(workspace)
        error = failure.value
        assert (error.status, error.code) == operation.refusal, (operation.name, str(error))
        assert str(error)
        if operation.reason:
            error = refusal(lambda call=operation.good: call(workspace))  # type: ignore[misc]
            assert (error.status, error.code) == (403, "forbidden"), operation.name
        else:
            operation.good(workspace)


def test_keys(project: LiveProject, mgmt: NahookManagement, client: NahookClient, make_key: MakeKey) -> None:
    """A key that sends does nothing else, and a management token does not send."""
    url = project.server.url
    assert refusal(lambda: mgmt._http.request("POST", "/api/ingest/event/a", body={"payload": {}})).is_auth_error
    assert refusal(
        lambda: client._http.request("GET", f"/management/v1/workspaces/{project.uid}/endpoints")
    ).is_auth_error
    assert (
        client._http._client.get(
            f"{url}/api/v1{project.endpoints}", headers={"Authorization": f"Bearer {client._http._token}"}
        ).status_code
        == 401
    )
    with NahookClient(f"nhk_us_{'a' * 80}", base_url=url) as stranger:
        error: Any = refusal(lambda: stranger.send("ep_abc", {}))
        assert (error.status, error.code, error.is_retryable) == (401, "unauthorized", False)
    ours = mgmt.applications.create(project.uid, name="Acme", external_id="acme")["id"]
    mine = mgmt.applications.create_endpoint(project.uid, ours, url="https://hooks.example.com/a")["id"]
    other = mgmt.endpoints.create(project.uid, url="https://hooks.example.com/b")["id"]
    kind = mgmt.event_types.create(project.uid, name="order.paid")["id"]
    for endpoint in (mine, other):
        mgmt.subscriptions.create(project.uid, endpoint, event_type_ids=[kind])
    owners = make_key("--nahook-sending", "--owner-id=acme", "--scope=webhooks:manage")
    with NahookClient(owners, base_url=url) as acme:
        assert acme.send(mine, {})["status"] == "accepted"
        assert refusal(lambda: acme.send(other, {})).is_not_found
        assert len(acme.trigger("order.paid", {})["deliveryIds"]) == 1
    assert len(client.trigger("order.paid", {})["deliveryIds"]) == 2
