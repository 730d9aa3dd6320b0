"""An endpoint that is given up, and who is told. Contract: docs/contract/deliveries.md#disabling."""

from collections.abc import Callable
from typing import Any

import pytest

from activity.models import Activity
from endpoints.disabling import disable_endpoint
from endpoints.models import Endpoint, Notification
from projects.models import Project
from tests.pools import with_pool

pytestmark = pytest.mark.django_db(transaction=True)

CHANNELS = {
    "support_email": "ops@example.com",
    "slack_webhook_url": "https://hooks.slack.com/x",
    "teams_webhook_url": "https://example.com/teams",
}


@pytest.fixture
def endpoint(project: Project, make_endpoint: Callable[..., Endpoint]) -> Endpoint:
    project.config["disable_endpoint"] = True
    project.save(update_fields=["config"])
    return make_endpoint(**CHANNELS)


def disable(endpoint: Endpoint, **arguments: Any) -> bool:
    async def work(pool: Any) -> bool:
        async with pool.connection() as connection, connection.transaction():
            return await disable_endpoint(connection, endpoint_id=endpoint.uid, **{"failure": "timeout"} | arguments)

    return with_pool(work)


def status(endpoint: Endpoint) -> str:
    endpoint.refresh_from_db()
    return endpoint.status


def test_only_the_url_that_is_gone_counts(project: Project, endpoint: Endpoint) -> None:
    assert disable(endpoint, gone_url=endpoint.url) is False
    project.ends_gone_endpoints = True
    project.save(update_fields=["ends_gone_endpoints"])
    assert disable(endpoint, gone_url="https://hooks.example.com/before") is False
    assert status(endpoint) == "active"
    assert not Notification.objects.exists()
    assert disable(endpoint, gone_url=endpoint.url, response_body="bye") is True
    assert status(endpoint) == "inactive"
    text = (
        "endpoint url (https://hooks.example.com/in) answered 410 Gone, endpoint response body (bye), endpoint status "
        "is now inactive"
    )
    found = Notification.objects.all()
    assert {(row.subject, row.text) for row in found} == {("Endpoint Status Update", text)}


def test_the_retries_are_used_up(endpoint: Endpoint) -> None:
    before = endpoint.updated_at
    assert disable(endpoint, failure="Retry limit exceeded", response_body="busy\0", status_code=503) is True
    assert status(endpoint) == "inactive"
    assert endpoint.updated_at > before
    assert endpoint.status_since == endpoint.updated_at
    assert endpoint.status_actor == {"kind": "server", "uid": "", "name": "", "owner_id": ""}
    assert endpoint.status_reason == "Retry limit exceeded"
    found = Notification.objects.order_by("uid")
    assert [row.channel for row in found] == ["email", "slack", "teams"]
    text = (
        "failed to send event delivery to endpoint url (https://hooks.example.com/in) after retry limit was hit, "
        "endpoint response body (busy\ufffd) and status code was 503, reason for failure is "
        '"Retry limit exceeded", endpoint status is now inactive'
    )
    assert {(row.subject, row.text) for row in found} == {("Endpoint Status Update", text)}
    assert all(row.endpoint_id == endpoint.uid and row.due_at and not row.sent_at for row in found)


def test_the_circuit_breaker(endpoint: Endpoint) -> None:
    assert disable(endpoint, failure="Circuit breaker threshold exceeded", failure_rate=85) is True
    text = (
        "endpoint url (https://hooks.example.com/in) has been disabled, reason for failure is "
        '"Circuit breaker threshold exceeded" with a failure rate of 85.00%, endpoint status is now inactive'
    )
    subjects = set(Notification.objects.values_list("subject", "text"))
    assert subjects == {("Endpoint Disabled - Circuit Breaker Triggered", text)}


def test_only_the_channels_that_it_has(endpoint: Endpoint) -> None:
    Endpoint.objects.update(slack_webhook_url="", support_email="")
    disable(endpoint)
    assert [row.channel for row in Notification.objects.all()] == ["teams"]


def test_without_a_channel_it_is_disabled_too(endpoint: Endpoint) -> None:
    Endpoint.objects.update(**dict.fromkeys(CHANNELS, ""))
    assert disable(endpoint) is True
    assert status(endpoint) == "inactive"
    assert not Notification.objects.exists()


def test_a_long_answer_is_quoted_in_part(endpoint: Endpoint) -> None:
    disable(endpoint, response_body="ü" * 50_000)
    assert "(" + "ü" * 1000 + ")" in Notification.objects.all()[0].text


@pytest.mark.parametrize("state", ["inactive", "paused", "pending"])
def test_what_is_not_active_stays_as_it_is(endpoint: Endpoint, state: str) -> None:
    Endpoint.objects.update(status=state)
    assert disable(endpoint) is False
    assert status(endpoint) == state
    assert not Notification.objects.exists()


def test_the_second_to_decide_tells_nobody_again(endpoint: Endpoint) -> None:
    assert [disable(endpoint), disable(endpoint)] == [True, False]
    assert Notification.objects.count() == 3


def test_the_project_has_switched_it_off_meanwhile(endpoint: Endpoint, project: Project) -> None:
    project.config["disable_endpoint"] = False
    project.save(update_fields=["config"])
    assert disable(endpoint) is False
    assert status(endpoint) == "active"


def test_a_message_is_there_if_and_only_if_the_change_is(endpoint: Endpoint) -> None:
    class Undone(Exception):
        pass

    async def work(pool: Any) -> None:
        async with pool.connection() as connection, connection.transaction():
            assert await disable_endpoint(connection, endpoint_id=endpoint.uid, failure="timeout")
            raise Undone

    with pytest.raises(Undone):
        with_pool(work)
    assert status(endpoint) == "active"
    assert not Notification.objects.exists()


@pytest.mark.parametrize(("rate", "actor"), [(None, "server"), (85, "circuit_breaker")])
def test_the_record_says_who_and_why(endpoint: Endpoint, rate: float | None, actor: str) -> None:
    Activity.objects.all().delete()
    disable(endpoint, failure="no answer\0", failure_rate=rate)
    assert disable(endpoint, failure="again") is False
    [row] = Activity.objects.all()
    assert (row.actor_kind, row.verb, row.object_name) == (actor, "endpoint.disabled", "Orders")
    assert (row.project_id, row.endpoint_id, row.object_uid) == (endpoint.project_id, endpoint.uid, endpoint.uid)
    assert row.changes == {"status": ["active", "inactive"], "reason": [None, "no answer\ufffd"]}
