"""Pausing the deliveries of a project or of an owner: nothing is sent, nothing is lost, and the others go on."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection

from activity.models import Activity
from core.actors import Actor, ActorKind, acting_as
from core.conninfo import conninfo
from endpoints.models import Endpoint
from engine.database import make_pool
from engine.parts import View
from engine.shares import Held, Shares
from engine.switchboard import Switchboard
from events.models import EventDelivery
from projects.exceptions import ProjectNotFound
from projects.models import Project
from switches.exceptions import NotPaused
from switches.models import Pause
from switches.operations import pause_deliveries, resume_deliveries
from tests.engine.claims import claim
from tests.engine.engine import on_a_connection, queue_deliveries

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Endpoint]
OPERATOR = Actor(ActorKind.OPERATOR, "1", "jane")


def held() -> Held:
    """The switches as a worker reads them."""

    async def read(_: psycopg.AsyncConnection[Any]) -> Held:
        async with make_pool(conninfo(connection.settings_dict), 1, statement_seconds=5) as pool:
            board = Switchboard(lambda: 0)
            await board.look(pool)
            await board.end(pool)
            return board.held

    return on_a_connection(read)


def sent(looks: int = 3) -> set[str]:
    """The ids of what some looks into the queue take, by a worker that has room for all."""
    now = held()

    async def look(connected: psycopg.AsyncConnection[Any]) -> set[str]:
        found: set[str] = set()
        view = View()
        for _ in range(looks):
            claimed = await claim(connected, offer=Shares(1000, 1000).offer(now), view=view)
            view.places[None].turn = claimed.turn
            found |= {each.delivery.uid for each in claimed.claims}
        return found

    return on_a_connection(look)


def ids(rows: list[EventDelivery]) -> set[str]:
    return {row.uid for row in rows}


class TestProject:
    def test_nothing_of_it_is_sent_and_the_others_go_on(
        self, project: Project, other_project: Project, make_endpoint: Make
    ) -> None:
        waiting = queue_deliveries(make_endpoint(owner_id="acme"), 3, due_in=-60)
        waiting += queue_deliveries(make_endpoint(owner_id="acme"), 1, is_parked=True)
        waiting += queue_deliveries(make_endpoint(), 1, test="test")
        others = queue_deliveries(make_endpoint(project_id=other_project.uid), 2)
        pause_deliveries(project.uid)
        assert sent() == ids(others)
        kept = EventDelivery.objects.filter(project=project).values_list("status", flat=True)
        assert list(kept) == ["Scheduled"] * 5
        resume_deliveries(project.uid)
        assert sent() == ids(waiting)

    def test_what_is_paused_stays_so_and_ends_once(self, project: Project) -> None:
        assert pause_deliveries(project.uid).pk == pause_deliveries(project.uid).pk
        resume_deliveries(project.uid)
        with pytest.raises(NotPaused):
            resume_deliveries(project.uid)
        assert Activity.objects.filter(verb__startswith="deliveries.").count() == 2

    def test_an_unknown_project(self) -> None:
        with pytest.raises(ProjectNotFound):
            pause_deliveries("01J00000000000000000000000")


class TestOwner:
    def test_nothing_of_theirs_is_sent_and_the_others_go_on(
        self, project: Project, other_project: Project, make_endpoint: Make
    ) -> None:
        waiting = queue_deliveries(make_endpoint(owner_id="acme"), 3, due_in=-60)
        waiting += queue_deliveries(make_endpoint(owner_id="acme"), 1, test="test")
        others = queue_deliveries(make_endpoint(owner_id="globex"), 2) + queue_deliveries(make_endpoint(), 2)
        others += queue_deliveries(make_endpoint(project_id=other_project.uid, owner_id="acme"), 2)
        pause_deliveries(project.uid, "acme")
        assert sent() == ids(others)
        assert set(EventDelivery.objects.filter(is_parked=True).values_list("pk", flat=True)) == ids(waiting)
        resume_deliveries(project.uid, "acme")
        assert sent() == ids(waiting)

    def test_the_pauses_of_a_project_and_of_its_owner_are_apart(self, project: Project, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint(owner_id="acme"))
        [other] = queue_deliveries(make_endpoint(owner_id="globex"))
        pause_deliveries(project.uid)
        pause_deliveries(project.uid, "acme")
        resume_deliveries(project.uid)
        assert sent() == {other.uid}


def test_both_are_recorded_with_the_operator(project: Project) -> None:
    with acting_as(OPERATOR):
        pause_deliveries(project.uid, "acme")
        resume_deliveries(project.uid, "acme")
    rows = Activity.objects.order_by("pk").values_list("verb", "actor_kind", "actor_name", "owner_id")
    assert list(rows) == [
        ("deliveries.paused", "operator", "jane", "acme"),
        ("deliveries.resumed", "operator", "jane", "acme"),
    ]
    assert not Pause.objects.exists()
