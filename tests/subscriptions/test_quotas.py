"""The most subscriptions and bytes of filters that an owner may have. Contract: docs/contract/endpoints.md#quotas."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from endpoints.models import Endpoint
from projects.models import Project
from projects.operations import create_api_key
from subscriptions.choice import set_conditions
from subscriptions.exceptions import TooManyFilterBytes
from subscriptions.models import Filter, Subscription
from subscriptions.operations import create_subscription
from tests.concurrency import at_once
from tests.conftest import API, Answer

MakeEndpoint = Callable[..., Endpoint]
TOO_MANY = "the owner_id of this endpoint has 2 subscriptions, and may have no more"
TOO_LARGE = "the filters of all endpoints with this owner_id may have 100 bytes together"
#: 60 bytes as they are counted.
SMALL: dict[str, Any] = {"body": {"name": "x" * 39}}


@pytest.fixture(autouse=True)
def quotas(project: Project) -> None:
    project.config["multiple_endpoint_subscriptions"] = True
    project.owner_subscriptions, project.owner_filter_bytes = 2, 100
    project.save()


def body(endpoint: Endpoint, **conditions: Any) -> dict[str, Any]:
    config = {"event_types": ["*"], "filter": conditions}
    return {"name": "All", "endpoint_id": endpoint.uid, "filter_config": config}


class TestSubscriptions:
    def test_one_more_is_refused_whichever_endpoint_it_is_for(
        self, api: API, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        path = f"/projects/{project.uid}/subscriptions"
        for _ in range(2):
            assert api.post(path, body(make_endpoint(owner_id="acme"))).status == 201
        refused = api.post(path, body(make_endpoint(owner_id="acme")))
        assert (refused.status, refused.message) == (400, TOO_MANY)
        assert api.post(path, body(make_endpoint(owner_id="other"))).status == 201

    def test_the_company_has_any_number(self, api: API, project: Project, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint()
        answers = [api.post(f"/projects/{project.uid}/subscriptions", body(endpoint)).status for _ in range(3)]
        assert answers == [201] * 3

    @pytest.mark.slow
    @pytest.mark.django_db(transaction=True)
    def test_many_at_once_make_no_more(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        api = API(create_api_key(name="admin", role="project_admin", project=project)[1])
        endpoints = [make_endpoint(owner_id="acme") for _ in range(6)]
        path = f"/projects/{project.uid}/subscriptions"
        answers = at_once(6, lambda number: api.post(path, body(endpoints[number])))
        assert sorted(answer.status for answer in answers) == [201, 201, 400, 400, 400, 400]
        assert Subscription.objects.count() == 2

    @pytest.fixture
    def full(self, project: Project, make_endpoint: MakeEndpoint) -> Endpoint:
        """An endpoint of an owner with the most subscriptions."""
        endpoint = make_endpoint(owner_id="acme")
        for _ in range(2):
            create_subscription(project.uid, name="All", endpoint_id=endpoint.uid)
        return endpoint

    def test_a_subscription_does_not_move_to_an_owner_who_is_full(
        self, api: API, project: Project, make_endpoint: MakeEndpoint, full: Endpoint
    ) -> None:
        moving = create_subscription(project.uid, name="All", endpoint_id=make_endpoint(owner_id="other").uid)
        path = f"/projects/{project.uid}/subscriptions/{moving.uid}"
        refused = api.put(path, {"endpoint_id": full.uid})
        assert (refused.status, refused.message) == (400, TOO_MANY)
        own = Subscription.objects.filter(endpoint=full).first()
        assert own is not None
        another = make_endpoint(owner_id="acme")
        assert api.put(f"/projects/{project.uid}/subscriptions/{own.uid}", {"endpoint_id": another.uid}).status == 202
        Subscription.objects.filter(pk=own.pk).update(deleted_at=timezone.now())
        assert api.put(path, {"endpoint_id": full.uid}).status == 202

    def test_an_endpoint_with_subscriptions_does_not_move_to_an_owner_who_is_full(
        self, api: API, project: Project, make_endpoint: MakeEndpoint, full: Endpoint
    ) -> None:
        moving, empty = make_endpoint(owner_id="other"), make_endpoint(owner_id="other")
        create_subscription(project.uid, name="All", endpoint_id=moving.uid)
        change = {"url": moving.url, "name": "In", "owner_id": "acme"}
        refused = api.put(f"/projects/{project.uid}/endpoints/{moving.uid}", change)
        assert (refused.status, refused.message) == (400, TOO_MANY)
        assert Endpoint.objects.get(pk=moving.pk).owner_id == "other"
        assert api.put(f"/projects/{project.uid}/endpoints/{empty.uid}", change).status == 202


class TestFilterBytes:
    @pytest.fixture
    def endpoint(self, make_endpoint: MakeEndpoint) -> Endpoint:
        return make_endpoint(owner_id="acme")

    @pytest.fixture
    def filtered(self, project: Project, endpoint: Endpoint) -> Subscription:
        """A subscription of the same owner with 60 of the 100 bytes, and a second one without filters."""
        config = {"event_types": ["order.paid"], "filter": SMALL}
        create_subscription(project.uid, name="First", endpoint_id=endpoint.uid, filter_config=config)
        return create_subscription(project.uid, name="Second", endpoint_id=endpoint.uid)

    def test_what_is_within_is_stored(self, api: API, project: Project, endpoint: Endpoint) -> None:
        assert api.post(f"/projects/{project.uid}/subscriptions", body(endpoint, **SMALL)).status == 201

    def test_a_subscription_with_too_much_is_refused(self, api: API, project: Project, endpoint: Endpoint) -> None:
        path = f"/projects/{project.uid}/subscriptions"
        assert api.post(path, body(endpoint, **SMALL)).status == 201
        refused = api.post(path, body(endpoint, **SMALL))
        assert (refused.status, refused.message) == (400, TOO_LARGE)
        assert Subscription.objects.count() == 1

    def test_every_change_of_filters_is_counted(self, api: API, project: Project, filtered: Subscription) -> None:
        path = f"/projects/{project.uid}/subscriptions/{filtered.uid}"
        [every] = Filter.objects.filter(subscription=filtered)
        calls: dict[str, Callable[[], Answer]] = {
            "update the subscription": lambda: api.put(path, {"filter_config": {"filter": SMALL}}),
            "create a filter": lambda: api.post(f"{path}/filters", {"event_type": "order.paid"} | SMALL),
            "create filters": lambda: api.post(f"{path}/filters/bulk", [{"event_type": "order.paid"} | SMALL]),
            "update a filter": lambda: api.put(f"{path}/filters/{every.uid}", SMALL),
            "update filters": lambda: api.put(f"{path}/filters/bulk_update", [{"uid": every.uid} | SMALL]),
        }
        for name, call in calls.items():
            refused = call()
            assert (refused.status, refused.message) == (400, TOO_LARGE), name
        assert Filter.objects.exclude(conditions={}).count() == 1

    @pytest.mark.slow
    def test_what_moves_to_an_owner_is_counted(
        self, api: API, project: Project, endpoint: Endpoint, make_endpoint: MakeEndpoint, filtered: Subscription
    ) -> None:
        other = make_endpoint(owner_id="other")
        config = {"event_types": ["order.paid"], "filter": SMALL}
        moving = create_subscription(project.uid, name="All", endpoint_id=other.uid, filter_config=config)
        filtered.delete()
        path = f"/projects/{project.uid}"
        change = {"url": other.url, "name": "In", "owner_id": "acme"}
        for refused in (
            api.put(f"{path}/subscriptions/{moving.uid}", {"endpoint_id": endpoint.uid}),
            api.put(f"{path}/endpoints/{other.uid}", change),
        ):
            assert (refused.status, refused.message) == (400, TOO_LARGE)
        Project.objects.filter(pk=project.pk).update(owner_filter_bytes=200)
        assert api.put(f"{path}/endpoints/{other.uid}", change).status == 202

    @pytest.mark.slow
    def test_what_a_portal_link_adopts_is_counted(
        self, api: API, project: Project, make_endpoint: MakeEndpoint, filtered: Subscription
    ) -> None:
        bare, free = make_endpoint(), make_endpoint()
        config = {"event_types": ["order.paid"], "filter": SMALL}
        create_subscription(project.uid, name="All", endpoint_id=free.uid, filter_config=config)
        link = {"name": "Acme", "owner_id": "acme", "endpoints": [bare.uid, free.uid]}
        for most, message in ((2, TOO_MANY), (0, TOO_LARGE)):
            Project.objects.filter(pk=project.pk).update(owner_subscriptions=most)
            refused = api.post(f"/projects/{project.uid}/portal-links", link)
            assert (refused.status, refused.message) == (400, message)
        assert Endpoint.objects.filter(owner_id="").count() == 2

    def test_the_pages_of_the_portal_are_counted_too(
        self, project: Project, endpoint: Endpoint, make_endpoint: MakeEndpoint
    ) -> None:
        other = make_endpoint(owner_id="acme")
        for each in (endpoint, other):
            create_subscription(project.uid, name="All", endpoint_id=each.uid, filter_config={"event_types": ["a"]})
        set_conditions(project.uid, endpoint.uid, "a", SMALL)
        with pytest.raises(TooManyFilterBytes):
            set_conditions(project.uid, other.uid, "a", SMALL)

    def test_an_owner_above_it_may_still_remove_filters(
        self, api: API, project: Project, filtered: Subscription
    ) -> None:
        Project.objects.filter(pk=project.pk).update(owner_filter_bytes=10)
        first = Filter.objects.exclude(conditions={}).get()
        path = f"/projects/{project.uid}/subscriptions/{first.subscription_id}/filters/{first.uid}"
        assert api.put(path, {"body": {}}).status == 200
