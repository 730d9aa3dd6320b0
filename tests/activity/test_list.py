"""GET /api/v1/projects/{projectID}/activity. Contract: docs/contract/activity.md#operations."""

from datetime import datetime

import pytest

from activity.models import Activity
from activity.operations import Verb
from core.actors import Actor, ActorKind
from core.ulid import first_ulid_at
from projects.models import Project
from tests.activity.rows import OPERATOR, make_activity
from tests.conftest import API, Row
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers
from tests.statements import statements

KEY = Actor(ActorKind.API_KEY, "01M80HQEK749HVST8A6GW0K8E2", "backend")


@pytest.fixture
def call(project: Project, collection: str) -> Call:
    make_activity(project.uid)
    return lambda api: api.get(collection)


class TestWorks:
    def test_an_empty_one(self, api: API, collection: str) -> None:
        answer = api.get(collection)
        assert (answer.status, answer.message) == (200, "Activity fetched successfully")
        assert answer.data["content"] == []
        assert api.get(f"{collection}/").data == answer.data

    def test_the_object(self, api: API, viewer: API, collection: str, project: Project) -> None:
        ids = {"owner_id": "acme", "endpoint_id": "e" * 26, "object_uid": "o" * 26}
        row = make_activity(project.uid, actor=KEY, **ids, count=3, changes={"n": [0, 1], "s": [None, None]})
        [found] = api.get(collection).data["content"]
        assert datetime.fromisoformat(found.pop("created_at")) == row.created_at
        assert found == {
            "uid": row.uid,
            "project_id": project.uid,
            "actor": {"kind": "api_key", "uid": KEY.uid, "name": "backend"},
            "verb": "endpoint.updated",
            "object_name": "Orders",
            "count": 3,
            "changes": {"n": [0, 1], "s": [None, None]},
            **ids,
        }
        assert viewer.get(collection).data == api.get(collection).data

    def test_pages_newest_first(self, api: API, collection: str, project: Project) -> None:
        rows = [make_activity(project.uid, object_name=str(number)).uid for number in range(3)][::-1]
        first = api.get(f"{collection}?perPage=2").data
        assert [row["uid"] for row in first["content"]] == rows[:2]
        cursor = first["pagination"]["next_page_cursor"]
        assert [row["uid"] for row in api.get(f"{collection}?next_page_cursor={cursor}").data["content"]] == rows[2:]


class TestFilters:
    def test_each(self, api: API, collection: str, project: Project, row: Row) -> None:
        old = make_activity(project.uid, endpoint_id="1" * 26, owner_id="acme")
        new = make_activity(project.uid, endpoint_id="2" * 26, actor=KEY)
        moment = datetime.fromisoformat("2026-02-03T09:15:02Z")
        Activity.objects.filter(pk=old.pk).update(uid=first_ulid_at(moment)[:10] + old.uid[10:])
        old = Activity.objects.get(endpoint_id="1" * 26)
        for query, found in (
            (f"endpointId={'1' * 26}", [old]),
            (f"endpointId={'1' * 26}&endpointId={'2' * 26}", [new, old]),
            ("endpointId=nope", []),
            ("ownerId=acme", [old]),
            ("ownerId=acm", []),
            ("actorKind=api_key", [new]),
            ("actorKind=operator", [old]),
            ("actorKind=nonsense", []),
            ("startDate=2026-02-03T09:15:02&endDate=2026-02-03T09:15:02", [old]),
            ("endDate=2026-02-03T09:15:01", []),
            ("startDate=2026-02-03T09:15:03", [new]),
            ("startDate=0001-01-01T00:00:00&endDate=9999-12-31T23:59:59", [new, old]),
            ("", [new, old]),
        ):
            with row(query):
                content = api.get(f"{collection}?{query}").data["content"]
                assert [each["uid"] for each in content] == [each.uid for each in found]

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("startDate=soon", "please specify a startDate in the format 2006-01-02T15:04:05"),
            ("endDate=soon", "please specify a correct endDate in the format 2006-01-02T15:04:05 or none at all"),
            (
                "startDate=2026-02-04T00:00:00&endDate=2026-02-03T00:00:00",
                "startDate cannot be greater than endDate",
            ),
        ],
        ids=["start", "end", "order"],
    )
    def test_wrong_dates(self, api: API, collection: str, query: str, message: str) -> None:
        assert api.get(f"{collection}?{query}").error == (400, message)


class TestStrangers(RefusesStrangers, RefusesOtherProjects):
    def test_another_projects_rows(self, api: API, collection: str, other_project: Project) -> None:
        make_activity(other_project.uid, actor=OPERATOR, verb=Verb.ENDPOINT_DELETED)
        assert api.get(collection).data["content"] == []


@pytest.mark.parametrize("rows", [1, 50])
def test_the_statements(api: API, collection: str, project: Project, rows: int) -> None:
    for _ in range(rows):
        make_activity(project.uid)
    with statements() as found:
        assert len(api.get(f"{collection}?perPage=50").data["content"]) == rows
    # The key with its project, the ids and sizes of the page, then its rows.
    assert found == ["SELECT projects_apikey", *["SELECT activity_activity"] * 2]
