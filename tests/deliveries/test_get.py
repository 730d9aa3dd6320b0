"""GET /api/v1/projects/{projectID}/eventdeliveries/{eventDeliveryID}"""

from collections.abc import Callable

import pytest

from core.api.values import ZERO_TIME, wire_time
from deliveries.documents import NO_DEVICE
from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint
from events.documents import NO_SOURCE
from events.models import EventDelivery
from projects.models import Project
from tests.conftest import API, as_text
from tests.deliveries.rows import make_delivery, make_event
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers
from tests.statements import nothing_changes, statements

MakeEndpoint = Callable[..., Endpoint]

#: Payloads that a round trip through a JSON library would change, or break.
PAYLOADS = [
    '{"b":1,"a":2,"a":3}',
    '{"number":123456789012345678901234567890.10,"small":1e-400}',
    '{"nul":"\\u0000","escaped":"\\u00e9","plain":"é🦄"}',
    "[1,[2,[3]]]",
    "null",
    '"text"',
    "[" * 500 + "]" * 500,
    '{"long":"' + "x" * 900_000 + '"}',
]


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}/eventdeliveries"


@pytest.fixture
def delivery(make_endpoint: MakeEndpoint) -> EventDelivery:
    return make_delivery(make_endpoint())


@pytest.fixture
def call(path: str, delivery: EventDelivery) -> Call:
    return lambda api: api.get(f"{path}/{delivery.uid}")


class TestWorks:
    def test_the_whole_object(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint(owner_id="acme", support_email="ops@example.com", http_timeout=7)
        event = make_event(
            endpoint.project_id, headers={"X-Tenant": ["acme"]}, idempotency_key="inv-991", endpoints=[endpoint.uid]
        )
        delivery = make_delivery(endpoint, "Retry", event=event, latency_seconds=0.25)
        answer = api.get(f"{path}/{delivery.uid}")
        assert (answer.status, answer.message) == (200, "Event Delivery fetched successfully")
        assert answer.data == {
            "uid": delivery.uid,
            "project_id": endpoint.project_id,
            "event_id": event.uid,
            "endpoint_id": endpoint.uid,
            "subscription_id": delivery.subscription_id,
            "device_id": "",
            "headers": {"X-Tenant": ["acme"]},
            "url_query_params": "",
            "idempotency_key": "inv-991",
            "latency": "",
            "latency_seconds": 0.25,
            "event_type": "invoice.paid",
            "delivery_mode": "at_least_once",
            "endpoint_metadata": {
                "uid": endpoint.uid,
                "project_id": endpoint.project_id,
                "owner_id": "acme",
                "url": "https://hooks.example.com/in",
                "name": "Orders",
                "support_email": "ops@example.com",
                "status": "active",
                "deleted_at": None,
                "secrets": [],
                "advanced_signatures": False,
                "description": "",
                "http_timeout": 0,
                "authentication": None,
                "rate_limit": 0,
                "rate_limit_duration": 0,
                "content_type": "",
                "slack_webhook_url": "",
                "teams_webhook_url": "",
                "mtls_client_cert": None,
                "metadata": {},
                "events": 0,
                "failure_rate": None,
                "cb_state": None,
                "period_failure_rate": None,
                "success_count": None,
                "failure_count": None,
                "retry_count": None,
                "created_at": ZERO_TIME,
                "updated_at": ZERO_TIME,
            },
            "event_metadata": {
                "uid": event.uid,
                "event_type": "invoice.paid",
                "created_at": wire_time(event.created_at),
                "project_id": "",
                "endpoints": None,
                "headers": None,
                "source_metadata": NO_SOURCE,
                "url_query_params": "",
                "url_path": "",
                "idempotency_key": "",
                "is_duplicate_event": False,
                "data": None,
                "status": "",
                "acknowledged_at": None,
                "updated_at": ZERO_TIME,
                "deleted_at": None,
            },
            "source_metadata": NO_SOURCE,
            "device_metadata": NO_DEVICE,
            "status": "Retry",
            "metadata": {
                "data": {"invoice": 991},
                "raw": '{"invoice":991}',
                "strategy": "linear",
                "interval_seconds": 100,
                "retry_limit": 10,
                "num_trials": 3,
                "next_send_time": wire_time(delivery.next_send_time),
                "max_retry_seconds": 7200,
            },
            "cli_metadata": None,
            "acknowledged_at": wire_time(delivery.created_at),
            "created_at": wire_time(delivery.created_at),
            "updated_at": wire_time(delivery.updated_at),
            "deleted_at": None,
        }

    def test_why_it_was_given_up_on(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        delivery = make_delivery(make_endpoint(), "Failure", description="Retry limit exceeded")
        assert api.get(f"{path}/{delivery.uid}").data["description"] == "Retry limit exceeded"

    @pytest.mark.parametrize("payload", PAYLOADS, ids=as_text)
    def test_the_payload_is_shown_as_it_is_sent(
        self, api: API, path: str, make_endpoint: MakeEndpoint, payload: str
    ) -> None:
        endpoint = make_endpoint()
        delivery = make_delivery(endpoint, event=make_event(endpoint.project_id, data=payload))
        answer = api.get(f"{path}/{delivery.uid}")
        assert answer.data["metadata"]["raw"] == payload
        assert f'"metadata":{{"data":{payload},"raw"'.encode() in answer.response.content

    def test_of_an_endpoint_that_is_deleted(self, api: API, path: str, delivery: EventDelivery) -> None:
        delete_endpoint(delivery.project_id, delivery.endpoint_id)
        shown = api.get(f"{path}/{delivery.uid}").data["endpoint_metadata"]
        assert shown["uid"] == delivery.endpoint_id
        assert shown["deleted_at"] is not None

    def test_an_endpoints_credentials_are_in_no_delivery(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        key = {"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "the value"}}
        delivery = make_delivery(make_endpoint(authentication=key, secret="the signing secret"))
        for url in (f"{path}/{delivery.uid}", path):
            content = api.get(url).response.content
            assert b"the value" not in content
            assert b"the signing secret" not in content


class TestNotFound:
    def test_deliveries_that_are_not_there(
        self, api: API, instance: API, path: str, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        foreign = make_delivery(make_endpoint(project_id=other_project.uid))
        with nothing_changes():
            for caller in (api, instance):
                for uid in (foreign.uid, "nope", "a" * 5000, "'", "%F0%9F%A6%84"):
                    assert caller.get(f"{path}/{uid}").error == (404, "event delivery not found")


class TestAuthentication(RefusesStrangers, RefusesOtherProjects):
    def test_a_viewer_may(self, viewer: API, call: Call) -> None:
        assert call(viewer).status == 200


def test_the_statements(api: API, call: Call) -> None:
    with statements() as found:
        call(api)
    # The key, and the delivery with its event and endpoint.
    assert found == ["SELECT projects_apikey", "SELECT events_eventdelivery"]
