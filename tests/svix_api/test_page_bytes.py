"""A page of Svix's lists ends before its rows are too large. Contract: docs/contract/svix.md#pages."""

from itertools import chain
from typing import Any
from urllib.parse import urlencode

import pytest

from applications.operations import create_application
from core.api import pagination
from endpoints.models import Endpoint
from endpoints.operations import create_endpoint
from projects.models import EventType, Project
from subscriptions.operations import create_subscription
from tests.deliveries.rows import make_delivery, make_event
from tests.portal_links.calls import call

BYTES = 1_000


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "MAX_PAGE_BYTES", 10 * BYTES)


def walk(key: str, path: str, **parameters: str) -> list[list[dict[str, Any]]]:
    """Return the rows of all pages, of as many rows as a page may have."""
    pages: list[list[dict[str, Any]]] = []
    given = urlencode({"limit": 250} | parameters)
    query = given
    while len(pages) < 50:
        page = call("GET", f"/api/v1/{path}?{query}", Authorization=f"Bearer {key}").json
        pages.append(page["data"])
        if page["done"]:
            break
        query = f"{given}&iterator={page['iterator']}"
    return pages


def receiving(project: Project, types: list[str]) -> Endpoint:
    """An endpoint of acme's that listens to these types."""
    endpoint = create_endpoint(project.uid, name="In", url="https://hooks.example.com/in", owner_id="acme")
    create_subscription(project.uid, name="a", endpoint_id=endpoint.pk, filter_config={"event_types": types})
    return endpoint


def test_applications_count_their_metadata(key: str, project: Project) -> None:
    for number in range(5):
        create_application(project.uid, owner_id=f"o{number}", name="A", metadata={"a": "x" * 4 * BYTES})
    pages = walk(key, "app")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [row["uid"] for row in chain(*pages)] == [f"o{number}" for number in range(5)]


@pytest.mark.parametrize(("with_content", "pages"), [("true", [2, 2, 1]), ("false", [5])])
def test_event_types_count_their_schemas(key: str, project: Project, with_content: str, pages: list[int]) -> None:
    schema = {"description": "x" * 4 * BYTES}
    names = [f"type.{number}" for number in range(5)]
    EventType.objects.bulk_create(EventType(project=project, name=name, json_schema=schema) for name in names)
    found = walk(key, "event-type", with_content=with_content)
    assert [len(page) for page in found] == pages
    assert [row["name"] for row in chain(*found)] == names


def test_endpoints_count_the_names_of_their_types_twice(key: str, project: Project) -> None:
    types = [f"{number}{'x' * 200}" for number in range(10)]
    ids = [f"ep_{receiving(project, types).pk}" for _ in range(5)]
    pages = walk(key, "app/acme/endpoint")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [row["id"] for row in chain(*pages)] == ids
    assert pages[0][0]["filterTypes"] == sorted(types)


@pytest.mark.slow
def test_endpoints_of_a_message_count_theirs(key: str, project: Project) -> None:
    types = [f"{number}{'x' * 200}" for number in range(10)]
    event = make_event(project.uid, owner_id="acme")
    ids = []
    for _ in range(5):
        endpoint = receiving(project, types)
        make_delivery(endpoint, "Success", event=event)
        ids.append(f"ep_{endpoint.pk}")
    pages = walk(key, f"app/acme/msg/{event.pk}/endpoint")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [row["id"] for row in chain(*pages)] == ids


def test_a_row_larger_than_a_page_stands_alone(key: str, project: Project) -> None:
    for number, size in enumerate((1, 1, 50, 1)):
        create_application(project.uid, owner_id=f"o{number}", name="A", metadata={"a": "x" * size * BYTES})
    assert [len(page) for page in walk(key, "app")] == [2, 1, 1]
