"""Nobody holds more than a share of a web process with slow requests, and quick ones are never refused."""

from typing import Any

import orjson
import pytest
from django.test import Client
from pytest_django import Settings

from convoyclone.places import PLACES
from core import share
from core.share import MEMORY_SECONDS, MOST_SLOW, SLOW_SECONDS, Share, TooBusy
from projects.models import Project
from tests.conftest import API
from tests.portal.api.customers import create_link
from tests.surfaces import TOO_BUSY, TOO_BUSY_SHAPES

PROJECT = ("project", "p1")
MOST = MOST_SLOW["project"]


class Clock:
    """A clock that tests move."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counts(clock: Clock) -> Share:
    return Share(clock)


class TestShare:
    def test_any_number_of_quick_requests(self, counts: Share) -> None:
        entered = [counts.enter(PROJECT, "GET /a") for _ in range(100)]
        for one in entered:
            counts.leave(PROJECT, one)

    def test_no_more_beside_slow_ones(self, counts: Share, clock: Clock) -> None:
        entered = [counts.enter(PROJECT, "GET /a") for _ in range(MOST)]
        clock.now += SLOW_SECONDS
        with pytest.raises(TooBusy):
            counts.enter(PROJECT, "GET /b")
        counts.enter(("project", "p2"), "GET /a")
        counts.leave(PROJECT, entered[0])
        counts.enter(PROJECT, "GET /b")

    def test_a_path_that_was_slow_counts_from_its_beginning(self, counts: Share, clock: Clock) -> None:
        slow = counts.enter(PROJECT, "GET /a")
        clock.now += SLOW_SECONDS
        counts.leave(PROJECT, slow)
        entered = [counts.enter(PROJECT, "GET /a") for _ in range(MOST)]
        with pytest.raises(TooBusy):
            counts.enter(PROJECT, "GET /a")
        for one in entered:
            counts.leave(PROJECT, one)
        clock.now += MEMORY_SECONDS
        for _ in range(100):
            counts.enter(PROJECT, "GET /a")

    def test_a_customer_has_less_than_the_project(self) -> None:
        assert MOST_SLOW["owner"] == MOST_SLOW["session"] < MOST_SLOW["project"]

    def test_a_project_leaves_places_to_the_others(self) -> None:
        assert MOST_SLOW["project"] + MOST_SLOW["portal"] < PLACES
        assert MOST_SLOW["address"] < PLACES


class Full(Share):
    """A share that parties of some kinds have used up."""

    kinds: tuple[str, ...] = ()

    def enter(self, party: share.Party, path: str) -> share.Entry:
        if party[0] in self.kinds:
            raise TooBusy
        return super().enter(party, path)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Full:
    made = Full()
    monkeypatch.setattr(share, "_share", made)
    return made


class TestSurfaces:
    def test_convoy(self, api: API, project: Project, full: Full) -> None:
        full.kinds = ("project",)
        answer = api.get(f"/projects/{project.uid}/endpoints")
        assert (answer.error, answer.headers["Retry-After"]) == ((429, TOO_BUSY), "1")

    @pytest.mark.parametrize("kind", ["portal", "owner", "session"])
    def test_the_portal_api_and_pages(self, project: Project, full: Full, kind: str) -> None:
        token = create_link(project, owner_id="acme").token
        full.kinds = (kind,)
        headers = {"Authorization": f"Bearer {token}"}
        answer: Any = Client().get("/portal-api/endpoints", headers=headers)
        assert (answer.status_code, answer.json()["message"], answer["Retry-After"]) == (429, TOO_BUSY, "1")
        page: Any = Client().get(f"/portal/{project.uid}/", headers=headers)
        assert (page.status_code, page["Retry-After"]) == (429, "1")
        assert "Too much is being loaded at once." in page.content.decode()

    @pytest.mark.parametrize(("path", "shown"), TOO_BUSY_SHAPES)
    def test_an_address_in_each_shape(self, db: None, full: Full, path: str, shown: Any) -> None:
        full.kinds = ("address",)
        answer: Any = Client(REMOTE_ADDR="8.8.8.8").post(path)
        assert (answer.status_code, answer["Retry-After"], orjson.loads(answer.content)) == (429, "1", shown)
        assert answer["X-Request-ID"]

    def test_files_and_probes_are_never_counted(self, db: None, full: Full) -> None:
        full.kinds = ("address",)
        for path in ("/healthz", "/readyz", "/static/none.css"):
            answer: Any = Client(REMOTE_ADDR="8.8.8.8").get(path)
            assert answer.status_code != 429

    def test_an_address_that_others_may_share_is_not_counted(self, db: None, full: Full, settings: Settings) -> None:
        full.kinds = ("address",)
        shared: list[dict[str, Any]] = [
            {"REMOTE_ADDR": "127.0.0.1"},
            {"REMOTE_ADDR": "10.1.1.1"},
            {"REMOTE_ADDR": "8.8.8.8", "HTTP_X_FORWARDED_FOR": "9.9.9.9"},
        ]
        for environ in shared:
            assert Client(**environ).get("/api/v1/projects").status_code == 401
        settings.TRUST_PROXY_HEADERS = True
        behind: Any = Client(REMOTE_ADDR="10.1.1.1", HTTP_X_FORWARDED_FOR="10.2.2.2, 9.9.9.9").get("/api/v1/projects")
        assert behind.status_code == 429

    def test_each_count_ends_with_its_request(self, api: API, project: Project, full: Full) -> None:
        api.get(f"/projects/{project.uid}/endpoints")
        api.get("/projects/none/endpoints")
        assert full._running == {}
