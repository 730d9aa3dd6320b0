"""convoy-python 1.0.0a1 on deliveries and attempts that the running server's worker makes."""

from collections.abc import Iterator
from typing import Any

import pytest
from convoy import AuthenticatedClient
from convoy.api.delivery_attempts import get_delivery_attempt, get_delivery_attempts
from convoy.api.endpoints import get_endpoint
from convoy.api.event_deliveries import (
    batch_retry_event_delivery,
    force_resend_event_deliveries,
    get_event_deliveries_paged,
    get_event_delivery,
    resend_event_delivery,
)
from convoy.models import ModelsIDs
from convoy.types import Unset

from tests.live.conftest import LiveProject
from tests.live.test_sdk import connect, data, refusal
from tests.outbound.receivers import Receiver
from tests.waiting import eventually


@pytest.fixture
def convoy(project: LiveProject) -> Iterator[AuthenticatedClient]:
    """The client with the key of a project whose deliveries have one attempt."""
    config = {"strategy": {"type": "linear", "duration": 1, "retry_count": 1}}
    project.client.put(project.path, json={"name": project.uid, "config": config}).raise_for_status()
    with connect(project.server, project.key) as client:
        yield client


def test_from_failure_to_success(project: LiveProject, convoy: AuthenticatedClient) -> None:
    def listed(**query: Any) -> Any:
        return data(get_event_deliveries_paged.sync_detailed(project.uid, client=convoy, **query), 200).content

    def become(status: str, number: int = 1) -> Any:
        return eventually(
            lambda: len(found := listed(status=[status])) == number and found, f"{number} deliveries are {status}"
        )

    with Receiver() as receiver:
        receiver.answer("/in", status=500, body=b"busy")
        endpoint = project.make_endpoint(url=receiver.url("/in"))
        event = {"endpoint_id": endpoint, "event_type": "invoice.paid", "data": {"invoice": 991}}
        event |= {"custom_headers": {"X-Tenant": "acme"}, "idempotency_key": "inv-991"}
        project.client.post(f"{project.path}/events", json=event).raise_for_status()

        [failed] = become("Failure")
        assert (failed.description, failed.event_type) == ("Retry limit exceeded", "invoice.paid")
        one = (project.uid, failed.uid)
        shown = data(get_event_delivery.sync_detailed(*one, client=convoy), 200)
        assert shown.to_dict() == failed.to_dict()
        assert shown.metadata.data.to_dict() == {"invoice": 991}
        assert shown.metadata.raw == '{"invoice":991}'
        assert (shown.metadata.num_trials, shown.metadata.retry_limit) == (1, 1)
        assert (shown.headers.to_dict(), shown.idempotency_key) == ({"X-Tenant": ["acme"]}, "inv-991")
        assert (shown.endpoint_metadata.uid, shown.event_metadata.event_type) == (endpoint, "invoice.paid")
        assert [row.uid for row in listed(idempotency_key="inv-991", event_type="invoice.paid")] == [failed.uid]
        assert listed(event_type="invoice") == []

        [attempt] = data(get_delivery_attempts.sync_detailed(*one, client=convoy), 200)
        assert isinstance(attempt.status, Unset)
        assert (attempt.http_status, attempt.response_data) == ("500 Internal Server Error", "busy")
        assert data(get_delivery_attempt.sync_detailed(*one, attempt.uid, client=convoy), 200).to_dict() == (
            attempt.to_dict()
        )

        receiver.answer("/in", status=200, body=b"thanks")
        assert data(resend_event_delivery.sync_detailed(*one, client=convoy), 200).status == "Scheduled"
        [delivered] = become("Success")
        assert delivered.metadata.num_trials == 2
        assert refusal(resend_event_delivery.sync_detailed(*one, client=convoy)) == (400, "event already sent")
        attempts = data(get_delivery_attempts.sync_detailed(*one, client=convoy), 200)
        assert [attempt.http_status for attempt in attempts] == ["500 Internal Server Error", "200 OK"]
        assert attempts[1].status is True

        forced: Any = force_resend_event_deliveries.sync_detailed(
            project.uid, client=convoy, body=ModelsIDs(ids=[failed.uid])
        )
        assert (forced.status_code, forced.parsed.message) == (200, "1 successful, 0 failed")
        eventually(
            lambda: len(data(get_delivery_attempts.sync_detailed(*one, client=convoy), 200)) == 3, "the third attempt"
        )
        assert len(receiver.wait_for(3)) == 3
        counted = data(get_endpoint.sync_detailed(project.uid, endpoint, client=convoy), 200)
        assert counted.events == 1


def test_many_at_once(project: LiveProject, convoy: AuthenticatedClient) -> None:
    def statuses() -> list[str]:
        found = data(get_event_deliveries_paged.sync_detailed(project.uid, client=convoy), 200).content
        return [str(row.status.value) for row in found]

    with Receiver() as receiver:
        receiver.answer("/in", status=500)
        endpoint = project.make_endpoint(url=receiver.url("/in"))
        for number in range(5):
            event = {"endpoint_id": endpoint, "event_type": "a", "data": number}
            project.client.post(f"{project.path}/events", json=event).raise_for_status()
        eventually(lambda: statuses() == ["Failure"] * 5, "all five have failed")
        receiver.answer("/in", status=200)
        begun: Any = batch_retry_event_delivery.sync_detailed(project.uid, client=convoy, status=["Failure"])
        assert (begun.status_code, begun.parsed.message) == (200, "Batch retry processing")
        eventually(lambda: statuses() == ["Success"] * 5, "all five have arrived")
