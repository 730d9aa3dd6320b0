"""The signed copy of a delivery's request, with an API key and in the portal API."""

from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from endpoints.operations import delete_endpoint, update_endpoint
from endpoints.secrets import new_secret, rotate
from events.models import EventDelivery
from outbound.signatures import standard_secret
from portal_links.capabilities import CREATE_ATTEMPTS, EVERYTHING, VIEW_PAYLOADS
from projects.models import Project
from tests.conftest import API
from tests.deliveries.rows import make_delivery, make_event
from tests.portal.api.customers import MakeEndpoint, create_link, create_session, portal
from tests.statements import nothing_changes

SECRET = "the-customers-secret"
CUSTOM = {"X-Internal": ["route-7"], "X-Request-Id": ["r1"]}


@pytest.fixture
def delivery(project: Project, make_endpoint: MakeEndpoint) -> EventDelivery:
    basic = {"type": "basic_auth", "basic_auth": {"username": "u", "password": "hunter2"}}
    endpoint = make_endpoint(owner_id="acme", secret=SECRET, authentication=basic)
    event = make_event(project.uid, endpoints=[endpoint.uid], data='{"n":1.50,"u":"é"}', headers=CUSTOM)
    return make_delivery(endpoint, "Scheduled", event=event)


@pytest.fixture
def path(project: Project, delivery: EventDelivery) -> str:
    return f"/projects/{project.uid}/eventdeliveries/{delivery.uid}/copy"


def verified(copy: dict[str, Any], secret: str = SECRET) -> Any:
    return Webhook(standard_secret(secret)).verify(copy["body"].encode(), copy["headers"])


def test_it_verifies_with_the_endpoints_secret_and_is_marked(api: API, path: str, delivery: EventDelivery) -> None:
    answer = api.post(path)
    assert (answer.status, answer.message) == (200, "Event delivery copied successfully")
    copy = answer.data
    assert copy.keys() == {"delivery_id", "method", "headers", "body"}
    assert copy["body"] == '{"n":1.50,"u":"é"}'
    verified(copy)
    assert copy["headers"]["webhook-id"] == copy["delivery_id"] == delivery.uid
    assert copy["headers"]["webhook-copy"] == "1"
    assert copy["headers"]["X-Convoy-Signature"].startswith("t=")
    assert copy["headers"]["X-Internal"] == "route-7"


def test_it_has_no_credential(api: API, path: str) -> None:
    copy = api.post(path)
    assert "Authorization" not in copy.data["headers"]
    assert "hunter2" not in str(copy.json)


def test_nothing_changes(api: API, path: str) -> None:
    with nothing_changes():
        assert api.post(path).status == 200


@pytest.mark.parametrize("status", ["Success", "Failure", "Discarded", "Processing", "Retry"])
def test_in_any_status(api: API, path: str, delivery: EventDelivery, status: str) -> None:
    EventDelivery.objects.filter(pk=delivery.pk).update(status=status)
    assert api.post(path).status == 200


def test_every_live_secret_signs_and_for_a_rehearsal_the_newest(api: API, path: str, delivery: EventDelivery) -> None:
    endpoint = delivery.endpoint
    endpoint.secrets = rotate([new_secret("old", timezone.now())], value="new", hours=1, now=timezone.now())
    endpoint.save(update_fields=["secrets"])
    assert api.post(path).data["headers"]["webhook-signature"].count("v1,") == 2
    EventDelivery.objects.filter(pk=delivery.pk).update(test="rehearsal")
    copy = api.post(path).data
    assert copy["headers"]["webhook-signature"].count("v1,") == 1
    assert copy["headers"]["webhook-test"] == "1"
    verified(copy, "new")


def test_a_form_is_signed_as_it_is_sent(api: API, project: Project, path: str, delivery: EventDelivery) -> None:
    endpoint = delivery.endpoint
    form = "application/x-www-form-urlencoded"
    update_endpoint(project.uid, endpoint.uid, url=endpoint.url, name="Orders", content_type=form)
    copy = api.post(path).data
    assert (copy["headers"]["Content-Type"], copy["body"]) == (form, "n=1.50&u=%C3%A9")
    Webhook(standard_secret(SECRET)).verify(copy["body"], copy["headers"], json_parse=False)
    delivery.event.data = "[1]"
    delivery.event.save(update_fields=["data"])
    assert api.post(path).error == (
        400,
        "no request can be built: a payload that is not an object cannot be sent as a form",
    )


def test_of_a_deleted_endpoint_there_is_none(api: API, project: Project, path: str, delivery: EventDelivery) -> None:
    delete_endpoint(project.uid, delivery.endpoint_id)
    assert api.post(path).error == (400, "endpoint not found")


def test_a_viewer_gets_none(viewer: API, path: str) -> None:
    assert viewer.post(path).status in (401, 403)


class TestInThePortal:
    def test_a_link_that_manages(self, project: Project, delivery: EventDelivery) -> None:
        copy = portal(create_link(project).token).post(f"/eventdeliveries/{delivery.uid}/copy").data
        verified(copy)
        # Of the company's own headers a customer sees the harmless ones only.
        assert "X-Internal" not in copy["headers"]
        assert "***" not in copy["headers"].values()

    @pytest.mark.parametrize("missing", [VIEW_PAYLOADS, CREATE_ATTEMPTS])
    def test_without_a_capability(self, project: Project, delivery: EventDelivery, missing: str) -> None:
        session = create_session(project, capabilities=EVERYTHING - {missing})
        assert portal(session.secret).post(f"/eventdeliveries/{delivery.uid}/copy").status == 403

    def test_of_another_owner(self, project: Project, delivery: EventDelivery) -> None:
        other = portal(create_link(project, owner_id="globex").token)
        assert other.post(f"/eventdeliveries/{delivery.uid}/copy").status == 401
