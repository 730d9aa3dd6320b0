"""A plain array ends before it is too large. Contract: docs/contract/conventions.md#arrays."""

import re
from collections.abc import Callable

import pytest

from core.api import pagination
from endpoints.models import Endpoint
from projects.models import EventType, Project
from projects.operations import create_project
from subscriptions.models import Filter, Subscription
from tests.conftest import API
from tests.portal.api.customers import customer
from tests.statements import nothing_changes, statements

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


@pytest.mark.slow
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


def test_projects_are_found_once_and_oldest_first(instance: API, project: Project) -> None:
    for number in range(9):
        create_project(name=f"p{number}", type=Project.Type.OUTGOING, logo_url="https://example.com/" + "a" * 1_900)
    answers = walk(instance, "/projects")
    ids = [uid for answer in answers for uid in answer]
    assert ids == list(Project.objects.order_by("pk").values_list("pk", flat=True))
    assert len(ids) == 10
    assert len(answers) > 2


#: Conditions that are fifty times as large with dotted keys, which repeat the name of the object.
GROWING = {"a" * 400: {f"k{number}": 1 for number in range(50)}}


@pytest.fixture
def growing(project: Project, make_endpoint: Callable[..., Endpoint]) -> str:
    """The path of 10 filters that come to a tenth of an answer each by what is stored, and alone to more as shown."""
    subscription = Subscription.objects.create(project=project, endpoint=make_endpoint(), name="All")
    EventType.objects.bulk_create(EventType(project=project, name=f"t{number}") for number in range(10))
    Filter.objects.bulk_create(
        Filter(subscription=subscription, event_type=f"t{number}", conditions={"body": GROWING}) for number in range(10)
    )
    return f"/projects/{project.uid}/subscriptions/{subscription.uid}/filters"


@pytest.mark.slow
def test_what_dotted_keys_add_counts(api: API, growing: str) -> None:
    found, query = [], ""
    for _ in range(10):
        answer = api.get(growing + query)
        assert len(answer.data) == 1
        found.append(answer.data[0]["uid"])
        query = answer.headers.get("Link", "<>").partition(">")[0][1:]
    assert query == ""
    assert sorted(found, reverse=True) == found
    assert len(set(found)) == 10


def test_several_filters_that_no_answer_holds_are_refused(
    api: API, growing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = (400, "the filters are too large together: send fewer of them at once")
    rows = list(Filter.objects.order_by("pk"))
    update = [{"uid": row.uid, "enabled_at": None} for row in rows]
    with nothing_changes():
        assert api.put(f"{growing}/bulk_update", update).error == refusal
    Filter.objects.all().delete()
    create = [{"event_type": row.event_type, "body": GROWING} for row in rows]
    with nothing_changes():
        assert api.post(f"{growing}/bulk", create).error == refusal
    monkeypatch.setattr(pagination, "MAX_PAGE_BYTES", 300 * BYTES)
    assert len(api.post(f"{growing}/bulk", create).data) == 10
