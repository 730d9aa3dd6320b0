"""The start page: the figures of the instance, whom they are shown to, and what they cost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from activity.models import Activity
from activity.operations import record
from endpoints.models import Endpoint, EndpointHour, EndpointState
from operators import figures
from operators.chart import chart
from operators.figures import HOURS, Hour, read_figures
from projects.models import Project
from switches.models import ALIVE, Discard, Pause, Worker
from tests.engine.engine import queue_deliveries
from tests.operators.staff import staff

pytestmark = pytest.mark.django_db
MakeEndpoint = Callable[..., Endpoint]


def make_worker(name: str, silent: timedelta = timedelta(), **fields: Any) -> Worker:
    now = timezone.now()
    return Worker.objects.create(name=name, started_at=now, seen_at=now - silent, **fields)


class TestFigures:
    def test_the_deliveries_of_each_hour(self, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
        now = timezone.now()
        # The hour does not turn while this test runs.
        monkeypatch.setattr("django.utils.timezone.now", lambda: now)
        hour = now.replace(minute=0, second=0, microsecond=0)
        one, two = make_endpoint(), make_endpoint()
        for endpoint, age, delivered, failed in ((one, 0, 5, 1), (two, 0, 7, 0), (one, 23, 0, 2), (two, 24, 100, 100)):
            EndpointHour.objects.create(
                endpoint=endpoint, hour=hour - timedelta(hours=age), answer="200", delivered=delivered, failed=failed
            )
        found = read_figures()
        assert len(found.hours) == HOURS
        assert found.hours[-1] == Hour(hour, 12, 1)
        assert found.hours[0] == Hour(hour - timedelta(hours=23), 0, 2)
        assert (found.delivered, found.failed, found.is_estimate) == (12, 3, False)

    @pytest.mark.slow
    def test_of_many_hours_it_is_an_estimate(
        self, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(figures, "SAMPLED", 1)
        hour = timezone.now().replace(minute=0, second=0, microsecond=0)
        rows = [
            EndpointHour(endpoint_id=f"{number:026}", hour=hour, answer="200", delivered=1) for number in range(2000)
        ]
        EndpointHour.objects.bulk_create(rows)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE endpoints_endpointhour")
        assert read_figures().is_estimate

    def test_the_largest_tables_also_before_they_are_vacuumed(self) -> None:
        # Tests before this one have left dead rows: the new table is larger than the largest of them.
        (_, largest, _), *_ = read_figures().tables
        with connection.cursor() as cursor:
            rows_of_2_kb = largest // 1900 + 100
            cursor.execute("CREATE TABLE large AS SELECT repeat('x', 1900) FROM generate_series(1, %s)", [rows_of_2_kb])
        (name, size, rows), *others = read_figures().tables
        assert (name, rows) == ("large", None)
        assert size >= max(other[1] for other in others)

    def test_breakers_disabled_endpoints_and_workers(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        now = timezone.now()
        for breaker, until in (("open", 60), ("open", -60), ("closed", 60)):
            EndpointState.objects.update_or_create(
                endpoint=make_endpoint(),
                defaults={"breaker": breaker, "open_until": now + timedelta(seconds=until)},
            )
        record(project.pk, Activity.Verb.ENDPOINT_DISABLED)
        record(project.pk, Activity.Verb.ENDPOINT_ENABLED)
        make_worker("a:1")
        make_worker("b:1", silent=ALIVE)
        found = read_figures()
        assert (found.breakers, found.disabled, found.alive, len(found.workers)) == (1, 1, 1, 2)
        assert not found.has_more_acts

    def test_pauses_and_open_discards_of_live_projects(self, project: Project, other_project: Project) -> None:
        Pause.objects.create(project=project, owner_id="acme")
        Discard.objects.create(project=project)
        Discard.objects.create(project=project, state="discarded")
        Pause.objects.create(project=other_project)
        Discard.objects.create(project=other_project)
        Project.objects.filter(pk=other_project.pk).update(deleted_at=timezone.now())
        found = read_figures()
        assert [row.owner_id for row in found.pauses] == ["acme"]
        assert [row.state for row in found.discards] == ["discarding"]


class TestPage:
    @pytest.mark.slow
    def test_it_shows_the_figures(self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint) -> None:
        queue_deliveries(make_endpoint(), 3, due_in=-600)
        make_worker("<b>:1", in_flight=7, drained_at=timezone.now())
        for url in ("/admin/", "/admin/figures"):
            text = admin_client.get(url).content.decode()
            assert "Orders" in text
            assert "10\xa0minutes" in text
            assert "&lt;b&gt;:1" in text
            assert ">draining<" in text
            assert "<svg" in text
            assert "Largest tables" in text
        assert 'data-live="/admin/figures"' in admin_client.get("/admin/").content.decode()

    def test_without_a_worker_it_says_so(self, admin_client: Client) -> None:
        assert "nothing is sent" in admin_client.get("/admin/").content.decode()

    def test_whoever_sees_no_deliveries_sees_no_figures(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        queue_deliveries(make_endpoint(), 3)
        client = staff("view_endpoint")
        for url in ("/admin/", "/admin/figures"):
            answer = client.get(url)
            assert answer.status_code == 200
            assert "In the queue" not in answer.content.decode()
            assert "/admin/switches/" not in answer.content.decode()

    def test_strangers_are_asked_to_log_in(self, client: Client) -> None:
        assert client.get("/admin/figures").status_code == 302

    def test_the_policy_allows_no_script_in_the_page(self, admin_client: Client) -> None:
        answer = admin_client.get("/admin/")
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "<script>" not in answer.content.decode()

    @pytest.mark.parametrize("rows", [1, 20])
    def test_the_statements(
        self, admin_client: Client, project: Project, rows: int, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(rows):
            make_worker(f"a:{number}")
            Pause.objects.create(project=project, owner_id=f"{number}")
            Discard.objects.create(project=project)
        # The session, the user, three of the time limit, and ten figures.
        with django_assert_max_num_queries(16):
            admin_client.get("/admin/figures")


class TestChart:
    def test_the_tallest_bar_fills_it_and_the_smallest_can_be_seen(self) -> None:
        now = timezone.now()
        drawn = chart([Hour(now, 1_000_000, 0), Hour(now, 0, 1)])
        assert '<rect class="delivered" x="0.0" y="4.5" width="356.0" height="145.5"/>' in drawn
        assert '<rect class="failed" x="360.0" y="148.0" width="356.0" height="2.0"/>' in drawn
        assert 'aria-label="1,000,000 delivered and 1 failed in 2 hours; at most 1,000,000 in one hour"' in drawn

    def test_of_nothing(self) -> None:
        assert 'height="0.0"' in chart([Hour(timezone.now(), 0, 0)])
