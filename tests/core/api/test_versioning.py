"""X-Convoy-Version: which changes a version undoes, for what is sent and for what is answered."""

from datetime import date
from typing import Any

import pytest
from django.test import RequestFactory
from pytest_django import Settings
from rest_framework.request import Request

from core.api.versioning import client_version
from core.exceptions import InvalidInput
from endpoints.models import Endpoint
from endpoints.versioning import DURATIONS_AS_TEXT, TARGET_URL_AND_TITLE, endpoint_response, whole_seconds
from portal_links.views import OWNER_ID_OPTIONAL
from projects.models import Project
from tests.conftest import API
from tests.statements import nothing_changes

#: An endpoint as far as versions touch it.
ENDPOINT: dict[str, Any] = {"uid": "x", "url": "u", "name": "n", "http_timeout": 90, "rate_limit_duration": 0}
OLDER = {"uid": "x", "target_url": "u", "title": "n", "http_timeout": 90, "rate_limit_duration": 0}
OLDEST = OLDER | {"http_timeout": "1m30s", "rate_limit_duration": "0s"}


def request(version: str | None) -> Request:
    headers = {} if version is None else {"X-Convoy-Version": version}
    return Request(RequestFactory().get("/", headers=headers))


class TestClientVersion:
    @pytest.mark.parametrize(
        ("sent", "version"),
        [
            ("2023-12-31", date(2023, 12, 31)),
            ("2024-01-01", date(2024, 1, 1)),
            ("0001-01-01", date(1, 1, 1)),
            ("9999-12-31", date(9999, 12, 31)),
        ],
    )
    def test_a_date(self, sent: str, version: date) -> None:
        assert client_version(request(sent)) == version

    @pytest.mark.parametrize("sent", [None, ""])
    def test_without_one_it_is_the_servers(self, settings: Settings, sent: str | None) -> None:
        assert client_version(request(sent)) == date(2025, 11, 24)
        settings.API_VERSION = "2024-02-02"
        assert client_version(request(sent)) == date(2024, 2, 2)

    @pytest.mark.parametrize(
        "sent",
        [
            *("v2", "latest", "2024-13-01", "2023-02-29", "2024-1-1", "20240401", "2024-W14-1", "2024-04-01T00:00:00Z"),
            *(
                " ",
                "2024-04-01 ",
                "-2024-04-01",
                "\uff12\uff10\uff12\uff14-04-01",
                "2024-04-01\x00",
                "9" * 5000,
                "0000-00-00",
            ),
        ],
    )
    def test_what_is_no_date_is_older_than_everything(self, sent: str) -> None:
        assert client_version(request(sent)) == date.min


class TestAnswers:
    @pytest.mark.parametrize(
        ("version", "answer"),
        [
            (date.min, OLDEST),
            (date(2023, 12, 31), OLDEST),
            (DURATIONS_AS_TEXT, OLDER),
            (date(2024, 3, 31), OLDER),
            (TARGET_URL_AND_TITLE, ENDPOINT),
            (OWNER_ID_OPTIONAL, ENDPOINT),
            (date.max, ENDPOINT),
        ],
    )
    def test_a_change_holds_from_its_day_on(self, version: date, answer: dict[str, Any]) -> None:
        document = dict(ENDPOINT)
        changed = endpoint_response(document, version)
        assert changed == answer
        assert list(changed) == list(answer)
        assert document == ENDPOINT


class TestDurations:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("10s", 10), ("1m", 60), ("1h1m1s", 3661), ("0", 0), ("999ms", 0), ("1.9s", 1), ("2147483647s", 2**31 - 1)],
    )
    def test_whole_seconds(self, text: str, seconds: int) -> None:
        assert whole_seconds("http_timeout", text, detailed=True) == seconds

    @pytest.mark.parametrize("text", ["", "10", "ten", "-1s", "2147483648s", "9" * 255 + "h"])
    @pytest.mark.parametrize("name", ["http_timeout", "rate_limit_duration"])
    def test_refused_in_both_families(self, name: str, text: str) -> None:
        with pytest.raises(InvalidInput) as refusal:
            whole_seconds(name, text, detailed=False)
        assert refusal.value.message == "Invalid request format"
        with pytest.raises(InvalidInput) as refusal:
            whole_seconds(name, text, detailed=True)
        assert refusal.value.message == f'invalid {name} format: time: invalid duration "{text}"'


class TestOverTheAPI:
    """Each dated change through the operations that it touches, and one that it does not."""

    @pytest.fixture
    def endpoints(self, project: Project) -> str:
        return f"/projects/{project.uid}/endpoints"

    @pytest.mark.parametrize(
        ("version", "shape"),
        [
            ("2023-12-31", ("target_url", "title", "1m30s")),
            ("whatever", ("target_url", "title", "1m30s")),
            ("2024-01-01", ("target_url", "title", 90)),
            ("2024-03-31", ("target_url", "title", 90)),
            ("2024-04-01", ("url", "name", 90)),
            ("2025-11-23", ("url", "name", 90)),
            ("2030-01-01", ("url", "name", 90)),
        ],
    )
    def test_every_versioned_operation_has_the_shape(
        self, api: API, endpoints: str, version: str, shape: tuple[Any, ...]
    ) -> None:
        header = {"X_Convoy_Version": version}
        body = {"url": "https://example.com", "name": "Orders", "http_timeout": "1m30s" if "1m30s" in shape else 90}
        created = api.post(endpoints, body, **header)
        path = f"{endpoints}/{created.data['uid']}"
        answers = [created.data, api.put(path, body, **header).data, api.get(path, **header).data]
        answers += [api.put(f"{path}/pause", **header).data, api.post(f"{path}/activate", **header).data]
        answers += api.get(endpoints, **header).data["content"]
        for answer in answers:
            assert (answer[shape[0]], answer[shape[1]], answer["http_timeout"]) == (body["url"], "Orders", shape[2])
            assert len(answer.keys() & {"url", "name", "target_url", "title"}) == 2
        rotated = api.put(f"{path}/expire_secret", {}, **header).data
        assert (rotated["url"], rotated["name"], rotated["http_timeout"]) == (body["url"], "Orders", 90)

    @pytest.mark.parametrize(
        ("version", "duration", "message"),
        [
            ("2023-12-31", 90, "Invalid request format"),
            ("2024-01-01", "1m30s", "Invalid request format"),
            ("2024-04-01", "1m30s", "Invalid request format"),
        ],
    )
    def test_a_duration_of_another_age_is_refused(
        self, api: API, endpoints: str, version: str, duration: Any, message: str
    ) -> None:
        body = {"url": "https://example.com", "name": "Orders", "http_timeout": duration}
        with nothing_changes():
            assert api.post(endpoints, body, X_Convoy_Version=version).error == (400, message)

    @pytest.mark.parametrize("version", ["2023-12-31", "2024-03-31"])
    def test_older_names_are_for_answers_alone(self, api: API, endpoints: str, version: str) -> None:
        body = {"target_url": "https://example.com", "title": "Orders"}
        with nothing_changes():
            answer = api.post(endpoints, body, X_Convoy_Version=version)
        assert answer.error == (400, "Invalid input provided")

    @pytest.mark.parametrize(
        ("version", "advanced"), [("2023-12-31", False), ("2024-01-01", True), ("2025-11-24", True)]
    )
    def test_the_default_of_advanced_signatures(self, api: API, endpoints: str, version: str, advanced: bool) -> None:
        body = {"url": "https://example.com", "name": "Orders"}
        api.post(endpoints, body, X_Convoy_Version=version)
        assert Endpoint.objects.get().advanced_signatures is advanced

    @pytest.mark.parametrize(
        ("version", "status"), [("2023-12-31", 400), ("2025-11-23", 400), ("2025-11-24", 201), ("2030-01-01", 201)]
    )
    def test_a_portal_link_needed_an_owner_before_2025_11_24(
        self, api: API, project: Project, version: str, status: int
    ) -> None:
        body = {"name": "Link", "owner_id": None if status == 400 else "acme"}
        answer = api.post(f"/projects/{project.uid}/portal-links", body, X_Convoy_Version=version)
        assert answer.status == status

    def test_projects_have_no_versions(self, api: API, project: Project) -> None:
        path = f"/projects/{project.uid}"
        assert api.get(path, X_Convoy_Version="0001-01-01").data == api.get(path).data

    def test_the_answers_header_is_what_the_server_runs(self, api: API, endpoints: str) -> None:
        for sent in ("2023-12-31", "nonsense", ""):
            answer = api.get(endpoints, X_Convoy_Version=sent)
            assert answer.headers["X-Convoy-Version"] == "2025-11-24"
