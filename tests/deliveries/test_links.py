"""The operations on links to a delivery, with an API key and in the portal API."""

import re

import pytest
from django.test import Client

from activity.models import Activity
from events.models import EventDelivery
from portal_links.models import DeliveryLink
from projects.models import Project
from tests.conftest import API
from tests.deliveries.rows import make_delivery
from tests.portal.api.customers import MakeEndpoint, create_link, portal
from tests.statements import nothing_changes, statements


@pytest.fixture
def delivery(make_endpoint: MakeEndpoint) -> EventDelivery:
    return make_delivery(make_endpoint(owner_id="acme"), "Failure")


@pytest.fixture
def path(project: Project, delivery: EventDelivery) -> str:
    return f"/projects/{project.uid}/eventdeliveries/{delivery.uid}/links"


def status_of(url: str) -> int:
    """The status of the page that an address opens."""
    found = re.fullmatch(r"http://[^/]+(/portal/\w+/shared)#token=(PDL\.\w{64})", url)
    assert found
    headers = {"Authorization": f"Bearer {found[2]}", "HX-Request": "true"}
    return int(Client().get(found[1], headers=headers).status_code)


class TestOfTheCompany:
    @pytest.mark.slow
    def test_made_listed_and_revoked(self, api: API, path: str, project: Project, delivery: EventDelivery) -> None:
        answer = api.post(path)
        assert (answer.status, answer.message) == (201, "Delivery link created successfully")
        made = answer.data
        assert made.keys() == {
            *("uid", "project_id", "delivery_id", "url", "shows_payload", "made_by"),
            *("created_at", "expires_at", "revoked_at"),
        }
        assert (made["delivery_id"], made["shows_payload"]) == (delivery.uid, True)
        assert made["made_by"]["kind"] == "api_key"
        assert status_of(made["url"]) == 200
        listed = api.get(path)
        assert listed.message == "Delivery links fetched successfully"
        assert listed.data == [made | {"url": ""}]
        revoked = api.put(f"{path}/{made['uid']}/revoke")
        assert (revoked.status, revoked.message, revoked.data) == (200, "Delivery link revoked successfully", None)
        assert status_of(made["url"]) == 404
        assert api.get(path).data[0]["revoked_at"] is not None
        assert api.put(f"{path}/{made['uid']}/revoke").error == (404, "delivery link not found")

    def test_it_is_recorded(self, api: API, path: str, delivery: EventDelivery) -> None:
        uid = api.post(path).data["uid"]
        api.put(f"{path}/{uid}/revoke")
        rows = list(Activity.objects.order_by("pk").values_list("verb", "owner_id", "endpoint_id", "object_uid"))
        assert rows[-2:] == [
            ("delivery_link.created", "acme", delivery.endpoint_id, delivery.uid),
            ("delivery_link.revoked", "acme", delivery.endpoint_id, delivery.uid),
        ]

    def test_an_unknown_delivery(self, api: API, project: Project, path: str) -> None:
        unknown = f"/projects/{project.uid}/eventdeliveries/nope/links"
        with nothing_changes():
            for answer in (api.get(unknown), api.post(unknown)):
                assert answer.error == (404, "event delivery not found")
            assert api.put(f"{path}/nope/revoke").error == (404, "delivery link not found")

    def test_a_link_of_another_delivery(self, api: API, path: str, delivery: EventDelivery) -> None:
        other = make_delivery(delivery.endpoint)
        uid = api.post(path.replace(delivery.uid, other.uid)).data["uid"]
        assert api.put(f"{path}/{uid}/revoke").error == (404, "delivery link not found")
        assert DeliveryLink.objects.get().revoked_at is None

    @pytest.mark.parametrize("count", [1, 20])
    def test_the_statements_of_the_list(self, api: API, path: str, count: int) -> None:
        for _ in range(count):
            api.post(path)
        with statements() as found:
            assert len(api.get(path).data) == count
        assert found == ["SELECT projects_apikey", "SELECT events_eventdelivery", "SELECT portal_links_deliverylink"]


class TestOfACustomer:
    def test_made_listed_and_revoked(self, project: Project, delivery: EventDelivery) -> None:
        caller = portal(create_link(project).token)
        path = f"/eventdeliveries/{delivery.uid}/links"
        made = caller.post(path).data
        assert status_of(made["url"]) == 200
        assert [link["uid"] for link in caller.get(path).data] == [made["uid"]]
        assert caller.put(f"{path}/{made['uid']}/revoke").status == 200
        assert status_of(made["url"]) == 404

    def test_those_of_the_company_and_of_another_are_not_theirs(
        self, api: API, path: str, project: Project, delivery: EventDelivery
    ) -> None:
        uid = api.post(path).data["uid"]
        caller = portal(create_link(project).token)
        own = f"/eventdeliveries/{delivery.uid}/links"
        assert caller.get(own).data == []
        assert caller.put(f"{own}/{uid}/revoke").error == (401, "unauthorized")
        stranger = portal(create_link(project, owner_id="globex").token)
        with nothing_changes():
            for answer in (stranger.get(own), stranger.post(own), stranger.put(f"{own}/{uid}/revoke")):
                assert answer.error == (401, "unauthorized")
