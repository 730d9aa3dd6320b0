"""A page ends before its rows are too large. Contract: docs/contract/conventions.md#page-bytes."""

from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest

from core.api import pagination
from endpoints.models import Endpoint
from events.models import Event
from projects.models import Project
from subscriptions.operations import create_subscription
from tests.activity.rows import make_activity
from tests.conftest import API
from tests.deliveries.rows import make_delivery
from tests.meta_events.rows import make_meta_event

MakeEndpoint = Callable[..., Endpoint]
BYTES = 1_000


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "MAX_PAGE_BYTES", 10 * BYTES)


def walk(api: API, path: str, *, backwards: bool = False) -> list[list[str]]:
    """Return the ids of all pages, from the first to the last or, back from the oldest row, the other way."""
    pages: list[list[str]] = []
    query = "direction=prev&perPage=1000" if backwards else "perPage=1000"
    while len(pages) < 50:
        answer = api.get(f"{path}?{query}")
        at: dict[str, Any] = answer.data["pagination"]
        pages.append([row["uid"] for row in answer.data["content"]])
        if not at["has_prev_page" if backwards else "has_next_page"]:
            break
        name = "prev_page_cursor" if backwards else "next_page_cursor"
        query = f"perPage=1000&direction={'prev' if backwards else 'next'}&{name}={at[name]}"
    return pages


class TestEvents:
    @pytest.fixture
    def rows(self, project: Project) -> list[str]:
        """30 events of a tenth of a page each, newest first."""
        made = [
            Event(project=project, event_type="a", data=f'"{"x" * (BYTES - 4)}"', channel=Event.Channel.DIRECT)
            for _ in range(30)
        ]
        return [row.pk for row in reversed(Event.objects.bulk_create(made))]

    def test_forwards(self, api: API, project: Project, rows: list[str]) -> None:
        pages = walk(api, f"/projects/{project.uid}/events")
        assert [len(page) for page in pages] == [10, 10, 10]
        assert list(chain(*pages)) == rows

    def test_backwards(self, api: API, project: Project, rows: list[str]) -> None:
        path = f"/projects/{project.uid}/events"
        answer = api.get(f"{path}?direction=prev&prev_page_cursor={rows[-1]}&perPage=1000")
        assert [row["uid"] for row in answer.data["content"]] == rows[19:29]
        at = answer.data["pagination"]
        assert (at["has_next_page"], at["has_prev_page"]) == (True, True)
        assert (at["next_page_cursor"], at["prev_page_cursor"], at["per_page"]) == (rows[29], rows[19], 1000)
        answer = api.get(f"{path}?direction=prev&prev_page_cursor={rows[9]}&perPage=1000")
        # As for any page: where fewer rows than a page stand before the cursor, its row belongs to it.
        assert [row["uid"] for row in answer.data["content"]] == rows[:10]
        assert answer.data["pagination"]["has_prev_page"] is False

    def test_a_row_larger_than_a_page_stands_alone(self, api: API, project: Project, rows: list[str]) -> None:
        Event.objects.filter(pk=rows[1]).update(data=f'"{"x" * 50 * BYTES}"')
        pages = walk(api, f"/projects/{project.uid}/events")
        assert pages[:2] == [rows[:1], rows[1:2]]
        assert list(chain(*pages)) == rows

    def test_a_small_page_is_as_it_was(self, api: API, project: Project, rows: list[str]) -> None:
        answer = api.get(f"/projects/{project.uid}/events?perPage=10&sort=ASC")
        assert [row["uid"] for row in answer.data["content"]] == rows[::-1][:10]


class TestOthers:
    def test_deliveries_count_the_payloads_of_their_events(
        self, api: API, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint()
        rows = [make_delivery(endpoint).pk for _ in range(7)][::-1]
        Event.objects.update(data=f'"{"x" * 2 * BYTES}"')
        pages = walk(api, f"/projects/{project.uid}/eventdeliveries")
        assert [len(page) for page in pages] == [2, 2, 2, 1]
        assert list(chain(*pages)) == rows

    def test_meta_events_count_bodies_and_answers(self, api: API, project: Project) -> None:
        rows = [
            make_meta_event(project, body=f'{{"a":"{"x" * BYTES}"}}', attempt={"response_data": "x" * 3 * BYTES}).pk
            for _ in range(5)
        ][::-1]
        pages = walk(api, f"/projects/{project.uid}/meta-events")
        assert [len(page) for page in pages] == [2, 2, 1]
        assert list(chain(*pages)) == rows

    def test_activity_counts_what_has_changed(self, api: API, project: Project) -> None:
        changes = {name: [None, "x" * BYTES] for name in ("description", "name", "url", "owner_id")}
        rows = [make_activity(project.uid, changes=changes).pk for _ in range(5)][::-1]
        pages = walk(api, f"/projects/{project.uid}/activity")
        assert [len(page) for page in pages] == [2, 2, 1]
        assert list(chain(*pages)) == rows

    def test_subscriptions_count_their_conditions_and_event_types(
        self, api: API, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        config = {"filter": {"body": {"a": "x" * 2 * BYTES}}, "event_types": [f"{n}{'x' * 200}" for n in range(10)]}
        rows = [
            create_subscription(project.uid, name="a", endpoint_id=make_endpoint().uid, filter_config=config).pk
            for _ in range(5)
        ][::-1]
        pages = walk(api, f"/projects/{project.uid}/subscriptions")
        assert [len(page) for page in pages] == [2, 2, 1]
        assert list(chain(*pages)) == rows

    def test_endpoints_count_their_texts_and_certificates(
        self, api: API, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        rows = [make_endpoint(description="x" * BYTES).pk for _ in range(5)][::-1]
        for endpoint in Endpoint.objects.filter(project=project):
            endpoint.mtls_client_cert = {"client_cert": "x" * 3 * BYTES, "client_key": "y"}
            endpoint.save(update_fields=["mtls_client_cert"])
        pages = walk(api, f"/projects/{project.uid}/endpoints")
        assert [len(page) for page in pages] == [2, 2, 1]
        assert list(chain(*pages)) == rows
