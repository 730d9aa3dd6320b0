"""The instance's limit on requests: API_RATE_LIMIT a second, counted for each key.

Contract: docs/contract/conventions.md#rate-limit.
"""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from projects import request_limit
from projects.models import APIRateWindow, Project
from tests.conftest import API
from tests.portal.api.customers import create_link, portal


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}/portal-links"


@pytest.fixture
def limited(settings: Settings) -> None:
    """One request a second, which is sixty a minute."""
    settings.API_RATE_LIMIT = 1


def use_up(api: API, path: str) -> None:
    for _ in range(60):
        assert api.get(path).status == 200


@pytest.mark.usefixtures("limited")
class TestOn:
    def test_the_first_request_over_the_limit_is_refused(self, api: API, path: str) -> None:
        use_up(api, path)
        answer = api.get(path)
        assert answer.error == (429, "exceeded rate limit")
        assert answer.headers["X-RateLimit-Limit"] == "60"
        assert answer.headers["X-RateLimit-Remaining"] == "0"
        assert answer.headers["X-RateLimit-Reset"] == answer.headers["Retry-After"]
        assert 1 <= int(answer.headers["Retry-After"]) <= 60

    def test_other_keys_are_not_harmed(self, api: API, viewer: API, path: str) -> None:
        use_up(api, path)
        assert viewer.get(path).status == 200

    @pytest.mark.slow
    def test_the_next_minute_is_free_again(self, api: API, path: str) -> None:
        use_up(api, path)
        assert api.get(path).status == 429
        APIRateWindow.objects.update(started_at=F("started_at") - timedelta(seconds=60))
        use_up(api, path)
        assert api.get(path).status == 429

    def test_a_refused_request_changes_nothing(self, api: API, path: str) -> None:
        use_up(api, path)
        assert api.post(path, {"name": "Acme", "owner_id": "acme"}).status == 429
        APIRateWindow.objects.all().delete()
        assert api.get(path).data["content"] == []

    def test_an_answer_within_the_limit_has_no_headers_of_it(self, api: API, path: str) -> None:
        assert not [name for name in api.get(path).headers if name.lower().startswith("x-ratelimit")]

    def test_without_a_key_there_is_nothing_to_count(self, nobody: API, path: str) -> None:
        assert nobody.get(path).status == 401
        assert not APIRateWindow.objects.exists()


def test_off_it_costs_no_statement(api: API, path: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        api.get(path)
    assert not [query for query in queries.captured_queries if "apiratewindow" in query["sql"]]
    assert not APIRateWindow.objects.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("limited")
def test_the_portal_api_counts_each_link(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.api.windows", request_limit.Windows())
    limited, other = (portal(create_link(project, owner_id=owner).token) for owner in ("acme", "other"))
    use_up(limited, "/portal_link")
    answer = limited.get("/portal_link")
    assert answer.error == (429, "exceeded rate limit")
    assert answer.headers["X-RateLimit-Limit"] == "60"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert other.get("/portal_link").status == 200
