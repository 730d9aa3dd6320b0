"""Pages and their cursors, on the list of endpoints. Contract: docs/contract/conventions.md#pages."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from endpoints.models import Endpoint
from endpoints.secrets import new_secret
from projects.models import Project
from tests.conftest import API

ListPage = Callable[..., tuple[list[str], dict[str, Any]]]


@pytest.fixture
def rows(project: Project) -> list[str]:
    """41 endpoints, newest first."""
    endpoints = [
        Endpoint(project=project, name="x", url="http://x.example", secrets=[new_secret("", timezone.now())])
        for _ in range(41)
    ]
    return [endpoint.uid for endpoint in reversed(Endpoint.objects.bulk_create(endpoints))]


@pytest.fixture
def page(api: API, project: Project) -> ListPage:
    def get(**query: Any) -> tuple[list[str], dict[str, Any]]:
        text = "&".join(f"{name}={value}" for name, value in query.items())
        data = api.get(f"/projects/{project.uid}/endpoints?{text}").data
        return [row["uid"] for row in data["content"]], data["pagination"]

    return get


def test_forward_and_back_again(page: ListPage, rows: list[str]) -> None:
    first, after_first = page()
    assert first == rows[:20]
    assert after_first == {
        "per_page": 20,
        "has_next_page": True,
        "has_prev_page": False,
        "prev_page_cursor": rows[0],
        "next_page_cursor": rows[20],
    }
    second, after_second = page(next_page_cursor=after_first["next_page_cursor"])
    assert second == rows[20:40]
    assert after_second["has_prev_page"] is True
    third, after_third = page(next_page_cursor=after_second["next_page_cursor"])
    assert third == rows[40:]
    assert after_third == {
        "per_page": 20,
        "has_next_page": False,
        "has_prev_page": True,
        "prev_page_cursor": rows[40],
        "next_page_cursor": "",
    }
    back, after_back = page(direction="prev", prev_page_cursor=after_third["prev_page_cursor"])
    assert back == second
    assert after_back["next_page_cursor"] == rows[40]
    assert after_back["has_prev_page"] is True
    assert after_back["has_next_page"] is True
    again, after_again = page(direction="prev", prev_page_cursor=after_back["prev_page_cursor"])
    assert again == first
    assert after_again["has_prev_page"] is False


def test_with_fewer_newer_rows_than_a_page_the_cursors_row_comes_too(page: ListPage, rows: list[str]) -> None:
    back, pagination = page(direction="prev", prev_page_cursor=rows[3])
    assert back == rows[:4]
    assert pagination["has_next_page"] is False
    assert pagination["has_prev_page"] is False


def test_the_last_page_of_several_rows_names_its_own_last_row(page: ListPage, rows: list[str]) -> None:
    last, pagination = page(next_page_cursor=rows[38])
    assert last == rows[38:]
    assert pagination["next_page_cursor"] == rows[40]
    assert pagination["has_next_page"] is False


def test_rows_that_are_created_meanwhile_do_not_shift_later_pages(
    page: ListPage, rows: list[str], make_endpoint: Callable[..., Endpoint]
) -> None:
    _, pagination = page()
    make_endpoint()
    assert page(next_page_cursor=pagination["next_page_cursor"])[0] == rows[20:40]


def test_no_rows(page: ListPage) -> None:
    assert page() == (
        [],
        {
            "per_page": 20,
            "has_next_page": False,
            "has_prev_page": False,
            "prev_page_cursor": "",
            "next_page_cursor": "",
        },
    )


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("5", 5),
        ("0", 1),
        ("-1", 1),
        ("1e9", 20),
        ("1000000000", 1000),
        ("x", 20),
        ("", 20),
        ("2.5", 20),
        ("9" * 5000, 20),
    ],
)
def test_per_page_is_held_within_bounds(page: ListPage, rows: list[str], asked: str, given: int) -> None:
    found, pagination = page(perPage=asked)
    assert pagination["per_page"] == given
    assert found == rows[:given]


@pytest.mark.parametrize("cursor", ["nope", "~~~", "%F0%9F%98%80", "zzzzzzzzzzzzzzzzzzzzzzzzzz"])
def test_a_cursor_above_every_row_is_only_compared(page: ListPage, rows: list[str], cursor: str) -> None:
    assert page(next_page_cursor=cursor)[0] == rows[:20]
    assert page(direction="prev", prev_page_cursor=cursor)[0] == []


@pytest.mark.parametrize("cursor", ["0", "01JZ8QP7B2E4G6J8M0Q2S4V6X8", "%27%3B--", "%25"])
def test_a_cursor_below_every_row_is_only_compared(page: ListPage, rows: list[str], cursor: str) -> None:
    assert page(next_page_cursor=cursor)[0] == []
    # Of the 21 oldest rows the last one is where the next page would begin.
    assert page(direction="prev", prev_page_cursor=cursor)[0] == rows[-21:-1]


def test_sort_and_an_unknown_direction_are_ignored(page: ListPage, rows: list[str]) -> None:
    assert page(sort="ASC")[0] == rows[:20]
    assert page(direction="sideways")[0] == rows[:20]


def test_back_without_a_cursor_begins_at_the_oldest_rows(page: ListPage, rows: list[str]) -> None:
    back, pagination = page(direction="prev", perPage=2)
    assert back == rows[-3:-1]
    assert (pagination["has_next_page"], pagination["has_prev_page"]) == (True, False)
