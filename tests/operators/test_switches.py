"""The page of the switches: asked first, done by the operations, recorded."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from activity.models import Activity
from endpoints.models import Endpoint
from projects.models import Project
from switches.discards import work_off
from switches.models import Discard, Pause, Worker
from tests.engine.engine import queue_deliveries
from tests.operators.staff import staff

pytestmark = pytest.mark.django_db
MakeEndpoint = Callable[..., Endpoint]
URL = "/admin/switches/"
VIEWS = ("view_pause", "view_worker", "view_discard")


def ask(client: Client, act: str, **given: str) -> str:
    return client.post(URL, {"act": act, **given}).content.decode()


def do(client: Client, act: str, **given: str) -> list[str]:
    """Do it, confirmed; the messages of the page that follows."""
    response: Any = client.post(URL, {"act": act, "confirmed": "yes", **given}, follow=True)
    assert response.status_code == 200
    return [str(message) for message in response.context["messages"]]


@pytest.fixture
def worker() -> Worker:
    now = timezone.now()
    return Worker.objects.create(name="web-1:4711", started_at=now, seen_at=now)


class TestPause:
    def test_of_an_owner_and_back(self, admin_client: Client, project: Project) -> None:
        given = {"project": project.pk, "owner": "acme"}
        assert "Pause all deliveries of acme in Orders?" in ask(admin_client, "pause", **given)
        assert not Pause.objects.exists()
        assert do(admin_client, "pause", **given) == ["Paused the deliveries of acme in Orders."]
        assert Pause.objects.get().paused_by == "admin"
        assert "acme" in admin_client.get(URL).content.decode()
        assert do(admin_client, "resume", **given) == ["Resumed the deliveries of acme in Orders."]
        rows = Activity.objects.filter(verb__startswith="deliveries.").order_by("pk")
        assert list(rows.values_list("verb", "actor_kind", "actor_name", "owner_id")) == [
            ("deliveries.paused", "operator", "admin", "acme"),
            ("deliveries.resumed", "operator", "admin", "acme"),
        ]
        assert LogEntry.objects.count() == 2

    @pytest.mark.slow
    def test_from_the_customers_page_it_leads_back(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        make_endpoint(owner_id="acme")
        page = f"/admin/customers/{project.pk}/acme/"
        assert "Pause deliveries" in admin_client.get(page).content.decode()
        given = {"act": "pause", "confirmed": "yes", "project": project.pk, "owner": "acme", "from": "customer"}
        asked = admin_client.post(URL, {name: value for name, value in given.items() if name != "confirmed"})
        assert f'<a href="{page}" class="button cancel-link">' in asked.content.decode()
        assert admin_client.post(URL, given).headers["Location"] == page
        text = admin_client.get(page).content.decode()
        assert "Resume deliveries" in text
        assert "Nothing is sent to this customer" in text

    @pytest.mark.slow
    def test_refusals(self, admin_client: Client, project: Project, row: Any) -> None:
        for name, act, given, said in (
            ("unknown project", "pause", {"project": "x"}, "project not found"),
            ("not paused", "resume", {"project": project.pk}, "these deliveries are not paused"),
            ("too long", "pause", {"project": project.pk, "owner": "a" * 256}, "That is too long."),
            ("no such worker", "drain", {"row": "x"}, "this worker has ended"),
            ("no such discard", "undo", {"row": "x"}, "discard not found"),
            ("another's endpoint", "discard", {"project": project.pk, "endpoint": "x"}, "endpoint not found"),
        ):
            with row(name):
                assert do(admin_client, act, **given) == [said]
        assert not LogEntry.objects.exists()
        assert admin_client.post(URL, {"act": "nothing"}).status_code == 404


class TestWorkers:
    def test_drain_and_back(self, admin_client: Client, worker: Worker) -> None:
        assert "Drain the worker web-1:4711?" in ask(admin_client, "drain", row=worker.pk)
        assert do(admin_client, "drain", row=worker.pk) == ["Drained the worker web-1:4711."]
        assert "drained" in admin_client.get(URL).content.decode()
        assert do(admin_client, "refill", row=worker.pk) == ["The worker web-1:4711 claims again."]
        worker.refresh_from_db()
        assert worker.drained_at is None
        verbs = Activity.objects.filter(project=None).order_by("pk").values_list("verb", "actor_name")
        assert list(verbs) == [("worker.drained", "admin"), ("worker.refilled", "admin")]
        shown = admin_client.get("/admin/activity/activity/").content.decode()
        assert "worker.drained" in shown


class TestDiscard:
    def test_counted_then_discarded_then_undone(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        queue_deliveries(make_endpoint(owner_id="acme"), 3)
        given = {"project": project.pk, "owner": "acme"}
        assert "3 deliveries of acme in Orders in the queue. Discard what waits?" in ask(
            admin_client, "discard", **given
        )
        assert not Discard.objects.exists()
        assert do(admin_client, "discard", **given) == ["Workers are discarding the backlog of acme in Orders."]
        for _ in range(3):
            work_off()
        made = Discard.objects.get()
        assert (made.state, made.discarded_by) == ("discarded", "admin")
        assert "Undo" in admin_client.get(URL).content.decode()
        assert do(admin_client, "undo", row=made.pk) == ["Workers are restoring what was discarded."]
        assert do(admin_client, "undo", row=made.pk) == ["this can no longer be undone"]


class TestRights:
    @pytest.mark.slow
    def test_each_act_needs_its_own(self, project: Project, worker: Worker, row: Any) -> None:
        client = staff(*VIEWS, "change_pause")
        assert "Pause deliveries…" in client.get(URL).content.decode()
        assert "Count, then discard…" not in client.get(URL).content.decode()
        given = {"project": project.pk, "row": worker.pk}
        for act, status in {"pause": 200, "drain": 403, "refill": 403, "discard": 403, "undo": 403}.items():
            with row(act):
                assert client.post(URL, {"act": act, **given}).status_code == status

    def test_the_page_needs_the_right_to_look(self) -> None:
        assert staff("change_pause").get(URL).status_code == 403


def test_a_page_of_many_takes_few_statements(
    admin_client: Client, project: Project, django_assert_max_num_queries: Any
) -> None:
    def fill(number: int) -> None:
        for n in range(number):
            Pause.objects.create(project=project, owner_id=f"owner {number} {n}")
            Discard.objects.create(project=project)
            Worker.objects.create(name="w", started_at=timezone.now(), seen_at=timezone.now())

    fill(1)
    with django_assert_max_num_queries(5):
        admin_client.get(URL)
    fill(20)
    # The session, the user, the pauses, the workers, the discards.
    with django_assert_max_num_queries(5):
        admin_client.get(URL)
