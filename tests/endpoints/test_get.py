"""GET /api/v1/projects/{projectID}/endpoints/{endpointID}"""

from collections.abc import Callable

import pytest

from endpoints.models import Endpoint
from tests.conftest import API
from tests.endpoints.bodies import API_KEY, BASIC_AUTH, BODY, CLIENT_ASSERTION, SHARED_SECRET
from tests.refusals import HidesOtherEndpoints, RefusesOtherProjects, RefusesStrangers, Send
from tests.statements import statements


@pytest.fixture
def send(collection: str) -> Send:
    return lambda api, uid: api.get(f"{collection}/{uid}")


class TestWorks:
    def test_answers_what_creation_answered(self, api: API, collection: str) -> None:
        created = api.post(collection, BODY | {"owner_id": "acme", "authentication": API_KEY}).data
        answer = api.get(f"{collection}/{created['uid']}")
        assert (answer.status, answer.message) == (200, "Endpoint fetched successfully")
        assert answer.data == created

    def test_without_authentication_it_is_an_empty_object(self, api: API, path: str) -> None:
        assert api.get(path).data["authentication"] == {}

    def test_before_2024_04_the_answer_has_other_names(self, api: API, path: str, endpoint: Endpoint) -> None:
        data = api.get(path, X_Convoy_Version="2024-03-31").data
        assert (data["target_url"], data["title"], data["http_timeout"]) == (endpoint.url, endpoint.name, 0)
        assert data.keys().isdisjoint({"url", "name"})

    @pytest.mark.parametrize("version", ["2023-12-31", "0001-01-01", "latest", "2024-13-01"])
    def test_before_2024_01_durations_are_text(self, api: API, path: str, version: str) -> None:
        data = api.get(path, X_Convoy_Version=version).data
        assert (data["http_timeout"], data["rate_limit_duration"]) == ("0s", "0s")
        assert "target_url" in data

    def test_head_has_the_headers_alone(self, api: API, path: str) -> None:
        response = api.client.head(f"/api/v1{path}", headers=api.headers)
        assert (response.status_code, response.content) == (200, b"")


class TestWhatIsShown:
    """A caller that may write sees the secrets that check deliveries; none sees those that only the server needs."""

    @pytest.mark.parametrize(
        ("authentication", "to_everyone", "to_admins_alone", "to_nobody"),
        [
            (API_KEY, ["X-Key"], ["the value"], []),
            (BASIC_AUTH, ["ada"], [], ["the password"]),
            (SHARED_SECRET, ["ada", "https://auth.example.com/token"], [], ["the client secret"]),
            (CLIENT_ASSERTION, ["ada", "the x", "the y", "P-256"], [], ["the d"]),
        ],
    )
    def test_secrets_and_credentials(
        self,
        api: API,
        viewer: API,
        collection: str,
        make_endpoint: Callable[..., Endpoint],
        authentication: dict[str, object],
        to_everyone: list[str],
        to_admins_alone: list[str],
        to_nobody: list[str],
    ) -> None:
        path = f"{collection}/{make_endpoint(authentication=authentication, secret='the signing secret').uid}"
        to_admins_alone = [*to_admins_alone, "the signing secret"]
        for reader, shown, hidden in (
            (api, to_everyone + to_admins_alone, to_nobody),
            (viewer, to_everyone, to_admins_alone + to_nobody),
        ):
            content = reader.get(path).response.content.decode()
            assert [word for word in shown if f'"{word}"' not in content] == []
            assert [word for word in hidden if word in content] == []

    def test_a_viewers_answer_has_the_same_shape(self, api: API, viewer: API, path: str) -> None:
        shown, masked = api.get(path).data, viewer.get(path).data
        assert masked["secrets"] == [secret | {"value": "[REDACTED]"} for secret in shown["secrets"]]
        assert masked | {"secrets": []} == shown | {"secrets": []}

    def test_who_may_only_read_cannot_write_to_the_chats(
        self, api: API, viewer: API, collection: str, make_endpoint: Callable[..., Endpoint]
    ) -> None:
        urls = {
            "slack_webhook_url": "https://hooks.slack.com/services/the-slack-secret",
            "teams_webhook_url": "https://example.webhook.office.com/the-teams-secret",
        }
        path = f"{collection}/{make_endpoint(**urls).uid}"
        assert api.get(path).data.items() >= urls.items()
        for answer in (viewer.get(path).data, viewer.get(collection).data["content"][0]):
            assert answer.items() >= dict.fromkeys(urls, "[REDACTED]").items()


class TestAuthentication(RefusesStrangers, RefusesOtherProjects):
    pass


class TestAnotherTenant(HidesOtherEndpoints):
    missing = (404, "Resource not found")

    def test_a_slash_at_the_end(self, api: API, path: str) -> None:
        assert api.get(f"{path}/").error == (404, "404 page not found")


class TestStatements:
    def test_the_key_and_the_endpoint(self, api: API, path: str) -> None:
        with statements() as found:
            api.get(path)
        assert found == ["SELECT projects_apikey", "SELECT endpoints_endpoint"]
