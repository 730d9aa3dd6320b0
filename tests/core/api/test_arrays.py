"""A plain array ends before it is too large. Contract: docs/contract/conventions.md#arrays."""

import re
from collections.abc import Callable

import pytest

from core.api import pagination
from endpoints.models import Endpoint
from projects.models import EventType, Project
from subscriptions.models import Filter, Subscription
from tests.conftest import API
from tests.portal.api.customers import customer
from tests.statements import statements

BYTES = 1_000


@pytest.fixture(autouse=True)
def _small_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "MAX_PAGE_BYTES", 10 * BYTES)


@pytest.fixture
def types_path(project: Project) -> str:
    """29 event types that come to a tenth of an answer each, beside `*`."""
    schema = {"title": "x" * (BYTES - 160)}
    EventType.objects.bulk_create(
        EventType(project=project, name=f"t{number:02}", json_schema=schema) for number in range(29)
    )
    return f"/projects/{project.uid}/event-types"


@pytest.fixture
def filters_path(project: Project, make_endpoint: Callable[..., Endpoint]) -> str:
    """30 filters that come to a tenth of an answer each, which shows their conditions twice."""
    subscription = Subscription.objects.create(project=project, endpoint=make_endpoint(), name="All")
    Filter.objects.bulk_create(
        Filter(subscription=subscription, event_type=f"t{number:02}", conditions={"body": {"a": "x" * 350}})
        for number in range(30)
    )
    return f"/projects/{project.uid}/subscriptions/{subscription.uid}/filters"


def walk(api: API, path: str) -> list[list[str]]:
    """Return the ids of each answer, from the first to the one that leads to no other."""
    found: list[list[str]] = []
    query = ""
    while len(found) < 50:
        answer = api.get(path + query)
        found.append([row["uid"] for row in answer.data])
        assert len(answer.response.content) <= 11 * BYTES
        if "Link" not in answer.headers:
            break
        link = re.fullmatch(r"<(\?next_page_cursor=\w{26})>; rel=\"next\"", answer.headers["Link"])
        assert link is not None
        query = link[1]
    return found


@pytest.mark.parametrize("fixture", ["types_path", "filters_path"])
def test_all_rows_are_found_once_and_newest_first(api: API, request: pytest.FixtureRequest, fixture: str) -> None:
    answers = walk(api, request.getfixturevalue(fixture))
    ids = [uid for answer in answers for uid in answer]
    assert len(ids) == 30
    assert ids == sorted(set(ids), reverse=True)
    assert [len(answer) >= 9 for answer in answers[:-1]] == [True] * (len(answers) - 1)
    assert len(answers) > 2


def test_what_fits_is_whole_and_leads_nowhere(api: API, types_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "MAX_PAGE_BYTES", 40 * BYTES)
    answer = api.get(types_path)
    assert len(answer.data) == 30
    assert "Link" not in answer.headers


def test_a_row_that_is_too_large_alone_is_there(api: API, types_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "MAX_PAGE_BYTES", 1)
    answers = walk(api, types_path)
    assert [len(answer) for answer in answers] == [1] * 30


@pytest.mark.parametrize("most", [1, 10 * BYTES, 40 * BYTES])
def test_as_many_statements_for_many_rows(
    api: API, types_path: str, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(pagination, "MAX_PAGE_BYTES", most)
    with statements() as run:
        api.get(types_path)
    # The key, and the event types.
    assert len(run) == 2


@pytest.mark.usefixtures("types_path")
def test_the_portal_has_the_same_bound(project: Project) -> None:
    answer = customer(project, "session token").get("/event-types")
    assert len(answer.data) < 30
    assert "Link" in answer.headers
