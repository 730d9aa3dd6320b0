"""A page ends before its rows are too large. Contract: docs/contract/conventions.md#page-bytes."""

import ast
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest

from convoyclone.database import BASE_DIR
from core.api import pagination
from endpoints.models import Endpoint
from events.models import Event
from onboarding.models import OnboardBatch
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link
from projects.models import Project
from subscriptions.operations import create_subscription
from tests.activity.rows import make_activity
from tests.conftest import API
from tests.deliveries.rows import make_delivery
from tests.meta_events.rows import make_meta_event
from tests.portal.customers import mint

#: The functions that read a list for an answer. The `read_rows` of core/rows.py only sends a statement.
READERS = {"read_page", "read_array", "read_rows"}
#: The modules with a list that names no size, and why.
WITHOUT_SIZE = {
    "jobs/views.py": "numbers, times and short texts",
    "portal_links/scope_views.py": "ids and names",
    "portal_links/views.py": "Page.measured",
    "svix_api/tasks.py": "numbers, times and short texts",
}

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


def before(api: API, path: str, uid: str) -> tuple[list[str], dict[str, Any]]:
    """Return the ids of the page before a row, and what it says of the pages around it."""
    data = api.get(f"{path}?direction=prev&prev_page_cursor={uid}&perPage=1000").data
    return [row["uid"] for row in data["content"]], data["pagination"]


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
        uids, at = before(api, path, rows[-1])
        assert uids == rows[19:29]
        assert (at["has_next_page"], at["has_prev_page"]) == (True, True)
        assert (at["next_page_cursor"], at["prev_page_cursor"], at["per_page"]) == (rows[29], rows[19], 1000)
        uids, at = before(api, path, rows[9])
        # As for any page: where fewer rows than a page stand before the cursor, its row belongs to it.
        assert uids == rows[:10]
        assert at["has_prev_page"] is False

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

    @pytest.mark.slow
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

    def test_batches_count_their_results(self, api: API, project: Project) -> None:
        results = [{"row": 1, "name": "a", "url": "x" * 4 * BYTES}]
        made = [OnboardBatch(project=project, first_row=1, total_items=1, results=results) for _ in range(5)]
        rows = [row.pk for row in reversed(OnboardBatch.objects.bulk_create(made))]
        pages = walk(api, f"/projects/{project.uid}/onboard/batches")
        assert [len(page) for page in pages] == [2, 2, 1]
        assert list(chain(*pages)) == rows

    def test_sessions_count_their_metadata(self, api: API, project: Project) -> None:
        rows = [mint(project).session.pk for _ in range(5)][::-1]
        PortalSession.objects.update(metadata={"a": "x" * 4 * BYTES})
        pages = walk(api, f"/projects/{project.uid}/portal-sessions")
        assert [len(page) for page in pages] == [2, 2, 1]
        assert list(chain(*pages)) == rows


class TestLinks:
    """A link shows all endpoints of its owner, which no column of its row tells."""

    @pytest.fixture
    def rows(self, project: Project, make_endpoint: MakeEndpoint) -> list[str]:
        """Five links of one owner, newest first. Each is over two fifths of a page."""
        make_endpoint(owner_id="acme", description="x" * 4 * BYTES)
        return [create_portal_link(project.uid, name="a", owner_id="acme").link.pk for _ in range(5)][::-1]

    @pytest.mark.parametrize("together", [1, 2, 100])
    def test_forwards(
        self, api: API, project: Project, rows: list[str], monkeypatch: pytest.MonkeyPatch, together: int
    ) -> None:
        monkeypatch.setattr(pagination, "MEASURED_AT_ONCE", together)
        pages = walk(api, f"/projects/{project.uid}/portal-links")
        assert [len(page) for page in pages] == [2, 2, 1]
        assert list(chain(*pages)) == rows

    def test_backwards(self, api: API, project: Project, rows: list[str]) -> None:
        path = f"/projects/{project.uid}/portal-links"
        uids, at = before(api, path, rows[-1])
        assert uids == rows[2:4]
        assert (at["has_next_page"], at["has_prev_page"]) == (True, True)
        assert (at["next_page_cursor"], at["prev_page_cursor"]) == (rows[4], rows[2])
        uids, at = before(api, path, rows[2])
        assert uids == rows[:2]
        assert at["has_prev_page"] is False

    def test_a_small_page_is_whole(self, api: API, project: Project, rows: list[str]) -> None:
        Endpoint.objects.update(description="")
        assert walk(api, f"/projects/{project.uid}/portal-links") == [rows]

    @pytest.mark.parametrize("direction", ["next", "prev"])
    def test_long_lists_of_ids_are_not_read_beyond_the_page(
        self, api: API, project: Project, make_endpoint: MakeEndpoint, direction: str
    ) -> None:
        endpoint = make_endpoint()
        rows = [create_portal_link(project.uid, name="a", endpoints=[endpoint.pk]).link.pk for _ in range(6)][::-1]
        # Those that are not in the project are in no answer.
        PortalLink.objects.update(endpoints=[endpoint.pk, *["01JZ8QK3V7M2N4P6R8T0W2Y4A6"] * 150])
        path = f"/projects/{project.uid}/portal-links?perPage=1000&direction={direction}"
        answer = api.get(f"{path}&{direction}_page_cursor={rows[0] if direction == 'next' else rows[-1]}")
        expected = rows[:2] if direction == "next" else rows[4:5]
        assert [row["uid"] for row in answer.data["content"]] == expected
        assert all(row["endpoints"] == [endpoint.pk] for row in answer.data["content"])


@pytest.mark.slow  # it reads every module
def test_every_list_has_a_size() -> None:
    """A new list fails here until it says how large its rows are, or has a reason to have no size."""
    found = set()
    for path in sorted(BASE_DIR.glob("*/*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        plain = {
            name.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "core.rows"
            for name in node.names
        }
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in READERS - plain):
                continue
            if not {keyword.arg for keyword in call.keywords} & {"size", "large"}:
                found.add(path.relative_to(BASE_DIR).as_posix())
    assert found == WITHOUT_SIZE.keys()
