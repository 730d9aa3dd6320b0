"""Requests that want the same endpoint at the same time, over real HTTP."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest

from tests.live.conftest import LiveProject


def at_once(project: LiveProject, bodies: list[dict[str, Any]]) -> list[httpx.Response]:
    """The answers to creations of portal links that are sent together, each over a connection of its own."""
    together = Barrier(len(bodies))

    def create(body: dict[str, Any]) -> httpx.Response:
        with project.server.client(project.key) as client:
            client.get("/projects").raise_for_status()  # connected from here on
            together.wait()
            return client.post(project.links, json=body)

    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(create, bodies))


def owner_of(project: LiveProject, endpoint: str) -> str:
    return str(project.client.get(f"{project.endpoints}/{endpoint}").json()["data"].get("owner_id", ""))


@pytest.mark.parametrize("attempt", range(5))
def test_one_of_eight_owners_adopts_an_endpoint(project: LiveProject, attempt: int) -> None:
    endpoint = project.make_endpoint()
    owners = [f"owner-{number}" for number in range(8)]
    answers = at_once(project, [{"name": owner, "owner_id": owner, "endpoints": [endpoint]} for owner in owners])
    winners = [answer.json()["data"] for answer in answers if answer.status_code == 201]
    assert len(winners) == 1
    winner = winners[0]["owner_id"]
    losers = [answer for answer in answers if answer.status_code != 201]
    assert [(answer.status_code, answer.json()["message"]) for answer in losers] == [
        (400, f"endpoint {endpoint} already has owner_id {winner}")
    ] * 7
    assert owner_of(project, endpoint) == winner
    links = project.client.get(project.links).json()["data"]["content"]
    assert [link["owner_id"] for link in links] == [winner]


@pytest.mark.parametrize("attempt", range(5))
def test_overlapping_lists_in_opposite_order_do_not_block_each_other(project: LiveProject, attempt: int) -> None:
    endpoints = [project.make_endpoint() for _ in range(10)]
    lists = [endpoints, endpoints[::-1], endpoints[:7], endpoints[:2:-1]]
    bodies = [
        {"name": f"{number}", "owner_id": f"owner-{number}", "endpoints": lists[number % 4]} for number in range(8)
    ]
    answers = at_once(project, bodies)
    assert {answer.status_code for answer in answers} <= {201, 400}
    winners = {answer.json()["data"]["owner_id"] for answer in answers if answer.status_code == 201}
    assert winners
    # Everything of a creation happened, or nothing.
    wanted = {str(body["owner_id"]): set(body["endpoints"]) for body in bodies}
    owned = {endpoint: owner_of(project, endpoint) for endpoint in endpoints}
    for winner in winners:
        assert {endpoint for endpoint, owner in owned.items() if owner == winner} == wanted[winner]
    assert set(owned.values()) <= winners | {""}


def test_the_same_owner_may_adopt_it_eight_times(project: LiveProject) -> None:
    endpoint = project.make_endpoint()
    answers = at_once(project, [{"name": f"{n}", "owner_id": "acme", "endpoints": [endpoint]} for n in range(8)])
    assert [answer.status_code for answer in answers] == [201] * 8
    assert {answer.json()["data"]["endpoint_count"] for answer in answers} == {1}
