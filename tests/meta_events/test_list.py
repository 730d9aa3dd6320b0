"""GET /api/v1/projects/{projectID}/meta-events"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.ulid import first_ulid_at
from meta_events.models import MetaEvent
from projects.models import Project
from tests.conftest import API
from tests.meta_events.rows import make_meta_event as make_one
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers
from tests.statements import statements

Make = Callable[..., MetaEvent]


@pytest.fixture
def call(collection: str, make_meta_event: Make) -> Call:
    make_meta_event()
    return lambda api: api.get(collection)


class TestWorks:
    def test_an_empty_one(self, api: API, collection: str) -> None:
        answer = api.get(collection)
        assert (answer.status, answer.message) == (200, "Meta events fetched successfully")
        assert answer.data["content"] == []
        assert api.get(f"{collection}/").data == answer.data

    def test_the_object(self, api: API, collection: str, project: Project, make_meta_event: Make) -> None:
        attempt = {
            "request_http_header": {"Content-Type": "application/json"},
            "response_http_header": {},
            "response_data": "ok",
        }
        row = make_meta_event({"uid": "ep1", "name": "acme"}, attempt=attempt, num_trials=1, status="Success")
        [found] = api.get(collection).data["content"]
        moments = [found.pop("metadata")["next_send_time"], *(found.pop(name) for name in ("created_at", "updated_at"))]
        assert all(datetime.fromisoformat(moment) for moment in moments)
        assert found == {
            "uid": row.uid,
            "project_id": project.uid,
            "event_type": "endpoint.created",
            "attempt": attempt,
            "status": "Success",
            "deleted_at": None,
        }

    def test_its_metadata(self, api: API, collection: str, make_meta_event: Make) -> None:
        make_meta_event({"uid": "ep1", "name": "acme"})
        [found] = api.get(collection).data["content"]
        assert found["attempt"] is None
        del found["metadata"]["next_send_time"]
        assert found["metadata"] == {
            "data": {"event_type": "endpoint.created", "data": {"uid": "ep1", "name": "acme"}},
            "raw": "",
            "strategy": "linear",
            "num_trials": 0,
            "interval_seconds": 10,
            "retry_limit": 3,
            "max_retry_seconds": 7200,
        }

    @pytest.mark.parametrize("sort", ["", "ASC", "DESC", "x"])
    def test_newest_first_whatever_sort_says(self, api: API, collection: str, make_meta_event: Make, sort: str) -> None:
        uids = [make_meta_event().uid for _ in range(3)]
        assert [row["uid"] for row in api.get(f"{collection}?sort={sort}").data["content"]] == uids[::-1]

    def test_following_the_cursors_shows_each_row_once(self, api: API, collection: str, make_meta_event: Make) -> None:
        uids = [make_meta_event().uid for _ in range(7)][::-1]
        seen: list[str] = []
        query = "perPage=3"
        for _ in range(3):
            page = api.get(f"{collection}?{query}").data
            seen += [row["uid"] for row in page["content"]]
            query = f"perPage=3&direction=next&next_page_cursor={page['pagination']['next_page_cursor']}"
        assert seen == uids
        assert page["pagination"]["has_next_page"] is False

    def test_a_viewer_may(self, viewer: API, collection: str, make_meta_event: Make) -> None:
        make_meta_event()
        assert len(viewer.get(collection).data["content"]) == 1


class TestDates:
    @pytest.fixture
    def uids(self, make_meta_event: Make) -> dict[int, str]:
        """Return the id of a meta event of each age, by the age in days."""
        now = timezone.now()
        return {days: make_meta_event(uid=first_ulid_at(now - timedelta(days=days))).uid for days in (20, 8, 6, 1, 0)}

    def seen(self, api: API, path: str) -> list[str]:
        return [row["uid"] for row in api.get(path).data["content"]]

    def test_the_last_seven_days_without_dates(self, api: API, collection: str, uids: dict[int, str]) -> None:
        assert self.seen(api, collection) == [uids[0], uids[1], uids[6]]

    def test_from_and_to(self, api: API, collection: str, uids: dict[int, str]) -> None:
        days = [(timezone.now() - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S") for days in (30, 7)]
        assert self.seen(api, f"{collection}?startDate={days[0]}&endDate={days[1]}") == [uids[8], uids[20]]

    @pytest.mark.parametrize("query", ["startDate=x", "endDate=2026-13-01T00:00:00", "startDate=2026-02-03"])
    def test_a_date_that_is_none(self, api: API, collection: str, query: str) -> None:
        status, message = api.get(f"{collection}?{query}").error
        assert status == 400
        assert "in the format 2006-01-02T15:04:05" in message

    def test_the_wrong_way_round(self, api: API, collection: str) -> None:
        query = "startDate=2026-02-03T00:00:00&endDate=2026-02-02T00:00:00"
        assert api.get(f"{collection}?{query}").error == (400, "startDate cannot be greater than endDate")


class TestAuthentication(RefusesStrangers, RefusesOtherProjects):
    pass


class TestAnotherTenant:
    def test_only_the_projects_own(
        self, api: API, collection: str, make_meta_event: Make, other_project: Project
    ) -> None:
        foreign, own = make_one(other_project), make_meta_event()
        assert [row["uid"] for row in api.get(collection).data["content"]] == [own.uid]
        query = f"direction=prev&prev_page_cursor={foreign.uid}"
        assert [row["uid"] for row in api.get(f"{collection}?{query}").data["content"]] == [own.uid]


@pytest.mark.parametrize("count", [1, 20])
def test_the_key_and_the_page(api: API, collection: str, make_meta_event: Make, count: int) -> None:
    for _ in range(count):
        make_meta_event()
    with statements() as found:
        content: list[Any] = api.get(collection).data["content"]
    assert len(content) == count
    # The key; the ids and sizes of the page; its rows.
    assert found == ["SELECT projects_apikey", "SELECT meta_events_metaevent", "SELECT meta_events_metaevent"]
