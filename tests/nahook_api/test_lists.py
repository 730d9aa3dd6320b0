"""Nahook's lists end before they are too large, with a way to the rest. Contract: docs/contract/nahook.md#lists."""

from itertools import chain
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from applications.operations import create_application
from core.api import pagination
from endpoints.operations import create_endpoint
from projects.models import EventType, Project
from projects.operations import create_api_key
from subscriptions.operations import create_subscription
from tests.conftest import Role

BYTES = 1_000


@pytest.fixture(autouse=True)
def _small_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "MAX_PAGE_BYTES", 10 * BYTES)


def walk(project: Project, noun: str, query: str = "") -> list[list[dict[str, Any]]]:
    """Return the rows of a list, as many as each answer holds, by the links from one to the next."""
    key = create_api_key(name="nahook", role=Role.PROJECT_ADMIN, project=project)[1]
    parts: list[list[dict[str, Any]]] = []
    while len(parts) < 50:
        path = f"/management/v1/workspaces/{project.uid}/{noun}{query}"
        answer: Any = Client().get(path, headers={"Authorization": f"Bearer {key}"})
        parts.append(orjson.loads(answer.content))
        if "Link" not in answer.headers:
            break
        link, relation = answer.headers["Link"].split("; ")
        assert relation == 'rel="next"'
        query = link.strip("<>")
    return parts


def make(project: Project, noun: str) -> None:
    """Make five rows, of which a list holds two."""
    text = "x" * 4 * BYTES
    for number in range(5):
        match noun:
            case "endpoints":
                url = f"https://hooks.example.com/{number}"
                create_endpoint(project.uid, name="In", url=url, description=text)
            case "applications":
                create_application(project.uid, owner_id=f"o{number}", name="A", metadata={"a": text})
            case "event-types":
                EventType.objects.create(project=project, name=f"type.{number}", description=text)


@pytest.mark.parametrize("noun", ["endpoints", "applications", "event-types"])
class TestLists:
    @pytest.mark.slow
    def test_they_are_whole_by_parts(self, project: Project, noun: str) -> None:
        make(project, noun)
        parts = walk(project, noun)
        assert [len(part) for part in parts] == [2, 2, 1]
        ids = [row["id"] for row in chain(*parts)]
        assert len(set(ids)) == 5
        assert ids == sorted(ids, reverse=True)

    def test_a_part_that_was_asked_for_and_fits_has_no_link(self, project: Project, noun: str) -> None:
        make(project, noun)
        assert [len(part) for part in walk(project, noun, "?limit=2&offset=1")] == [2]

    def test_one_that_does_not_fit_ends_where_it_was_asked_to(self, project: Project, noun: str) -> None:
        make(project, noun)
        assert [len(part) for part in walk(project, noun, "?limit=3&offset=1")] == [2, 1]


def test_subscriptions_are_read_without_what_they_repeat(project: Project) -> None:
    endpoint = create_endpoint(project.uid, name="In", url="https://hooks.example.com/in")
    types = [f"type.{number}" for number in range(3)]
    create_subscription(project.uid, name="a", endpoint_id=endpoint.pk, filter_config={"event_types": types})
    with CaptureQueriesContext(connection) as queries:
        [part] = walk(project, f"endpoints/ep_{endpoint.pk}/subscriptions")
    assert [row["eventTypeName"] for row in part] == types
    assert not [query for query in queries if '"subscriptions_subscription"."event_types"' in query["sql"]]
