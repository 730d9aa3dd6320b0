"""When a meta event comes to be, and what is in it.

Contract: docs/contract/meta-events.md#types, docs/contract/meta-events.md#body.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.db import connection, transaction
from django.utils import timezone
from psycopg import AsyncCursor

from core.exceptions import InvalidInput
from endpoints import operations
from endpoints.models import Endpoint
from engine import meta_emission as emission
from engine.meta_emission import Finished, emit_delivery_events
from events.models import DeliveryAttempt, Event, EventDelivery
from meta_events.models import MetaEvent
from outbound.states import Status
from projects.models import Project
from subscriptions.models import Subscription
from tests.conftest import API
from tests.endpoints.bodies import API_KEY
from tests.pools import with_pool
from tests.statements import statements

Enable = Callable[..., None]
ENDPOINT_TYPES = ("endpoint.created", "endpoint.updated", "endpoint.deleted")
BODY = {"url": "https://hooks.example.com/in", "name": "Orders"}


def told() -> list[tuple[str, Any]]:
    """Type and data of all meta events, in their order."""
    found = []
    for meta_event in MetaEvent.objects.order_by("uid"):
        body = json.loads(meta_event.body)
        assert body.keys() == {"event_type", "data"}
        assert body["event_type"] == meta_event.event_type
        assert orjson.dumps(body).decode() == meta_event.body, "it is compact"
        found.append((meta_event.event_type, body["data"]))
    return found


def stored_settings(project: Project) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT meta_event FROM projects_project WHERE uid = %s", [project.uid])
        return bytes(cursor.fetchone()[0])


@pytest.fixture
def endpoints(project: Project) -> str:
    return f"/projects/{project.uid}/endpoints"


class TestEndpoints:
    def test_creation_update_and_deletion(self, api: API, enable: Enable, endpoints: str) -> None:
        enable(*ENDPOINT_TYPES)
        created = api.post(endpoints, BODY).data
        path = f"{endpoints}/{created['uid']}"
        api.put(path, BODY | {"name": "Orders, Europe"})
        api.delete(path)
        found = told()
        assert [event_type for event_type, _ in found] == list(ENDPOINT_TYPES)
        assert [data["name"] for _, data in found] == ["Orders", "Orders, Europe", "Orders, Europe"]
        assert {data["uid"] for _, data in found} == {created["uid"]}
        assert found[0][1].keys() == created.keys()

    def test_only_what_is_listed(self, api: API, enable: Enable, endpoints: str) -> None:
        enable("endpoint.created")
        path = f"{endpoints}/{api.post(endpoints, BODY).data['uid']}"
        api.put(path, BODY)
        api.delete(path)
        assert [event_type for event_type, _ in told()] == ["endpoint.created"]

    @pytest.mark.parametrize(
        "changed", [{"is_enabled": False}, {"event_type": []}, {"event_type": ["*"]}, {"event_type": ["endpoint"]}]
    )
    def test_nothing_where_it_is_not_asked_for(
        self, api: API, enable: Enable, endpoints: str, changed: dict[str, Any]
    ) -> None:
        enable(*ENDPOINT_TYPES, **changed)
        api.post(endpoints, BODY)
        assert told() == []

    def test_not_on_pause_activation_and_rotation(self, api: API, enable: Enable, endpoints: str) -> None:
        path = f"{endpoints}/{api.post(endpoints, BODY).data['uid']}"
        enable(*ENDPOINT_TYPES)
        api.put(f"{path}/pause")
        api.post(f"{path}/activate")
        api.put(f"{path}/expire_secret", {"expiration": 1})
        assert told() == []

    def test_it_has_the_projects_strategy_and_is_due_at_once(
        self, api: API, project: Project, enable: Enable, endpoints: str
    ) -> None:
        enable("endpoint.created")
        project.config["strategy"] = {"type": "exponential", "duration": 7, "retry_count": 4}
        project.save(update_fields=["config"])
        api.post(endpoints, BODY)
        row = MetaEvent.objects.get()
        assert (row.strategy, row.interval_seconds, row.retry_limit) == ("exponential", 7, 4)
        assert (row.status, row.num_trials, row.project_id) == ("Scheduled", 0, project.uid)
        assert row.due_at is not None
        assert row.due_at <= timezone.now()

    def test_no_credential_is_in_it(self, api: API, enable: Enable, endpoints: str) -> None:
        enable(*ENDPOINT_TYPES)
        body = BODY | {"secret": "a signing secret", "authentication": API_KEY}
        body |= {"slack_webhook_url": "https://hooks.slack.com/hook-7", "teams_webhook_url": "https://a.example/hook-8"}
        path = f"{endpoints}/{api.post(endpoints, body).data['uid']}"
        api.put(
            path,
            body | {"authentication": {"type": "basic_auth", "basic_auth": {"username": "ada", "password": "pw-9"}}},
        )
        api.delete(path)
        for _, data in told():
            assert data["secrets"][0]["value"] == "[REDACTED]"
        stored = "".join(MetaEvent.objects.values_list("body", flat=True))
        assert len(told()) == 3
        for secret in ("a signing secret", "the value", "pw-9", "hook-7", "hook-8"):
            assert secret not in stored

    def test_it_is_there_if_and_only_if_the_change_is(self, project: Project, enable: Enable) -> None:
        enable(*ENDPOINT_TYPES)
        with pytest.raises(InvalidInput):
            operations.create_endpoint(project.uid, url="ftp://example.com", name="x")
        assert told() == []
        with transaction.atomic():
            operations.create_endpoint(project.uid, url="https://example.com", name="x")
            assert len(told()) == 1
            transaction.set_rollback(True)
        assert told() == []
        assert not Endpoint.objects.exists()

    def test_a_project_without_meta_events_costs_no_statement(self, api: API, endpoints: str) -> None:
        with statements() as found:
            api.post(endpoints, BODY)
        assert not [statement for statement in found if "metaevent" in statement]
        assert len(found) == 5

    def test_it_costs_two_statements(self, api: API, enable: Enable, endpoints: str) -> None:
        enable("endpoint.created")
        with statements() as found:
            api.post(endpoints, BODY)
        assert found == [
            "SELECT projects_apikey",
            "SELECT projects_project",
            "INSERT endpoints_endpoint",
            "INSERT activity_activity",
            "SELECT endpoints_endpoint",
            "INSERT meta_events_metaevent",
            "SELECT endpoints_endpoint",
        ]


@pytest.mark.django_db(transaction=True)
class TestDeliveries:
    @pytest.fixture
    def make_delivery(self, project: Project, make_endpoint: Callable[..., Endpoint]) -> Callable[..., EventDelivery]:
        endpoint = make_endpoint(support_email="ops@example.com", owner_id="acme")
        subscription = Subscription.objects.create(
            project=project, endpoint=endpoint, name="All", delivery_mode="at_least_once", event_types=["*"]
        )

        def make(status: str, trials: int = 1) -> EventDelivery:
            event = Event.objects.create(
                project=project,
                channel="direct",
                event_type="invoice.paid",
                headers={"X-Tenant": ["acme"]},
                data='{"b":1.50,"a":"\\u0000"}',
                idempotency_key="",
                status="Success",
            )
            delivery = EventDelivery.objects.create(
                project=project,
                event=event,
                endpoint=endpoint,
                subscription=subscription,
                event_type="invoice.paid",
                delivery_mode="at_least_once",
                status=status,
                strategy="linear",
                interval_seconds=10,
                retry_limit=3,
                num_trials=trials,
                next_send_time=timezone.now(),
            )
            for number in range(trials):
                DeliveryAttempt.objects.create(
                    delivery=delivery,
                    project=project,
                    endpoint=endpoint,
                    url=endpoint.url,
                    http_status="503 Service Unavailable" if number + 1 < trials or status != "Success" else "200 OK",
                    response_data=f"answer {number + 1}",
                    status=status == "Success" and number + 1 == trials,
                    requested_at=timezone.now(),
                    responded_at=timezone.now(),
                )
            return delivery

        return make

    @staticmethod
    def emit(project: Project, *deliveries: EventDelivery) -> int:
        stored = stored_settings(project)

        async def work(pool: Any) -> int:
            async with pool.connection() as found, found.transaction():
                return await emit_delivery_events(
                    found,
                    [Finished(delivery.uid, delivery.status, delivery.project_id, stored) for delivery in deliveries],
                )

        return with_pool(work)

    def test_success_and_failure(
        self, project: Project, enable: Enable, make_delivery: Callable[..., EventDelivery]
    ) -> None:
        enable("eventdelivery.success", "eventdelivery.failed")
        sent, failed = make_delivery(Status.SUCCESS), make_delivery(Status.FAILURE, 3)
        assert self.emit(project, sent, failed) == 2
        found = {data["uid"]: (event_type, data) for event_type, data in self.loosely_told()}
        event_type, data = found[sent.uid]
        assert event_type == "eventdelivery.success"
        assert data["headers"] == {"X-Tenant": ["acme"]}
        assert data["metadata"]["data"] == {"b": 1.5, "a": "\0"}
        assert data["metadata"]["raw"] == '{"b":1.50,"a":"\\u0000"}'
        assert data["attempt"]["http_status"] == "200 OK"
        event_type, data = found[failed.uid]
        assert event_type == "eventdelivery.failed"
        assert (data["status"], data["metadata"]["num_trials"]) == ("Failure", 3)
        assert (data["attempt"]["response_data"], data["attempt"]["status"]) == ("answer 3", False)

    def test_the_payload_is_in_it_byte_for_byte(
        self, project: Project, enable: Enable, make_delivery: Callable[..., EventDelivery]
    ) -> None:
        enable("eventdelivery.success")
        self.emit(project, make_delivery(Status.SUCCESS))
        assert '"data":{"b":1.50,"a":"\\u0000"}' in MetaEvent.objects.get().body

    def test_one_shape_at_every_attempt(
        self, project: Project, enable: Enable, make_delivery: Callable[..., EventDelivery]
    ) -> None:
        enable("eventdelivery.success", "eventdelivery.failed")
        self.emit(
            project, make_delivery(Status.SUCCESS), make_delivery(Status.FAILURE), make_delivery(Status.FAILURE, 2)
        )
        shapes = [
            (data.keys(), data["attempt"].keys(), data["metadata"].keys(), data["endpoint_metadata"].keys())
            for _, data in self.loosely_told()
        ]
        assert len(shapes) == 3
        assert all(shape == shapes[0] for shape in shapes)
        for _, data in self.loosely_told():
            for moment in ("created_at", "updated_at", "acknowledged_at"):
                assert data[moment] > "2020"
            assert data["endpoint_metadata"]["name"] == "Orders"
            for name in ("event_metadata", "source_metadata", "device_metadata"):
                assert name in data

    def test_a_payload_is_read_once_and_only_so_much_at_a_time(
        self,
        project: Project,
        enable: Enable,
        make_delivery: Callable[..., EventDelivery],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Seven deliveries of one large event between two of others."""
        enable("eventdelivery.success")
        deliveries = [make_delivery(Status.SUCCESS) for _ in range(9)]
        large = deliveries[1].event
        large.data = '{"large":"' + "x" * 1000 + '"}'
        large.save()
        EventDelivery.objects.filter(pk__in=[row.uid for row in deliveries[1:8]]).update(event=large)
        monkeypatch.setattr(emission, "MAX_PAYLOAD_BYTES", 2500)
        finished = [Finished(row.uid, row.status, project.uid, stored_settings(project)) for row in deliveries]
        reads: list[list[str]] = []
        written: list[int] = []

        class Watched(AsyncCursor[Any]):
            async def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
                if query is emission._PAYLOADS:
                    reads.append(sorted(params[0]))
                if query is emission._INSERT:
                    written.append(len(params[0]))
                return await super().execute(query, params, **more)

        async def work(pool: Any) -> int:
            async with pool.connection() as found, found.transaction():
                found.cursor_factory = Watched
                return await emit_delivery_events(found, finished)

        assert with_pool(work) == 9
        assert reads == [[deliveries[0].event_id, large.uid], [deliveries[8].event_id]]
        assert written == [3, 2, 2, 2]
        told = {data["uid"]: data["metadata"]["raw"] for _, data in self.loosely_told()}
        assert told == {row.uid: EventDelivery.objects.get(pk=row.pk).event.data for row in deliveries}

    @pytest.mark.parametrize("status", [Status.RETRY, Status.DISCARDED, Status.PROCESSING, Status.SCHEDULED])
    def test_no_other_state_is_told(
        self, project: Project, enable: Enable, make_delivery: Callable[..., EventDelivery], status: str
    ) -> None:
        enable("eventdelivery.success", "eventdelivery.failed")
        assert self.emit(project, make_delivery(status)) == 0
        assert not MetaEvent.objects.exists()

    def test_only_what_is_listed(
        self, project: Project, enable: Enable, make_delivery: Callable[..., EventDelivery]
    ) -> None:
        enable("eventdelivery.failed")
        assert self.emit(project, make_delivery(Status.SUCCESS), make_delivery(Status.FAILURE)) == 1
        assert [event_type for event_type, _ in self.loosely_told()] == ["eventdelivery.failed"]

    def test_nothing_is_asked_where_nobody_listens(
        self, project: Project, make_delivery: Callable[..., EventDelivery]
    ) -> None:
        delivery = make_delivery(Status.SUCCESS)
        finished = [Finished(delivery.uid, delivery.status, project.uid, stored_settings(project))]
        # Without a connection it could not ask.
        assert asyncio.run(emit_delivery_events(None, finished)) == 0  # type: ignore[arg-type]

    def test_settings_that_cannot_be_read_do_not_stop_a_delivery(
        self, project: Project, make_delivery: Callable[..., EventDelivery], caplog: pytest.LogCaptureFixture
    ) -> None:
        delivery = make_delivery(Status.SUCCESS)
        finished = [Finished(delivery.uid, delivery.status, project.uid, b"nonsense that no key opens")]
        assert asyncio.run(emit_delivery_events(None, finished)) == 0  # type: ignore[arg-type]
        assert delivery.uid in caplog.text

    @staticmethod
    def loosely_told() -> list[tuple[str, Any]]:
        return [(row.event_type, json.loads(row.body)["data"]) for row in MetaEvent.objects.order_by("uid")]
