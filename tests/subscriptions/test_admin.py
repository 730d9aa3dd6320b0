"""The operators' pages of event types and subscriptions."""

from collections.abc import Callable
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint
from projects.models import EventType, Project
from projects.operations import create_project
from subscriptions.models import Filter, Subscription
from subscriptions.operations import delete_subscription
from tests.statements import nothing_changes
from tests.subscriptions.conftest import MakeSubscription

EVENT_TYPES = "/admin/projects/eventtype/"
SUBSCRIPTIONS = "/admin/subscriptions/subscription/"


def page(client: Client, path: str, **query: str) -> str:
    response = client.get(path, query)
    assert response.status_code == 200
    return unescape(response.content.decode())


class TestSubscriptions:
    def test_lists_what_is_live(
        self,
        admin_client: Client,
        project: Project,
        other_project: Project,
        make_subscription: MakeSubscription,
        make_endpoint: Callable[..., Endpoint],
    ) -> None:
        make_subscription("order.created", "order.paid", name="Here")
        delete_subscription(project.uid, make_subscription("a", name="Deleted").uid)
        delete_endpoint(project.uid, make_subscription("a", name="Without its endpoint").endpoint_id)
        make_subscription("a", name="Elsewhere", endpoint=make_endpoint(project_id=other_project.uid))
        Project.objects.filter(pk=other_project.pk).update(deleted_at=timezone.now())
        shown = page(admin_client, SUBSCRIPTIONS)
        assert "1 subscription\n" in shown
        assert "Here" in shown
        assert "order.created, order.paid" in shown

    @pytest.mark.slow
    def test_search_is_by_ids(
        self, admin_client: Client, project: Project, make_subscription: MakeSubscription
    ) -> None:
        one, two = make_subscription("a", name="one"), make_subscription("a", name="two")
        for term, names in (
            (one.uid, {"one"}),
            (two.endpoint_id, {"two"}),
            (project.uid, {"one", "two"}),
            ("one", set()),
            ("\\", set()),
        ):
            shown = page(admin_client, SUBSCRIPTIONS, q=term)
            assert {name for name in ("one", "two") if f'title="{name}">{name}</span></a>' in shown} == names

    def test_a_page_shows_the_filters_and_no_secret(
        self, admin_client: Client, endpoint: Endpoint, make_subscription: MakeSubscription
    ) -> None:
        subscription = make_subscription(
            "order.created", endpoint=endpoint, body={"<script>": "alert(1)"}, headers={"x": "1"}
        )
        Filter.objects.create(subscription=subscription, event_type="order.lost")
        response = admin_client.get(f"{SUBSCRIPTIONS}{subscription.uid}/change/")
        raw = response.content.decode()
        assert "<script>&quot;" not in raw
        assert "&lt;script&gt;" in raw
        shown = unescape(raw)
        for text in ("order.created", "order.lost", "disabled", "alert(1)", subscription.uid):
            assert text in shown
        assert "the signing secret" not in shown

    @pytest.mark.parametrize("rows", [1, 20])
    def test_queries(
        self,
        admin_client: Client,
        make_endpoint: Callable[..., Endpoint],
        make_subscription: MakeSubscription,
        django_assert_num_queries: DjangoAssertNumQueries,
        rows: int,
    ) -> None:
        for number in range(rows):
            other = create_project(name=f"Project {number}", type="outgoing")[0]
            make_subscription("a", endpoint=make_endpoint(project_id=other.uid))
        # Session and user; two savepoints, the time limit, the plan mode, and their ends; the bounded count, the rows.
        with django_assert_num_queries(11):
            page(admin_client, SUBSCRIPTIONS)


class TestEventTypes:
    def test_lists_and_finds(self, admin_client: Client, project: Project, other_project: Project) -> None:
        row = EventType.objects.create(project=project, name="order.created", category="orders", json_schema={"a": "<"})
        shown = page(admin_client, EVENT_TYPES, q=project.uid)
        assert "2 event types\n" in shown
        for text in ("order.created", "orders", project.name):
            assert text in shown
        assert "1 event type\n" in page(admin_client, EVENT_TYPES, q=row.uid)
        assert '"a": "<"' in page(admin_client, f"{EVENT_TYPES}{row.uid}/change/")

    @pytest.mark.parametrize("rows", [1, 20])
    def test_queries(self, admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries, rows: int) -> None:
        for number in range(rows):
            create_project(name=f"Project {number}", type="outgoing")
        with django_assert_num_queries(7):
            page(admin_client, EVENT_TYPES)


@pytest.mark.parametrize("path", [EVENT_TYPES, SUBSCRIPTIONS])
def test_nobody_changes_anything_there(
    admin_client: Client, client: Client, path: str, make_subscription: MakeSubscription
) -> None:
    subscription = make_subscription("a")
    model = Subscription if path == SUBSCRIPTIONS else EventType
    row = model.objects.latest("pk")
    User.objects.create_user("nobody", is_staff=True)
    client.force_login(User.objects.get(username="nobody"))
    with nothing_changes():
        for action in ("add/", f"{row.pk}/delete/"):
            assert admin_client.post(f"{path}{action}", {"post": "yes"}).status_code == 403
        assert admin_client.post(f"{path}{row.pk}/change/", {"name": "new"}).status_code == 403
        assert client.get(path).status_code == 403
    assert subscription.deleted_at is None
