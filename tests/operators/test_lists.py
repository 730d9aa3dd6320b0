"""The operators' lists: their filters, their times, and the number of their statements."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from activity.models import Activity
from core.ulid import first_ulid_at
from deliveries import admin_filters
from deliveries.links import create_link
from endpoints.models import Endpoint, Notification
from events.models import DeliveryAttempt, Event, EventDelivery
from jobs.models import Job
from meta_events.models import MetaEvent
from onboarding.models import OnboardBatch
from portal_links.models import DeliveryLink, PortalLink, PortalSession
from portal_links.operations import create_portal_link
from portal_links.sessions import preview_portal
from projects.models import APIKey, EventType, Project
from projects.operations import create_api_key
from subscriptions.models import Subscription
from tests.deliveries.rows import make_attempt, make_delivery, make_event

MakeEndpoint = Callable[..., Endpoint]
LISTS: dict[Any, str] = {
    model: f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    for model in (
        *(Activity, APIKey, DeliveryAttempt, DeliveryLink, Endpoint, Event, EventDelivery, EventType, Job, MetaEvent),
        *(Notification, OnboardBatch, PortalLink, PortalSession, Project, Subscription),
    )
}


def shown(client: Client, model: Any, **query: str) -> set[str]:
    """The ids of the rows of a list."""
    response: Any = client.get(LISTS[model], query)
    assert response.status_code == 200, (model, query, response.headers)
    return {row.pk for row in response.context["cl"].result_list}


class World:
    """A row of each noun that a list shows, for one owner."""

    def __init__(self, make_endpoint: MakeEndpoint, project: Project, owner: str) -> None:
        self.endpoint = make_endpoint(owner_id=owner, name=f"{owner}'s", project_id=project.uid)
        event = make_event(project.uid, endpoints=[self.endpoint.uid], event_type=f"{owner}.paid")
        self.delivery = make_delivery(self.endpoint, "Failure", event=event)
        self.attempt = make_attempt(self.delivery, status=False)
        self.event = event
        self.link = create_portal_link(project.uid, name=f"{owner}'s link", owner_id=owner).link
        self.session = preview_portal(project.uid, operator="jane", owner_id=owner).session
        self.subscription = Subscription.objects.get(endpoint=self.endpoint)
        self.notification = Notification.objects.create(
            endpoint=self.endpoint, channel="email", subject="Disabled", text="It is."
        )
        create_link(project.uid, self.delivery.uid, shows_payload=True)
        create_api_key(name=f"{owner}'s key", role=APIKey.Role.PROJECT_ADMIN, project=project, owner_id=owner)


@pytest.fixture
def acme(make_endpoint: MakeEndpoint, project: Project) -> World:
    return World(make_endpoint, project, "acme")


@pytest.fixture
def birch(make_endpoint: MakeEndpoint, other_project: Project) -> World:
    return World(make_endpoint, other_project, "birch")


class TestFilters:
    @pytest.mark.slow
    def test_by_owner(self, admin_client: Client, acme: World, birch: World) -> None:
        for model, own, other in (
            (Endpoint, acme.endpoint, birch.endpoint),
            (Event, acme.event, birch.event),
            (EventDelivery, acme.delivery, birch.delivery),
            (DeliveryAttempt, acme.attempt, birch.attempt),
            (PortalLink, acme.link, birch.link),
            (PortalSession, acme.session, birch.session),
            (Subscription, acme.subscription, birch.subscription),
        ):
            assert {own.pk, other.pk} <= shown(admin_client, model), model
            assert shown(admin_client, model, owner="acme") == {own.pk}, model
            assert shown(admin_client, model, owner="acm") == set(), model

    @pytest.mark.slow
    def test_by_endpoint(self, admin_client: Client, acme: World, birch: World) -> None:
        for model, own in (
            (Event, acme.event),
            (EventDelivery, acme.delivery),
            (DeliveryAttempt, acme.attempt),
            (Subscription, acme.subscription),
            (Notification, acme.notification),
        ):
            assert shown(admin_client, model, endpoint=acme.endpoint.uid) == {own.pk}, model

    @pytest.mark.slow
    def test_by_project(self, admin_client: Client, acme: World, birch: World) -> None:
        for model, own in (
            (Endpoint, acme.endpoint),
            (Event, acme.event),
            (EventDelivery, acme.delivery),
            (DeliveryAttempt, acme.attempt),
            (PortalLink, acme.link),
            (PortalSession, acme.session),
            (Subscription, acme.subscription),
        ):
            assert shown(admin_client, model, project=acme.endpoint.project_id) == {own.pk}, model

    @pytest.mark.slow
    @pytest.mark.parametrize("rare", [0, 1_000])
    def test_by_type(
        self, admin_client: Client, acme: World, birch: World, rare: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(admin_filters, "RARE_AT_MOST", rare)
        for query in ({}, {"project": acme.endpoint.project_id}):
            assert shown(admin_client, EventDelivery, type="acme.paid", **query) == {acme.delivery.pk}
        assert shown(admin_client, EventDelivery, type="acme.paid", project=birch.endpoint.project_id) == set()
        assert shown(admin_client, Event, event_type="acme.paid") == {acme.event.pk}

    def test_by_time(self, admin_client: Client, acme: World) -> None:
        old = first_ulid_at(timezone.now() - timedelta(hours=2))
        Event.objects.filter(pk=acme.event.pk).update(uid=old)
        fresh = make_event(acme.endpoint.project_id)
        assert shown(admin_client, Event, since="1h") == {fresh.pk}
        assert shown(admin_client, Event, since="24h") == {fresh.pk, old}
        assert shown(admin_client, Event, since="nope") == {fresh.pk, old}

    @pytest.mark.slow
    def test_they_add_up_and_stay_in_the_form(self, admin_client: Client, acme: World, birch: World) -> None:
        query = {"owner": "acme", "status__exact": "Failure"}
        assert shown(admin_client, EventDelivery, **query) == {acme.delivery.pk}
        assert shown(admin_client, EventDelivery, **query | {"status__exact": "Success"}) == set()
        page = admin_client.get(LISTS[EventDelivery], query).content.decode()
        assert '<input type="hidden" name="status__exact" value="Failure">' in page
        assert 'name="owner" value="acme"' in page

    @pytest.mark.slow
    @pytest.mark.parametrize("value", ["\x00", "a\x00b", "<script>alert(1)</script>", "%", "'", "x" * 4_000])
    def test_odd_values_find_nothing(self, admin_client: Client, acme: World, value: str) -> None:
        for model in (Activity, DeliveryAttempt, Endpoint, Event, EventDelivery, PortalLink, PortalSession):
            for name in ("owner", "project", *(["type", "status", "status__exact"] if model is EventDelivery else [])):
                response: Any = admin_client.get(LISTS[model], {name: value})
                assert response.status_code in (200, 302)
                assert "<script>alert(1)" not in response.content.decode()


class TestSearch:
    @pytest.mark.slow
    def test_deliveries_by_the_owner_or_name_of_the_endpoint(
        self, admin_client: Client, acme: World, birch: World
    ) -> None:
        for text in ("acme", "acme's", acme.delivery.uid, acme.event.uid, acme.endpoint.uid):
            assert shown(admin_client, EventDelivery, q=text) == {acme.delivery.pk}, text
        assert shown(admin_client, EventDelivery, q="nobody") == set()

    def test_endpoints_and_links_by_the_beginning_of_the_name(
        self, admin_client: Client, acme: World, birch: World
    ) -> None:
        assert shown(admin_client, Endpoint, q="acme'") == {acme.endpoint.pk}
        assert shown(admin_client, PortalLink, q="acme's l") == {acme.link.pk}


class TestColumns:
    @pytest.mark.slow
    def test_times_are_to_the_second(self, admin_client: Client, acme: World) -> None:
        for model, row in (
            (Endpoint, acme.endpoint),
            (Event, acme.event),
            (EventDelivery, acme.delivery),
            (PortalLink, acme.link),
            (PortalSession, acme.session),
        ):
            page = admin_client.get(LISTS[model]).content.decode()
            assert f"{row.created_at:%Y-%m-%d %H:%M:%S}" in page, model

    @pytest.mark.slow
    def test_no_cross_marks_what_is_no_failure(self, admin_client: Client, acme: World, birch: World) -> None:
        rows = {Event: acme.event, EventDelivery: acme.delivery, DeliveryAttempt: acme.attempt, PortalLink: acme.link}
        for path in (*LISTS.values(), *(f"{LISTS[model]}{row.pk}/change/" for model, row in rows.items())):
            assert "icon-no" not in admin_client.get(path).content.decode(), path

    def test_a_long_url_is_cut_and_whole_in_the_tooltip(
        self, admin_client: Client, make_endpoint: MakeEndpoint
    ) -> None:
        url = f"https://hooks.example.com/{'x' * 300}"
        make_delivery(make_endpoint(url=url), "Failure")
        for model in (Endpoint, EventDelivery):
            page = unescape(admin_client.get(LISTS[model]).content.decode())
            assert f'title="{url}">{url}</span>' in page

    @pytest.mark.slow
    def test_an_owner_leads_to_the_customer(self, admin_client: Client, acme: World) -> None:
        url = f"/admin/customers/{acme.endpoint.project_id}/acme/"
        for model in (Activity, Endpoint, EventDelivery, PortalLink, PortalSession, Subscription):
            assert f'href="{url}"' in admin_client.get(LISTS[model]).content.decode(), model


@pytest.mark.slow
@pytest.mark.parametrize("model", LISTS, ids=lambda model: model.__name__)
def test_no_list_has_a_statement_a_row(
    model: Any, admin_client: Client, make_endpoint: MakeEndpoint, project: Project, other_project: Project
) -> None:
    numbers = []
    for owners in (["a"], [f"o{number}" for number in range(8)]):
        for number, owner in enumerate(owners):
            World(make_endpoint, (project, other_project)[number % 2], owner)
        with CaptureQueriesContext(connection) as made:
            shown(admin_client, model)
        numbers.append(len(made))
    assert numbers[0] == numbers[1]
